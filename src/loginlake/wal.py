"""SQLite's write-ahead log: readers and a writer do not wait for each other."""

from __future__ import annotations

import sqlite3
import time


def into_wal(connection: sqlite3.Connection, busy_s: float) -> None:
    """Switch it on, waiting up to `busy_s` for others.

    Two connections that meet at a new file can get "locked" here at once, without SQLite's own waiting.
    """
    deadline = time.monotonic() + busy_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
