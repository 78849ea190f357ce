"""The form of events changes while the pipeline runs: bronze keeps each byte, silver its columns, the account balances.

docs/data.md, "When the form changes": additions are dropped in silver; another version of the type is rejected as
unknown_type until a release knows it, and is cleaned from bronze then.
"""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import CommandLine
from fakes.silver_messages import signin, value

from loginlake.event import SIGNIN
from loginlake.silver import rules
from loginlake.silver.reasons import Finding

V2 = "loginlake.signin.v2"
NOW = datetime.now(UTC)


def event(number: int, data: dict[str, object] | None = None, **attributes: Any) -> bytes:
    time = (NOW - timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    user = {"user_id": f"{number:04d}", **(data or {})}
    return value(signin(user, id=f"e{number}", time=time, received=time, **attributes))


V1 = [event(number) for number in range(5)]
ADDED = [
    event(
        number, {"device": {"model": "Ñu", "os": ["a", None]}, "score": 0.5}, traceparent="00-" + "1" * 32, tenant="t"
    )
    for number in range(5, 10)
]
NEW = [
    event(number, {"device": {"model": "x"}}, type=V2, dataschema="https://example.com/v2") for number in range(10, 15)
]


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "data")


def sent_and_passed(line: CommandLine, *phases: list[bytes]) -> dict[str, Any]:
    """Each phase is sent and goes through every stage before the next one is sent."""
    for messages in phases:
        line.send(*messages)
        line.pass_through()
    return line.json("status", "--check")


def in_bronze(line: CommandLine) -> set[bytes]:
    rows = (row for path in line.files("bronze") for row in gzip.decompress(path.read_bytes()).splitlines())
    return {row[row.index(b',"value":') + len(b',"value":') : -1] for row in rows}


def test_fields_that_are_new_are_kept_in_bronze_and_dropped_in_silver(line: CommandLine) -> None:
    account = sent_and_passed(line, V1, ADDED, V1)
    assert (account["clean"], account["repeated"], account["rejected"]) == (10, 5, 0)
    assert in_bronze(line) == {*V1, *ADDED}
    columns = {tuple(row) for row in line.rows("silver/signins")}
    assert len(columns) == 1, "an old row and a new one have the same columns"
    assert not {"device", "score", "tenant", "traceparent"} & set(columns.pop())
    line("audit", "--deep")


def test_another_version_waits_in_rejected_until_a_release_knows_it(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = sent_and_passed(line, V1, NEW, ADDED)
    assert account["rejected_by_reason"] == {"unknown_type": 5}
    assert in_bronze(line) == {*V1, *NEW, *ADDED}
    assert account["clean"] == account["gold"] == 10
    before = line.rows("silver/signins")

    read = rules.read

    def newer(message: bytes | None) -> dict[str, Any] | Finding:
        """What a release that knows v2 does: its fields that silver has a column for are where they were."""
        document = read(message)
        if isinstance(document, dict) and document.get("type") == V2:
            document["type"] = SIGNIN
        return document

    monkeypatch.setattr(rules, "read", newer)
    line("rejected", "replay", "--reason", "unknown_type")
    line.pass_through()
    after = line.json("status", "--check")
    assert (after["clean"], after["gold"], after["rejected"]) == (15, 15, 0)
    assert in_bronze(line) == {*V1, *NEW, *ADDED}
    rows = line.rows("silver/signins")
    assert [row for row in rows if row in before] == before
    assert {row["id"] for row in rows} - {row["id"] for row in before} == {json.loads(new)["id"] for new in NEW}
    line("audit", "--deep")
