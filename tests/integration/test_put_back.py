"""A backup of the log is put back under a lake that went on: every verb says so, and the operator's walk mends it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes.command_line import CommandLine
from fakes.silver_messages import signin, value

from loginlake.event import rfc3339

MOVE = "loginlake topic --new-log"


def sent(line: CommandLine, word: str, count: int) -> list[str]:
    """Sign-ins of one person, so that all are in one partition."""
    now = rfc3339(datetime.now(UTC))
    names = [f"{word} {number}" for number in range(count)]
    assert line.send(*(value(signin(id=name, time=now)) for name in names))["sent"] == count
    return names


def put_back(line: CommandLine, first: int, after: int, later: int) -> list[str]:
    """A backup is taken after `first` sign-ins; `after` more are landed; it is put back, and gets `later` others."""
    names = sent(line, "first", first)
    line.pass_through()
    shutil.copy(line.data / "log.db", line.data / "backup.db")
    names += sent(line, "after", after)
    line.pass_through()
    shutil.copy(line.data / "backup.db", line.data / "log.db")
    return names + sent(line, "later", later)


def failed(line: CommandLine, *words: str) -> str:
    result = line.run(*words)
    assert result.exit_code == 1
    said: str = result.stderr
    return said


def faults(line: CommandLine, *words: str) -> list[tuple[str, list[tuple[int, int]]]]:
    report = line.json("audit", *words, code=1)
    found: list[dict[str, Any]] = [finding for finding in report["findings"] if not finding["notice"]]
    assert all(MOVE in finding["next_move"] for finding in found)
    return [(one["fault"], [(place["first"], place["end"]) for place in one["places"]]) for one in found]


@pytest.mark.parametrize(("later", "deep"), [(0, "log_lost_its_end"), (2, "log_differs"), (3, "log_differs")])
def test_it_is_named_everywhere_and_lands_as_a_log_of_its_own(line: CommandLine, later: int, deep: str) -> None:
    names = put_back(line, first=4, after=2, later=later)
    before = line.lake()
    for words in (("land", "--once"), ("status",)):
        assert MOVE in failed(line, *words)
    assert {key: data for key, data in line.lake().items() if key.startswith("bronze")} == {
        key: data for key, data in before.items() if key.startswith("bronze")
    }
    assert deep in [fault for fault, _ in faults(line, "--deep")]
    assert faults(line) == [(deep, [(4, 6)])] if later == 0 else [(deep, [(5, 6)])]
    assert "this is log 1." in line("topic", "--new-log")
    assert "this is log 1." in line("topic", "--new-log")
    line.pass_through()
    assert sorted(row["id"] for row in line.rows("silver/signins")) == sorted(names)
    assert len(line.rows("repeated")) == 4
    report = line.json("audit", "--deep")
    assert (report["balanced"], report["findings"]) == (True, [])
    assert line.json("status")["complete_until"] is not None


def test_what_the_copy_no_longer_has_counts_as_expired_under_its_new_number(line: CommandLine) -> None:
    names = put_back(line, first=4, after=2, later=3)
    with closing(sqlite3.connect(line.data / "log.db")) as log, log:
        log.execute("DELETE FROM records WHERE place & 4503599627370495 < 2")
        log.execute("UPDATE ends SET first = 2 WHERE next > 0")
    assert "this is log 1." in line("topic", "--new-log")
    line.pass_through()
    assert sorted(row["id"] for row in line.rows("silver/signins")) == sorted(names)
    report = line.json("audit", "--deep")
    assert (report["balanced"], report["account"]["expired"], report["account"]["repeated"]) == (True, 2, 2)


def test_what_was_written_over_before_is_named_by_a_deep_audit_and_lands_too(line: CommandLine) -> None:
    """As if land had gone on: bronze ends with records of this log, but has others before them."""
    sent(line, "first", 4)
    line.pass_through()
    with closing(sqlite3.connect(line.data / "log.db")) as log, log:
        for offset in (1, 2):
            old = signin(id=f"put back {offset}", time=rfc3339(datetime.now(UTC)))
            log.execute("UPDATE records SET value = ? WHERE place & 4503599627370495 = ?", (value(old), offset))
    assert line.json("audit")["balanced"]
    assert faults(line, "--deep") == [("log_differs", [(1, 3)])]
    assert "this is log 1." in line("topic", "--new-log")
    line.pass_through()
    assert {row["id"] for row in line.rows("silver/signins")} >= {"put back 1", "put back 2", "first 1", "first 2"}
    assert line.json("audit", "--deep")["balanced"]


def test_a_log_that_was_stamped_by_a_wrong_clock_is_followed_by_another(line: CommandLine) -> None:
    names = sent(line, "first", 3)
    with closing(sqlite3.connect(line.data / "log.db")) as log, log:
        log.execute("UPDATE ends SET last_ms = last_ms + 31536000000 WHERE next > 0")
    said = line.run("send", "-", sent=value(signin(id="refused")))
    assert said.exit_code == 1
    assert "Set the clock right" in said.stderr
    line.pass_through()
    (line.data / "log.db").rename(line.data / "former.db")
    names += sent(line, "later", 2)
    assert MOVE in failed(line, "land", "--once")
    assert "this is log 1." in line("topic", "--new-log")
    line.pass_through()
    assert sorted(row["id"] for row in line.rows("silver/signins")) == sorted(names)
    assert line.json("audit", "--deep")["balanced"]
