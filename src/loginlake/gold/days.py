"""One day of the lake, read for gold: silver's rows hour by hour, the rejected of its receipts, its people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import polars as pl

from loginlake.errors import Conflict, ObjectNotFound
from loginlake.gold import people
from loginlake.gold.answers import RECENT, REFUSALS, SIGNINS, Tally, latest
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore

_READ_AT_ONCE = 16 * 1024 * 1024
_PLACE = re.compile(r"/shard=(?P<shard>\d+)\.jsonl\.gz$")
_DAY = re.compile(r"date=(\d{4}-\d\d-\d\d)/")
_DAY_FOLDERS = ("silver/signins/", "silver/refusals/", "rejected/signins/")


class _Receipt(msgspec.Struct):
    rejected: dict[str, int]


class Day(NamedTuple):
    """What silver says of a day: its counts, and its people (with profile) by shard."""

    tally: Tally
    people: dict[int, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class StoredPeople:
    """The people objects of a day: uncompressed content and version by shard."""

    contents: Mapping[int, bytes]
    versions: Mapping[int, str]

    @property
    def digest(self) -> str:
        """What tells this state from another."""
        return people.digest(self.contents)

    def frames(self) -> dict[int, pl.DataFrame]:
        """The rows, without profile."""
        return {shard: people.decode(content) for shard, content in self.contents.items()}


def read_day(store: ObjectStore, day: str) -> Day:
    """Read a whole day of silver, some hours at a time."""
    tally = Tally()
    hours: dict[int, list[pl.DataFrame]] = {}
    for shard, content in _some_hours(store, keys.silver_day("signins", day)):
        rows = pl.read_ndjson(content, schema=SIGNINS)
        tally.add_signins(rows)
        hours.setdefault(shard, []).append(people.of_rows(rows))
    for _, content in _some_hours(store, keys.silver_day("refusals", day)):
        tally.add_refusals(pl.read_ndjson(content, schema=REFUSALS))
    _count_rejected(store, day, tally)
    return Day(tally, {shard: people.of_day(parts) for shard, parts in hours.items()})


def read_latest(store: ObjectStore, day: str) -> pl.DataFrame:
    """The latest sign-ins of a day, reading no more hours than needed."""
    found = pl.DataFrame(schema=SIGNINS)
    by_hour: dict[str, list[str]] = {}
    for entry in store.list(keys.silver_day("signins", day)):
        by_hour.setdefault(entry.key.rsplit("/", 1)[0], []).append(entry.key)
    for _, names in sorted(by_hour.items(), reverse=True):
        contents = (lines.decode(store.get(name).data) for name in names)
        found = latest([found, *(pl.read_ndjson(content, schema=SIGNINS) for content in contents)])
        if found.height >= RECENT:
            break
    return found


def read_people(store: ObjectStore, day: str) -> StoredPeople:
    """The people objects that publish wrote of a day."""
    contents, versions = {}, {}
    for entry in store.list(keys.people_day(day)):
        found = _PLACE.search(entry.key)
        if found is None:
            continue
        stored = store.get(entry.key)
        contents[int(found["shard"])] = lines.decode(stored.data)
        versions[int(found["shard"])] = stored.version
    return StoredPeople(contents, versions)


def write_people(store: ObjectStore, day: str, new: Mapping[int, bytes], read: StoredPeople) -> bool:
    """Write the shards that changed in place of what was read; False when another publisher wrote meanwhile."""
    try:
        for shard, content in new.items():
            if content != read.contents.get(shard):
                store.replace(keys.people(day, shard), lines.compress(content), read.versions.get(shard))
    except Conflict:
        return False
    for shard in read.contents.keys() - new.keys():
        store.delete(keys.people(day, shard))
    return True


def every_day(store: ObjectStore) -> set[str]:
    """Every day of which the lake has rows or rejected rows: one look a day."""
    return {day for folder in _DAY_FOLDERS for day in _days_below(store, folder)}


def _days_below(store: ObjectStore, folder: str) -> Iterator[str]:
    after: str | None = None
    while (entry := next(iter(store.list(folder, after)), None)) is not None:
        found = _DAY.search(entry.key)
        if found is None:
            after = entry.key
            continue
        yield found[1]
        after = f"{folder}date={found[1]}/\x7f"


def _some_hours(store: ObjectStore, folder: str) -> Iterator[tuple[int, bytes]]:
    """Shard and lines of hours that follow one another, as many as fit in some megabytes, the earliest first."""
    waiting: dict[int, bytearray] = {}
    for entry in list(store.list(folder)):
        found = _PLACE.search(entry.key)
        if found is None:
            continue
        shard = int(found["shard"])
        held = waiting.setdefault(shard, bytearray())
        held += lines.decode(store.get(entry.key).data)
        if len(held) >= _READ_AT_ONCE:
            yield shard, bytes(waiting.pop(shard))
    yield from ((shard, bytes(held)) for shard, held in waiting.items() if held)


def _count_rejected(store: ObjectStore, day: str, tally: Tally) -> None:
    """Rejected rows count on the day they arrived. Only objects with rejected rows are looked at."""
    for entry in list(store.list(f"rejected/signins/date={day}/")):
        receipt = keys.receipt("bronze/" + entry.key.removeprefix("rejected/"))
        try:
            tally.rejected.update(msgspec.json.decode(store.get(receipt).data, type=_Receipt).rejected)
        except ObjectNotFound:
            continue  # Its cleaning is under way; the day is dirty again when it is done.
