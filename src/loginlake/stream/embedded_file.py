"""The SQLite file of the embedded log: its tables, how it is opened, and what its errors mean.

`place` is partition * 2**52 + offset: one integer key orders a partition's records, and a slice of it is one scan.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loginlake.errors import Corrupt, GiveUp, LoginlakeError, Misconfigured, Unavailable, UnknownLayout, UnknownLog
from loginlake.inode import file_at
from loginlake.wal import into_wal

logger = logging.getLogger(__name__)

LAYOUT = 1
PLACES = 1 << 52
_APPLICATION = 0x6C6F6769  # "logi", so that another program's file is told from ours
_TABLES = """
CREATE TABLE meta (identity TEXT NOT NULL, partitions INTEGER NOT NULL);
CREATE TABLE ends (partition INTEGER PRIMARY KEY, first INTEGER, next INTEGER, last_ms INTEGER) STRICT;
CREATE TABLE records (place INTEGER PRIMARY KEY, timestamp_ms INTEGER NOT NULL, key BLOB, value BLOB, headers BLOB);
CREATE TABLE groups (name TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE members (seat INTEGER PRIMARY KEY, name TEXT NOT NULL, member TEXT NOT NULL, seen_ms INTEGER NOT NULL);
CREATE TABLE owners (name TEXT, partition INTEGER, member TEXT NOT NULL, PRIMARY KEY (name, partition)) WITHOUT ROWID;
CREATE TABLE commits (name TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (name, partition)) WITHOUT ROWID;
"""


@dataclass(slots=True)
class LogFile:
    """Where the log is, how many partitions a new one gets, and how long to wait for another process's write."""

    path: Path
    partitions: int
    busy_s: float
    _first: tuple[int, int] | None = field(default=None, init=False)

    def connect(self, *, durable: bool) -> sqlite3.Connection:
        """A connection to the file, which is made when there is none. `durable`: a commit is fsynced when it returns.

        Raises Misconfigured (folder, file, permission), UnknownLayout, Corrupt or Unavailable.
        """
        with self.errors():
            if self._first is None:
                _make_file(self.path)
                self._first = file_at(self.path)
            self.check_same()
            connection = sqlite3.connect(
                self.path, timeout=self.busy_s, isolation_level=None, check_same_thread=False, cached_statements=32
            )
            try:
                self._prepare(connection)
                connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            except BaseException:
                connection.close()
                raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA page_size=8192")
        into_wal(connection, self.busy_s)
        connection.execute("PRAGMA wal_autocheckpoint=2000")
        connection.execute("PRAGMA journal_size_limit=67108864")
        if _layout(connection) != LAYOUT:
            with self.transaction(connection):
                self._create(connection)

    def _create(self, connection: sqlite3.Connection) -> None:
        found = _layout(connection)
        if found == LAYOUT:
            return
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        ours = connection.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION
        if tables and not ours:
            raise Misconfigured(
                f"{self.path} is not a loginlake log.", "It is another program's SQLite file.", "Choose another path."
            )
        if tables:
            raise UnknownLayout(
                f"{self.path} has layout {found}.", f"This version knows {LAYOUT}.", "Use the version that wrote it."
            )
        for statement in _TABLES.strip().split("\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES (?, ?)", (str(uuid.uuid4()), self.partitions))
        rows = ((partition, 0, 0, 0) for partition in range(self.partitions))
        connection.executemany("INSERT INTO ends VALUES (?, ?, ?, ?)", rows)
        connection.execute(f"PRAGMA application_id={_APPLICATION}")
        connection.execute(f"PRAGMA user_version={LAYOUT}")
        logger.info("log created", extra={"path": str(self.path), "partitions": self.partitions})

    def check_same(self) -> None:
        """UnknownLog when the path no longer names the file first opened: SQLite would go on in one that is gone."""
        if file_at(self.path) != self._first:
            raise UnknownLog(
                f"The log {self.path} was moved away, replaced or removed while this program had it open.",
                "What went on in the old file would be lost with it.",
                "Stop this program, put the right file there, and start it again (docs/operations.md).",
            )

    @contextmanager
    def transaction(self, connection: sqlite3.Connection, *, write: bool = True) -> Iterator[None]:
        """One transaction: committed at the end, rolled back on any exception (a Ctrl-C, too). UnknownLog as above."""
        with self.errors():
            self.check_same()
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has SQLite roll back by itself
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Give SQLite's errors, and the operating system's, their names."""
        try:
            yield
        except sqlite3.Error as error:
            raise condition(error, self.path) from error
        except OSError as error:
            raise Misconfigured(
                f"The log {self.path} cannot be opened.",
                f"The system says: {error.strerror}.",
                "Choose a folder that this user may write to.",
            ) from error


def condition(error: sqlite3.Error, path: Path) -> LoginlakeError:
    """The named condition of an SQLite error. Its own words name tables at most, never a record's content."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable(
            f"The log {path} is locked.",
            "Another process keeps writing to it.",
            "Try again; stop a process that hangs.",
        )
    if code == sqlite3.SQLITE_FULL:
        return Unavailable(f"The log {path} cannot grow.", "The disk is full.", "Free some space; then try again.")
    if code == sqlite3.SQLITE_IOERR:
        return Unavailable(
            f"The log {path} cannot be read or written.", f"{error}.", "Look at the disk (full? failing?); try again."
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH):
        return Misconfigured(
            f"The log {path} cannot be written.", f"{error}.", "Let this user write to the file and to its folder."
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Corrupt(
            f"The log {path} cannot be read.", f"{error}.", "Restore it, or move it away and start a new log."
        )
    return GiveUp(f"The log {path} failed.", f"{error}.", "This is a fault of the program: please report it.")


def _layout(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION
    return version if ours else 0


def _make_file(path: Path) -> None:
    """Make the folder and an empty file, once, for this user's eyes only (sign-ins are personal data), durably."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
