"""The embedded log's reader among a failing disk and a file that is exchanged under it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from loginlake.errors import Unavailable, UnknownLog
from loginlake.stream import embedded_reader
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.log import Position

LONG_S = 30.0


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EmbeddedLog]:
    opened = EmbeddedLog(tmp_path / "log.db", partitions=4)
    for future in [opened.send(None, b"%d" % number) for number in range(40)]:
        future.result(LONG_S)
    yield opened
    opened.close()


def fail_at(monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    """The disk fails at the nth slice that is read, once."""
    slices = count(1)

    class Failing(sqlite3.Connection):
        def execute(self, statement: str, *bound: Any) -> sqlite3.Cursor:
            if statement == embedded_reader._SELECT and next(slices) == nth:
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
                raise error
            return super().execute(statement, *bound)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Failing))


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_slice_that_failed_in_the_middle_is_read_again_whole(
    log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    reader = log.subscribe("g", lambda _partition: 0)
    fail_at(monkeypatch, nth)
    with pytest.raises(Unavailable):
        reader.poll(1000, 0.0)
    found = [(record.partition, record.offset) for record in reader.poll(1000, LONG_S)]
    assert sorted(found) == [(partition, offset) for partition in range(4) for offset in range(10)]


def put_back_a_copy(path: Path) -> None:
    shutil.copy(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").replace(path)


@pytest.mark.parametrize("exchange", [Path.unlink, put_back_a_copy])
def test_a_file_exchanged_under_an_open_log_stops_every_call(
    log: EmbeddedLog, tmp_path: Path, exchange: Callable[[Path], None]
) -> None:
    reader = log.subscribe("g", lambda _partition: 0)
    assert len(reader.poll(1000, LONG_S)) == 40
    exchange(tmp_path / "log.db")
    calls: list[Callable[[], object]] = [
        log.identity,
        log.ranges,
        lambda: log.read(Position(0, 0)),
        lambda: log.send(b"k", b"v").result(LONG_S),
        lambda: reader.poll(1000, 0.0),
        lambda: reader.commit({0: 1}),
    ]
    for call in calls:
        with pytest.raises(UnknownLog, match=r"log\.db was moved away, replaced or removed"):
            call()
