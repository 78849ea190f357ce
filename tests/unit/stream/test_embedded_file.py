"""The file of the embedded log: opened, refused, and its errors named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from loginlake.errors import Corrupt, GiveUp, LoginlakeError, Misconfigured, Unavailable, UnknownLayout
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.embedded_file import LogFile, condition


def failure(path: Path) -> LoginlakeError:
    """How both doors fail: the calls, and the futures."""
    log = EmbeddedLog(path, partitions=1)
    with pytest.raises(LoginlakeError) as called:
        log.ranges()
    sent = log.send(b"secret-key", b"secret-value").exception(30)
    log.close()
    assert type(sent) is type(called.value)
    assert "secret" not in str(sent)
    assert called.value.what
    assert called.value.why
    assert called.value.next_move
    return called.value


def test_a_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    assert isinstance(failure(tmp_path / "data" / "log.db"), Misconfigured)


def test_a_folder_in_the_way_of_the_file(tmp_path: Path) -> None:
    assert isinstance(failure(tmp_path), Misconfigured)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(b"something else entirely" * 1_000)
    assert isinstance(failure(path), Corrupt)
    assert path.read_bytes() == b"something else entirely" * 1_000


def test_another_programs_database(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (a)")
        other.execute("PRAGMA user_version=1")
    other.close()
    assert isinstance(failure(path), Misconfigured)
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    other.close()


def test_a_layout_of_the_future(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    connection = LogFile(path, 1, 1.0).connect(durable=True)
    connection.execute("PRAGMA user_version=2")
    connection.close()
    assert isinstance(failure(path), UnknownLayout)


def test_a_read_only_database(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log.db", 1, 1.0)
    connection = file.connect(durable=True)
    connection.execute("PRAGMA query_only=1")
    with pytest.raises(Misconfigured, match="cannot be written"), file.transaction(connection):
        connection.execute("UPDATE meta SET partitions = 2")
    connection.close()


def test_a_database_that_may_not_grow(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log.db", 1, 1.0)
    connection = file.connect(durable=True)
    connection.execute("PRAGMA max_page_count=1")
    with pytest.raises(Unavailable, match="disk is full"), file.transaction(connection):
        connection.execute("INSERT INTO records VALUES (1, 1, NULL, zeroblob(1000000), NULL)")
    assert not connection.in_transaction
    connection.close()


def test_a_ctrl_c_in_a_transaction_leaves_nothing(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log.db", 1, 1.0)
    connection = file.connect(durable=True)
    with pytest.raises(KeyboardInterrupt), file.transaction(connection):
        connection.execute("UPDATE ends SET next = 99")
        raise KeyboardInterrupt
    assert connection.execute("SELECT next FROM ends").fetchall() == [(0,)]
    connection.close()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_BUSY, Unavailable),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Unavailable),
        (sqlite3.SQLITE_FULL, Unavailable),
        (sqlite3.SQLITE_IOERR_FSYNC, Unavailable),
        (sqlite3.SQLITE_READONLY_DIRECTORY, Misconfigured),
        (sqlite3.SQLITE_CANTOPEN, Misconfigured),
        (sqlite3.SQLITE_CORRUPT, Corrupt),
        (sqlite3.SQLITE_NOTADB, Corrupt),
        (sqlite3.SQLITE_ERROR, GiveUp),
    ],
)
def test_each_error_of_sqlite_has_its_condition(code: int, expected: type[LoginlakeError]) -> None:
    error = sqlite3.OperationalError("as SQLite says")
    error.sqlite_errorcode = code
    assert type(condition(error, Path("log.db"))) is expected


def test_durable_connections_are_synced_in_full(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log.db", 1, 1.0)
    for durable, level in [(True, 2), (False, 1)]:
        connection = file.connect(durable=durable)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (level,)
        connection.close()
