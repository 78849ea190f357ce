"""`loginlake status`: the account balances, says so, and names what does not."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import CommandLine, content

NAMES = [
    "answered",
    "accepted",
    "waiting",
    "expired",
    "landed",
    "to_clean",
    "clean",
    "repeated",
    "rejected",
    "erased",
    "to_publish",
    "gold",
]
DEMO = ("demo", "--people", "90", "--days", "3", "--until", "2026-11-20", "--repeats", "0.1", "--nulls", "0.1")


def filled(line: CommandLine) -> CommandLine:
    line(*DEMO)
    line.pass_through()
    return line


def drop_silver(line: CommandLine) -> None:
    line.files("silver/signins")[0].unlink()


def cut_a_row_of_silver(line: CommandLine) -> None:
    path = line.files("silver/signins")[0]
    path.write_bytes(gzip.compress(b"".join(content(path).splitlines(keepends=True)[1:])))


def drop_bronze(line: CommandLine) -> None:
    line.files("bronze")[0].unlink()


def drop_rejected(line: CommandLine) -> None:
    line.files("rejected")[0].unlink()


def drop_repeated(line: CommandLine) -> None:
    line.files("repeated")[0].unlink()


def drop_a_receipt(line: CommandLine) -> None:
    """Without its receipt an object is to be cleaned; that its rows are in silver already is seen by their origins."""
    line.files("receipts")[0].unlink()


def edit_gold(line: CommandLine, change: Callable[[dict[str, Any]], None]) -> None:
    with closing(sqlite3.connect(line.data / "gold.db")) as gold, gold:
        name, body = gold.execute("SELECT id, body FROM documents_rows WHERE id LIKE '%:day:%' ORDER BY id").fetchone()
        document = json.loads(body)
        change(document)
        gold.execute("UPDATE documents_rows SET body = ? WHERE id = ?", (json.dumps(document), name))


def lose_a_sign_in_in_gold(line: CommandLine) -> None:
    edit_gold(line, lambda day: day.update(signins=day["signins"] - 1))


def double_a_sign_in_in_gold(line: CommandLine) -> None:
    edit_gold(line, lambda day: day.update(signins=day["signins"] + 1))


def test_an_empty_lake_balances(line: CommandLine) -> None:
    line.data.mkdir()
    account = line.json("status", "--check")
    assert [account[name] for name in NAMES] == [0] * len(NAMES)
    assert account["complete_until"] is None


def test_the_names_that_others_rely_on(line: CommandLine) -> None:
    account = filled(line).json("status")
    assert [name for name in account if name in NAMES] == NAMES
    assert all(type(account[name]) is int for name in NAMES)
    assert sum(account["rejected_by_reason"].values()) == account["rejected"] > 0
    assert account["repeated"] > 0


def test_a_balanced_account_exits_with_0_and_says_so(line: CommandLine) -> None:
    shown = filled(line)("status", "--check")
    assert "Everything is accounted for." in shown
    assert "DOES NOT BALANCE" not in shown


def test_every_moment_of_the_path_balances(line: CommandLine) -> None:
    line(*DEMO)
    seen = [line.json("status", "--check")]
    for stage in ("land", "clean", "publish"):
        line(stage, "--once")
        seen.append(line.json("status", "--check"))
    total = seen[0]["accepted"]
    assert total > 0
    assert [account["waiting"] for account in seen] == [total, 0, 0, 0]
    assert [account["to_clean"] for account in seen] == [0, total, 0, 0]
    assert [account["to_publish"] for account in seen] == [0, 0, seen[2]["clean"], 0]
    assert [account["gold"] for account in seen] == [0, 0, 0, seen[2]["clean"]]
    assert len({account["accepted"] for account in seen}) == 1


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (drop_silver, "landed is"),
        (cut_a_row_of_silver, "landed is"),
        (drop_rejected, "landed is"),
        (drop_repeated, "landed is"),
        (drop_bronze, "landed is"),
        (lose_a_sign_in_in_gold, "clean is"),
        (double_a_sign_in_in_gold, "clean is"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_fault_is_named_and_fails_the_check(
    line: CommandLine, break_it: Callable[[CommandLine], None], named: str
) -> None:
    filled(line)
    break_it(line)
    shown = line("status", "--check", code=1)
    assert f"DOES NOT BALANCE: {named}" in shown
    assert "Everything is accounted for." not in shown
    assert "DOES NOT BALANCE" in line("status")  # without --check the exit code is 0
    line.json("status", "--check", code=1)


def test_the_last_bronze_object_gone_is_waiting_again(line: CommandLine) -> None:
    """The log still has those records, so nothing is lost yet; but silver has rows that bronze has not."""
    filled(line)
    for path in line.files("bronze"):
        path.unlink()
    account = line.json("status", "--check", code=1)
    assert (account["landed"], account["waiting"]) == (0, account["accepted"])


def test_a_pass_that_was_cut_before_its_receipts_balances(line: CommandLine) -> None:
    """Killed between silver and receipt: the rows are in silver, and the object is still on the work list."""
    before = filled(line).json("status")
    for path in line.files("receipts"):
        path.unlink()
    account = line.json("status", "--check")
    assert (account["to_clean"], account["clean"]) == (0, before["clean"])


def test_a_pass_that_was_cut_half_way_balances(line: CommandLine) -> None:
    filled(line)
    for path in line.files("receipts"):
        path.unlink()
    gone = line.files("rejected")[0]
    rows = len(content(gone).splitlines())
    gone.unlink()
    assert line.json("status", "--check")["to_clean"] == rows


def test_what_the_log_dropped_unlanded_is_expired(line: CommandLine) -> None:
    from loginlake.stream.embedded import EmbeddedLog

    line(*DEMO)
    with closing(EmbeddedLog(line.data / "log.db", partitions=4)) as log:
        log.delete_before(0, 3)
    before = line.json("status")
    assert (before["waiting"], before["expired"]) == (before["accepted"] - 3, 0)
    line.pass_through()
    account = line.json("status", "--check")
    assert (account["expired"], account["waiting"]) == (3, 0)
    assert account["landed"] == account["accepted"] - 3


def test_what_comes_later_is_waiting(line: CommandLine) -> None:
    landed = filled(line).json("status")["landed"]
    line.send(b"one", b"two")
    account = line.json("status", "--check")
    assert (account["waiting"], account["landed"]) == (2, landed)
    assert "complete until 2" in line("status")


def test_another_log_is_a_clear_stop(line: CommandLine, tmp_path: Path) -> None:
    filled(line)
    other = CommandLine(line.data, LOGINLAKE_LOG_URL=f"sqlite:{tmp_path / 'other.db'}")
    for verb in (["status"], ["land", "--once"]):
        result = other.run(*verb)
        assert result.exit_code == 1
        assert "This lake was filled from another log" in result.stderr


def test_each_layer_says_what_waits_before_it_and_when_it_last_ran(line: CommandLine) -> None:
    line(*DEMO)
    layers = line.json("status")["layers"]
    sent = sum(layers["lag"].values())
    assert (sent > 0, layers["audited"], layers["published_at"]) == (True, None, None)
    waiting = []
    for stage in ("land", "clean", "publish"):
        line(stage, "--once")
        layers = line.json("status")["layers"]
        waiting.append((sum(layers["lag"].values()), layers["to_clean_objects"] > 0, layers["to_publish_days"] > 0))
    assert waiting == [(0, True, False), (0, False, True), (0, False, False)]
    assert layers["landed_until"] == layers["cleaned_until"] == layers["published_until"] is not None
    line("audit", "--deep")
    shown = line("status").splitlines()
    assert [row.split()[0] for row in shown[:6]] == ["spool", "log", "bronze", "silver", "gold", "audit"]
    assert "deep, 0 wrong, " in shown[5]
    assert len(shown) <= 24
    assert max(map(len, shown)) <= 100
