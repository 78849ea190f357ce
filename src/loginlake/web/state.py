"""What the web must remember: used nonces, sessions, counters, keys it made. SQLite (WAL), shared by all workers.

One thread a worker writes, everything that waits in one transaction. What is only counted waits a moment for others;
a killed process forgets that. The rest survives it (synchronous=NORMAL);
a power cut may forget the last moments, which a repeated event id makes harmless (docs/decisions/0004).
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from loginlake.errors import Unavailable
from loginlake.wal import into_wal

T = TypeVar("T")
_Counts = Counter[str]
_Work = Callable[[sqlite3.Connection, _Counts], T]  # in a transaction; what it adds to the counts is written at its end
_Job = tuple[_Work[Any], Future[Any]]
_GROUP = 256
_SWEEP_S = 60.0
_BUSY_S = 5.0
_WAL_PAGES = 4000  # 16 MB: a fourth of the usual waits for the disk
_GATHER_S = 0.001
_COUNT_S = 0.1
# With a rowid, since a row is large: without, each would have pages of its own, all written twice.
_TABLES = """
CREATE TABLE IF NOT EXISTS nonces(
    nonce TEXT PRIMARY KEY, token TEXT NOT NULL, visit TEXT NOT NULL, lease REAL NOT NULL, answer BLOB,
    expires REAL NOT NULL);
CREATE INDEX IF NOT EXISTS nonces_expire ON nonces(expires);
CREATE TABLE IF NOT EXISTS sessions(
    cookie TEXT PRIMARY KEY, content BLOB NOT NULL, expires REAL NOT NULL);
