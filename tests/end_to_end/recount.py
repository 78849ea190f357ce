"""What a data folder holds, read again by the standard library alone: nothing here comes from loginlake."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

Row = dict[str, Any]


class Found(NamedTuple):
    """One event at each stage; each list should hold it exactly once. `user` is the person's document in gold."""

    log: list[Row]
    bronze: list[Row]
    silver: list[Row]
    day: list[Row]
    user: Row


def lines(folder: Path) -> Iterator[Row]:
    """Every JSON line of every object below a folder."""
    for path in sorted(folder.rglob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as text:
            yield from (json.loads(line) for line in text)


def find(data: Path, event_id: str, person: str) -> Found:
    """Where an event is; `person` is the provider, a bar and the user id."""
    silver = [row for row in lines(data / "lake" / "silver" / "signins") if row["id"] == event_id]
    return Found(
        log=[value for value in _log(data) if value.get("id") == event_id],
        bronze=[row for row in lines(data / "lake" / "bronze") if row.get("value", {}).get("id") == event_id],
        silver=silver,
        day=[row for row in lines(data / "lake" / "people") if f"{row['provider']}|{row['user_id']}" == person],
        user=_documents(data, "users")[person],
    )


def signins(data: Path) -> tuple[int, int]:
    """The sign-ins in silver, by counting lines, and those that gold tells its readers."""
    gold = _documents(data, "rows")
    keys = dict(_documents(data, "pointer")["current"]["keys"])
    pipeline = gold[f"{keys['pipeline']}:pipeline"]
    return sum(1 for _ in lines(data / "lake" / "silver" / "signins")), int(pipeline["signins"])


def _log(data: Path) -> Iterator[Row]:
    with _reading(data / "log.db") as database:
        for (value,) in database.execute("SELECT value FROM records ORDER BY place"):
            try:
                decoded = json.loads(value or b"null")
            except ValueError:
                continue
            if isinstance(decoded, dict):
                yield decoded


def _documents(data: Path, collection: str) -> dict[str, Row]:
    with _reading(data / "gold.db") as database:
        return {
            name: json.loads(body) for name, body in database.execute(f"SELECT id, body FROM documents_{collection}")
        }


def _reading(path: Path) -> closing[sqlite3.Connection]:
    """A database of the running process, opened for reading alone."""
    return closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))
