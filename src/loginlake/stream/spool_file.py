"""One worker's spool on disk: a SQLite file for its entries, and a lock file that says whose it is.

`<name>.db` belongs to the process that holds the OS lock (flock) of `<name>.lock`. The lock goes with the process,
however that ends: a free one is a killed worker's, and `adopt` takes it. Not for network folders (SQLite's WAL, flock).
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from loginlake.errors import LoginlakeError, Unavailable, UnknownLayout
from loginlake.wal import into_wal

logger = logging.getLogger(__name__)

LAYOUT = 1
_BUSY_S = 5.0
# AUTOINCREMENT never gives a number twice; a file begins at a random one, so that two files' numbers do not meet.
_TABLES = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, spooled_ms INTEGER NOT NULL, key BLOB, value BLOB, headers BLOB);
CREATE TABLE totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO totals VALUES (0, 0);
"""


class Entry(NamedTuple):
    """A record that waits for the log. `headers` encoded; `seq` rises within its file."""

    seq: int
    spooled_ms: int
    key: bytes | None
    value: bytes | None
    headers: bytes | None

    @property
    def size(self) -> int:
        """Its bytes, as the spool's bound counts them."""
        return size_of(self.key, self.value, self.headers)


class Totals(NamedTuple):
    """What waits in a spool: entries, their bytes, and when the oldest came (ms since 1970; None when empty)."""

    entries: int = 0
    size_bytes: int = 0
    oldest_ms: int | None = None


class Content(NamedTuple):
    """What one append writes of a record."""

    key: bytes | None
    value: bytes | None
    headers: bytes | None


def size_of(*parts: bytes | None) -> int:
    """The bytes of a record's parts."""
    return sum(len(part) for part in parts if part)


class SpoolFile:
    """An owned spool file. One thread uses it; `totals` may be read by any. A failing disk raises Unavailable."""

    def __init__(self, path: Path, lock: int) -> None:
        """`lock` is the descriptor that holds the lock; it is closed with the file, or when opening it fails."""
        self.path, self._lock = path, lock
        self.totals = Totals()
        try:
            with self._errors():
                self._db = _connect(path)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except BaseException:
            os.close(lock)
            raise

    def append(self, records: Sequence[Content], now_ms: int) -> list[int]:
        """Keep records, all or none, fsynced when this returns; gives their numbers, in order."""
        numbers: list[int] = []
        with self._transaction():
            for record in records:
                done = self._db.execute(
                    "INSERT INTO entries (spooled_ms, key, value, headers) VALUES (?, ?, ?, ?)", (now_ms, *record)
                )
                assert done.lastrowid is not None
                numbers.append(done.lastrowid)
            self._db.execute(
                "UPDATE totals SET entries = entries + ?, bytes = bytes + ?",
                (len(records), sum(size_of(*record) for record in records)),
            )
        self._count()
        return numbers

    def remove(self, entries: Sequence[Entry]) -> None:
        """Drop entries that the log has, each once."""
        with self._transaction():
            self._db.executemany("DELETE FROM entries WHERE seq = ?", [(entry.seq,) for entry in entries])
            self._db.execute(
                "UPDATE totals SET entries = entries - ?, bytes = bytes - ?",
                (len(entries), sum(entry.size for entry in entries)),
            )
        self._count()

    def after(self, seq: int, most: int) -> list[Entry]:
        """The next entries after a number, in order."""
        sql = "SELECT seq, spooled_ms, key, value, headers FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._errors():
            return [Entry(*row) for row in self._db.execute(sql, (seq, most))]

    def keys(self) -> Counter[bytes]:
        """How many entries each key has."""
        sql = "SELECT key, count(*) FROM entries WHERE key IS NOT NULL GROUP BY key"
        with self._errors():
            return Counter(dict(self._db.execute(sql)))

    def close(self) -> None:
        """Let go of it; an empty one is deleted."""
        empty = self.totals.entries == 0
        self._db.close()
        if empty:
            # The lock file goes last, still locked: nobody can take what is being deleted.
            for path in (*(self.path.with_suffix(f".db{end}") for end in ("", "-wal", "-shm")), _lock_of(self.path)):
                path.unlink(missing_ok=True)
        os.close(self._lock)

    def _prepare(self) -> None:
        with self._errors():
            into_wal(self._db, _BUSY_S)  # whoever counts the spools may be looking
            self._db.execute("PRAGMA synchronous=FULL")
            layout = self._db.execute("PRAGMA user_version").fetchone()[0]
        if layout not in (0, LAYOUT):
            raise UnknownLayout(
                f"The spool {self.path} has layout {layout}.",
                f"This version knows {LAYOUT}.",
                "Let the version that wrote it send it to the log.",
            )
        if layout == 0:
            with self._transaction():
                for statement in _TABLES.strip().split(";\n"):
                    self._db.execute(statement)
                self._db.execute("INSERT INTO sqlite_sequence VALUES ('entries', ?)", (secrets.randbits(50),))
                self._db.execute(f"PRAGMA user_version={LAYOUT}")
            with self._errors():
                _sync(self.path.parent)
        self._count()

    def _count(self) -> None:
        with self._errors():
            self.totals = _totals(self._db)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has SQLite roll back by itself
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(self.path, error) from error


