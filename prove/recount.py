"""Counts every message at every stage of a data folder, from the files alone: nothing here comes from loginlake.

`python -m prove.recount DATA SENT` compares the folder with the lines that were sent, and ends with `lost N, double N`.
"""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from prove.judge import Event, judge

Origin = tuple[int, int]
PLACES = 1 << 52  # the log's key of a record is partition * 2**52 + offset


class Stage(NamedTuple):
    """What one stage holds, compared with what it must hold, in messages."""

    name: str
    holds: int
    lost: int
    double: int


class Counted(NamedTuple):
    """The whole path."""

    stages: list[Stage]

    @property
    def lost(self) -> int:
        """Messages that are missing where they must be."""
        return sum(stage.lost for stage in self.stages)

    @property
    def double(self) -> int:
        """Messages that are counted where, or oftener than, they must be."""
        return sum(stage.double for stage in self.stages)


def recount(data: Path, sent: Iterable[bytes]) -> Counted:
    """Each stage is compared with the one before it, so that one fault is counted once, where it happened."""
    log, lake = dict(_log(data / "log.db")), data / "lake"
    bronze = list(_bronze(lake / "bronze"))
    events = {origin: judge(value) for origin, value in log.items()}
    stages = [
        _stage("log", Counter(sent), Counter(value or b"" for value in log.values())),
        _stage("bronze", Counter(log.items()), Counter(bronze)),
        _ends(lake, events),
        _silver(lake, events),
        _gold(data / "gold.db", events),
    ]
    return Counted(stages)


def _stage(name: str, must: Mapping[Any, int], holds: Mapping[Any, int]) -> Stage:
    lost, double = Counter(must) - Counter(holds), Counter(holds) - Counter(must)
    return Stage(name, sum(holds.values()), lost.total(), double.total())


def _log(path: Path) -> Iterator[tuple[Origin, bytes | None]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        for place, value in database.execute("SELECT place, value FROM records"):
            yield (place // PLACES, place % PLACES), value


def _bronze(folder: Path) -> Iterator[tuple[Origin, bytes | None]]:
    """Each line's origin and the very bytes of its message: `value` is the last member of the line, as it arrived."""
    for line in _lines(folder):
        row = json.loads(line)
        if "value_base64" in row:
            kept = row["value_base64"]
            value = None if kept is None else base64.b64decode(kept)
        else:
            value = line[line.index(b',"value":') + len(b',"value":') : -1]
        yield _origin(row), value


def _ends(lake: Path, events: Mapping[Origin, Event | None]) -> Stage:
    """Every record of the log ends once: in silver or repeated when it is good, in rejected when it is not."""
    found: Counter[tuple[Hashable, str]] = Counter()
    for end, folder in (("good", "silver"), ("good", "repeated"), ("rejected", "rejected")):
        for line in _lines(lake / folder):
            found[_origin(json.loads(line)), end] += 1
    must = Counter((origin, "rejected" if event is None else "good") for origin, event in events.items())
    return _stage("ends", must, found)


def _silver(lake: Path, events: Mapping[Origin, Event | None]) -> Stage:
    """Every sign-in and refusal is in silver once, as it was sent, however often it was sent.

    A record that is in no place at all, or twice in one, was counted among the ends already.
    """
    rows = [json.loads(line) for line in _lines(lake / "silver")]
    held = Counter({_origin(row): _identity(row) for row in rows}.values())
    placed = {_origin(json.loads(line)) for line in _lines(lake / "repeated")}.union(map(_origin, rows))
    good = {origin: event.identity for origin, event in events.items() if event is not None}
    missing = {identity for origin, identity in good.items() if origin not in placed}
    must = Counter(set(good.values()) - (missing - held.keys()))
    return _stage("silver", must, held)._replace(holds=len(rows))


def _origin(row: Mapping[str, Any]) -> Origin:
    return row["partition"], row["offset"]


def _identity(row: Mapping[str, Any]) -> tuple[str, ...]:
    person = f"{row['provider']}|{row['user_id']}" if "user_id" in row else ""
    return row["source"], row["id"], row["time"][:13], person


def _gold(path: Path, events: Mapping[Origin, Event | None]) -> Stage:
    """Gold's numbers by day and by person are those of the distinct events, whatever silver says."""
    distinct = {event.identity: event for event in events.values() if event is not None}.values()
    by_day = Counter((event.day, event.person is not None) for event in distinct)
    by_person = Counter((event.person, event.day) for event in distinct if event.person is not None)
    told_by_day, told_by_person, total = _answers(path)
    views = [
        _stage("gold", by_day, told_by_day),
        _stage("gold", by_person, told_by_person),
        _stage("gold", {"signins": by_person.total()}, {"signins": total}),
    ]
    # The same sign-ins, seen three ways: the way that differs most says by how many.
    return Stage("gold", views[0].holds, max(v.lost for v in views), max(v.double for v in views))


def _answers(path: Path) -> tuple[Counter[Any], Counter[Any], int]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as gold:
        rows, users, pointer = (_documents(gold, name) for name in ("rows", "users", "pointer"))
    current = {key: rows[f"{version}:{key}"] for key, version in pointer["current"]["keys"]}
    days: Counter[Any] = Counter()
    for key, row in current.items():
        if key.startswith("day:"):
            days[row["day"], True] += row["signins"]
            days[row["day"], False] += row["refusals"]
    people = Counter({(name, day): n for name, user in users.items() for day, n in user["days"].items()})
    return days, people, current["pipeline"]["signins"]


def _documents(gold: sqlite3.Connection, collection: str) -> dict[str, Any]:
    # The names are ours, no one else's.
    rows = gold.execute(f"SELECT id, body FROM documents_{collection}")  # noqa: S608
    return {name: json.loads(body) for name, body in rows}


def _lines(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*.jsonl.gz")):
        yield from gzip.decompress(path.read_bytes()).removesuffix(b"\n").split(b"\n")


def table(counted: Counted) -> str:
    """A line a stage."""
    rows = [f"{'stage':<8} {'holds':>9} {'lost':>6} {'double':>7}"]
    rows += [f"{stage.name:<8} {stage.holds:>9,} {stage.lost:>6,} {stage.double:>7,}" for stage in counted.stages]
    return "\n".join(rows)


def main() -> int:
    """Print the table and the sum; 1 when anything is lost or double."""
    data, sent = map(Path, sys.argv[1:3])
    counted = recount(data, sent.read_bytes().removesuffix(b"\n").split(b"\n"))
    print(table(counted))
    print(f"lost {counted.lost}, double {counted.double}")
    return 1 if counted.lost or counted.double else 0


if __name__ == "__main__":
    sys.exit(main())
