"""The spools of a machine, counted in two ways: what each says that it holds, and the entries that are there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

_BUSY_S = 5.0


class SpoolCount(NamedTuple):
    """A spool file: entries and bytes as it says (kept with every change), and as they are there."""

    name: str
    said: int
    there: int
    said_bytes: int
    there_bytes: int

    @property
    def whole(self) -> bool:
        """Whether both agree."""
        return (self.said, self.said_bytes) == (self.there, self.there_bytes)


def counts(folder: Path) -> tuple[list[SpoolCount], list[str]]:
    """Every spool of a folder, each read at one moment, and the names of those that cannot be read."""
    found: list[SpoolCount] = []
    unreadable: list[str] = []
    for path in sorted(folder.glob("*.db")) if folder.is_dir() else []:
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=_BUSY_S)) as db:
                if db.execute("PRAGMA user_version").fetchone()[0] > 0:
                    found.append(_count(path.name, db))
        except sqlite3.Error:
            if path.exists():  # gone by now: its owner emptied and deleted it
                unreadable.append(path.name)
    return found, unreadable


def _count(name: str, db: sqlite3.Connection) -> SpoolCount:
    row = db.execute(
        "SELECT totals.entries, (SELECT count(*) FROM entries), totals.bytes, (SELECT coalesce(sum("
        "coalesce(length(key), 0) + coalesce(length(value), 0) + coalesce(length(headers), 0)), 0) FROM entries) "
        "FROM totals"
    ).fetchone()
    return SpoolCount(name, *row)