def make(folder: Path) -> SpoolFile:
    """A new spool file, owned by this process."""
    path = folder / f"{uuid.uuid4().hex}.db"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _lock(path)
    except OSError as error:
        raise _unavailable(path, error) from error
    assert lock is not None, "nobody else knows this name"
    return SpoolFile(path, lock)


def adopt(folder: Path) -> SpoolFile | None:
    """A spool file that no living process owns; owned by this one from now on. None when there is none.

    One that cannot be opened is left where it is, named in the log.
    """
    for path in _files(folder):
        try:
            lock = _lock(path)
            if lock is not None:
                return SpoolFile(path, lock)
        except (LoginlakeError, OSError) as error:
            logger.warning("spool cannot be picked up", extra={"spool": path.name, "cause": type(error).__name__})
    return None


def survey(folder: Path) -> tuple[Totals, list[str]]:
    """What waits in all spools of a folder together, whoever owns them, and the names of those that cannot be read."""
    found: list[Totals] = []
    unreadable: list[str] = []
    for path in _files(folder):
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=_BUSY_S)) as db:
                if db.execute("PRAGMA user_version").fetchone()[0] > 0:  # 0: its owner is only just making it
                    found.append(_totals(db))
        except sqlite3.Error:
            if path.exists():  # gone by now: its owner emptied and deleted it
                unreadable.append(path.name)
    oldest = [totals.oldest_ms for totals in found if totals.oldest_ms is not None]
    return (
        Totals(
            sum(totals.entries for totals in found),
            sum(totals.size_bytes for totals in found),
            min(oldest, default=None),
        ),
        unreadable,
    )


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.db")) if folder.is_dir() else []


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _lock(path: Path) -> int | None:
    """The descriptor that holds a spool's lock; None when another process holds it."""
    name = _lock_of(path)
    lock = os.open(name, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mine = os.fstat(lock).st_ino == name.stat().st_ino  # else its owner deleted it between the two calls
    except (BlockingIOError, FileNotFoundError):
        mine = False
    except BaseException:
        os.close(lock)
        raise
    if not mine:
        os.close(lock)
        return None
    return lock


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # sign-ins are personal data: for this user's eyes only
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _totals(db: sqlite3.Connection) -> Totals:
    entries, size = db.execute("SELECT entries, bytes FROM totals").fetchone()
    oldest = db.execute("SELECT spooled_ms FROM entries ORDER BY seq LIMIT 1").fetchone()
    return Totals(entries, size, oldest[0] if oldest else None)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _unavailable(path: Path, error: sqlite3.Error | OSError) -> Unavailable:
    return Unavailable(
        f"The spool {path} cannot be read or written.", f"{error}.", "Free its disk, or correct its folder; try again."
    )