CREATE INDEX IF NOT EXISTS sessions_expire ON sessions(expires);
CREATE TABLE IF NOT EXISTS counters(name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept(name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
"""
_COUNT = "INSERT INTO counters VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET n = n + excluded.n"


class Claim(Enum):
    """What a token may do with its nonce."""

    YOURS = "yours"  # nobody used it, or its holder failed: make the event
    PENDING = "pending"  # the same token is at it in another request: wait
    ANSWERED = "answered"  # the same token in the same visit: give the same answer
    REPLAYED = "replayed"  # another token or another visit
    EXPIRED = "expired"  # never used, and too old to begin now


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A wish to use a nonce. Hashes are hex; moments are seconds since 1970."""

    nonce: str
    token: str
    visit: str
    fresh: bool
    now: float
    lease_s: float
    expires: float


class WebState:
    """The shared state. Nothing is opened before the first call. Futures end with Unavailable when the disk fails."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970; it decides only what has expired."""
        self._path, self._clock = path, clock
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._counted: deque[tuple[str, int]] = deque()
        self._told = False  # that something was counted
        self._lock = threading.Lock()
        self._reading: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None
        self._swept = clock()

    def claim(self, use: Use) -> Future[tuple[Claim, bytes | None]]:
        """Take the nonce for this token, atomically among all workers. The answer comes with ANSWERED."""
        return self._write(lambda db, _: _claim(db, use))

    def release(self, nonce: str) -> Future[None]:
        """The event did not become durable as far as is known: let the next attempt begin at once."""

        def job(db: sqlite3.Connection, _: _Counts) -> None:
            db.execute("UPDATE nonces SET lease = 0 WHERE nonce = ? AND answer IS NULL", (nonce,))

        return self._write(job)

    def finish(
        self, nonce: str, content: bytes, cookie: str, expires: float, *, replaces: str = "", counter: str = ""
    ) -> Future[None]:
        """The event is durable: in one transaction keep the answer, open the session, end the old one, count."""

        def job(db: sqlite3.Connection, counts: _Counts) -> None:
            db.execute("UPDATE nonces SET answer = ? WHERE nonce = ?", (content, nonce))
            db.execute("INSERT OR REPLACE INTO sessions VALUES(?, ?, ?)", (cookie, content, expires))
            if replaces and replaces != cookie:
                db.execute("DELETE FROM sessions WHERE cookie = ?", (replaces,))
            if counter:
                counts[counter] += 1

        return self._write(job)

    def end_session(self, cookie: str) -> Future[None]:
        """Forget a session."""

        def job(db: sqlite3.Connection, _: _Counts) -> None:
            db.execute("DELETE FROM sessions WHERE cookie = ?", (cookie,))

        return self._write(job)

    def count(self, name: str, n: int = 1) -> None:
        """Add to a counter, with what is written next, at the latest within `_COUNT_S`."""
        self._counted.append((name, n))
        if not self._told:
            self._told = True
            self._write(_only_counted)

    def keep(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What is kept by this name, made once by whichever worker asks first. Waits."""
        found = self._read("SELECT content FROM kept WHERE name = ?", name)
        if not found:
            made = make()

            def job(db: sqlite3.Connection, _: _Counts) -> None:
                db.execute("INSERT OR IGNORE INTO kept VALUES(?, ?)", (name, made))

            self._write(job).result()
            found = self._read("SELECT content FROM kept WHERE name = ?", name)
        return bytes(found[0][0])

    def session(self, cookie: str) -> bytes | None:
        """The content of a living session."""
        found = self._read("SELECT content FROM sessions WHERE cookie = ? AND expires > ?", cookie, self._clock())
        return bytes(found[0][0]) if found else None

    def counters(self) -> Mapping[str, int]:
        """Every counter, over all workers and restarts."""
        return dict(self._read("SELECT name, n FROM counters ORDER BY name"))

    def close(self) -> None:
        """Write what waits, then let go of the file."""
        with self._lock:
            thread, reading = self._thread, self._reading
            self._thread = self._reading = None
        if thread is not None:
            self._jobs.put(None)
            thread.join()
        if reading is not None:
            reading.close()

    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                if self._reading is None:
                    self._reading = self._connect()
                return self._reading.execute(sql, values).fetchall()
            except (sqlite3.Error, OSError) as error:
                raise _unavailable(error) from error

    def _write(self, job: _Work[T]) -> Future[T]:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="web-state", daemon=True)
                self._thread.start()
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # a caller that goes away must not cancel what is on its way
        self._jobs.put((job, future))
        return future

    def _work(self) -> None:
        db: sqlite3.Connection | None = None
        jobs: list[_Job] = []
        last = False
        while not last and (first := self._jobs.get()) is not None:
            if first[0] is _only_counted:
                jobs, last = self._gathered(first, _COUNT_S)
            else:
                if len(jobs) > 1:  # many come at a time: one transaction for those of a moment
                    time.sleep(_GATHER_S)
                jobs, last = self._gathered(first)
            counts = self._taken()
            try:
                db = db or self._connect()
                results = self._transact(db, [job for job, _ in jobs], counts)
            except (sqlite3.Error, OSError) as error:
                for _, future in jobs:
                    future.set_exception(_unavailable(error))
            else:
                for (_, future), result in zip(jobs, results, strict=True):
                    future.set_result(result)
        if db is not None:
            db.close()

    def _gathered(self, first: _Job, second_s: float = 0.0) -> tuple[list[_Job], bool]:
        """What waits by now, or a second that comes in time and what waits then; and whether it is the last."""
        jobs = [first]
        with suppress(queue.Empty):
            while len(jobs) < _GROUP:
                following = self._jobs.get(timeout=second_s if len(jobs) == 1 else 0.0)
                if following is None:
                    return jobs, True
                jobs.append(following)
        return jobs, False

    def _taken(self) -> _Counts:
        """What was counted by now; it is not counted again when the disk fails."""
        self._told = False  # first: whoever counts from now on tells of it
        counts: _Counts = Counter()
        while self._counted:
            name, n = self._counted.popleft()
            counts[name] += n
        return counts

    def _transact(self, db: sqlite3.Connection, jobs: list[_Work[Any]], counts: _Counts) -> list[Any]:
        db.execute("BEGIN IMMEDIATE")
        try:
            results = [job(db, counts) for job in jobs]
            for name, n in counts.items():
                db.execute(_COUNT, (name, n))
            if (now := self._clock()) - self._swept > _SWEEP_S:
                db.execute("DELETE FROM nonces WHERE expires < ?", (now,))
                db.execute("DELETE FROM sessions WHERE expires < ?", (now,))
                self._swept = now
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return results

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            self._path.chmod(0o600)
            into_wal(db, _BUSY_S)
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
            db.executescript(_TABLES)
        except BaseException:
            db.close()
            raise
        return db


def _only_counted(db: sqlite3.Connection, counts: _Counts) -> None:
    """The job of what is counted: that there is a transaction."""


def _claim(db: sqlite3.Connection, use: Use) -> tuple[Claim, bytes | None]:
    if use.fresh:
        row = (use.nonce, use.token, use.visit, use.now + use.lease_s, use.expires)
        taken = db.execute("INSERT INTO nonces VALUES(?, ?, ?, ?, NULL, ?) ON CONFLICT DO NOTHING", row)
        if taken.rowcount == 1:
            return Claim.YOURS, None
    found = db.execute("SELECT token, visit, lease, answer FROM nonces WHERE nonce = ?", (use.nonce,)).fetchone()
    if found is None:
        return Claim.EXPIRED, None
    token, visit, lease, answer = found
    if (token, visit) != (use.token, use.visit):
        return Claim.REPLAYED, None
    if answer is not None:
        return Claim.ANSWERED, bytes(answer)
    if lease > use.now:
        return Claim.PENDING, None
    db.execute("UPDATE nonces SET lease = ? WHERE nonce = ?", (use.now + use.lease_s, use.nonce))
    return Claim.YOURS, None


def _unavailable(error: sqlite3.Error | OSError) -> Unavailable:
    return Unavailable("The web's own state cannot be reached.", str(error), "Free its disk, or correct its folder.")
