"""Log lines: the values given beside the message are in the line."""

from __future__ import annotations

import logging

import pytest

from loginlake import journal


def line(**extra: object) -> str:
    record = logging.getLogger("stage").makeRecord("stage", logging.INFO, "f.py", 1, "landed", (), None, extra=extra)
    return journal.Formatter("%(name)s: %(message)s").format(record)


def test_values_follow_the_message() -> None:
    assert line(partition=3, records=20) == "stage: landed partition=3 records=20"


def test_without_values_the_line_is_the_message() -> None:
    assert line() == "stage: landed"


def test_a_level_decides_what_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        journal.start("warning")
        logging.getLogger("stage").info("quiet")
        logging.getLogger("stage").warning("loud", extra={"object": "a"})
    finally:
        root.handlers[:], root.level = before, level
        root.setLevel(level)
    assert "quiet" not in (written := capsys.readouterr().err)
    assert "loud object=a" in written
