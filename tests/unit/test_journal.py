"""Log lines: the values given beside the message are in the line."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from loginlake import journal


def line(**extra: object) -> str:
    record = logging.getLogger("stage").makeRecord("stage", logging.INFO, "f.py", 1, "landed", (), None, extra=extra)
    return journal.Formatter("%(name)s: %(message)s").format(record)


def test_values_follow_the_message() -> None:
    assert line(partition=3, records=20) == "stage: landed partition=3 records=20"


def test_without_values_the_line_is_the_message() -> None:
    assert line() == "stage: landed"


@pytest.fixture
def own_logging() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.usefixtures("own_logging")
def test_a_level_decides_what_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    journal.start("warning")
    logging.getLogger("stage").info("quiet")
    logging.getLogger("stage").warning("loud", extra={"object": "a"})
    assert "quiet" not in (written := capsys.readouterr().err)
    assert "loud object=a" in written


@pytest.mark.usefixtures("own_logging")
def test_a_json_line_has_each_value_under_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    journal.start("info", "json")
    logging.getLogger("loginlake.web").info("sign-in %s", "durable", extra={"event": "e1", "offset": 7, "s": {"Ñ\n"}})
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "info",
        "logger": "loginlake.web",
        "message": "sign-in durable",
        "event": "e1",
        "offset": 7,
        "s": str({"Ñ\n"}),
    }


def test_of_an_exception_a_json_line_has_class_and_place_and_not_its_words() -> None:
    try:
        raise ValueError("ana@example.com")
    except ValueError:
        info = sys.exc_info()
    record = logging.getLogger("stage").makeRecord("stage", logging.ERROR, "f.py", 1, "failed", (), info)
    line = journal.JsonFormatter().format(record)
    assert "ana@example.com" not in line
    assert json.loads(line)["error"] == "ValueError"
    assert json.loads(line)["at"][0].startswith("test_journal.py:")
