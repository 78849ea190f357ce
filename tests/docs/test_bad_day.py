"""The bad day of docs/operations.md can be lived again: the same steps print the same lines, but for numbers."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fakes.command_line import CommandLine
from fakes.silver_messages import signin

OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
WALK = OPERATIONS.partition("## A bad day, step by step")[2].partition("\n## ")[0]


def told(command: str, nth: int = 0) -> list[str]:
    """What the walk shows below a command; the nth time that it is there."""
    lines = [line[4:] for line in WALK.splitlines() if line.startswith("    ") or not line]
    starts = [at for at, line in enumerate(lines) if line.startswith(f"$ loginlake {command}")]
    after = lines[starts[nth] + 1 :]
    return after[: next((at for at, line in enumerate(after) if line.startswith("$ ")), len(after))]


def shape(lines: list[str]) -> list[str]:
    """Lines without their numbers, and without the white space that right-aligns them."""
    return [re.sub(r" +", " ", re.sub(r"\d[\d,]*", "N", line)).strip() for line in lines if line.strip()]


def test_the_walk_can_be_lived_again(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    line(
        "demo", "--people", "40", "--days", "3", "--nulls", "0", "--broken", "0", "--refusals", "0", "--repeats", "0.1"
    )
    line.pass_through()
    ahead = (datetime.now(UTC) + timedelta(minutes=26)).strftime("%Y-%m-%dT%H:%M:%SZ")
    line.send(*(json.dumps(signin({"provider": "shop"}, id=f"s{n:03d}", time=ahead)).encode() for n in range(8)))
    line.pass_through()
    assert shape(line("status").splitlines()) == shape(told("status"))
    assert shape(line("rejected", "list").splitlines()) == shape(told("rejected list"))
    shown = line("rejected", "show", "--reason", "future", "--limit", "1").splitlines()
    assert shape(shown)[0] == shape(told("rejected show"))[0]
    place = shown[0].split()[1]
    assert shape(line("rejected", "explain", place).splitlines()) == shape(told("rejected explain"))
    line.env["LOGINLAKE_FUTURE_MINUTES"] = "45"
    assert shape(line("rejected", "explain", place).splitlines()) == shape(told("rejected explain", 1))
    assert shape(line("rejected", "replay", "--reason", "future").splitlines()) == shape(told("rejected replay"))
    assert shape(line("publish", "--once").splitlines()) == shape(told("publish --once"))
    assert line("rejected", "list") == ""
    assert told("rejected list", 1) == []
    audit = shape(line("audit").splitlines())
    assert audit == shape([row for row in told("audit") if row])
    assert shape(line("trace", "s000").splitlines())[1:] == shape(told("trace"))[1:]
