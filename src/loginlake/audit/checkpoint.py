"""What an earlier audit read and found in order, kept in the lake by day: audit/date=D.json.

A shallow audit believes an object and an hour whose versions (ETags) are still those of its checkpoint. It is a memory,
no proof: `--deep` never looks at it, and to remove audit/ costs one full reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from loginlake.audit.listing import in_threads
from loginlake.errors import Denied
from loginlake.lake.store import ObjectStore

VERSION = 1
FOLDER = "audit/"


class ObjectMark(msgspec.Struct, frozen=True, kw_only=True):
    """A bronze object in order: the versions of it, its receipt and its rejected rows; its facts; its hours' keys."""

    versions: tuple[str, str | None, str | None]
    end: int
    lines: int
    erased: int
    rejected: dict[str, int]
    hours: dict[str, int]


class HourMark(msgspec.Struct, frozen=True, kw_only=True):
    """An hour and shard in order: the versions of silver and repeated, and their rows."""

    versions: tuple[str | None, str | None]
    rows: int
    repeats: int


class Day(msgspec.Struct, kw_only=True):
    """The objects that arrived on a day, and the hours of silver (by silver's key) whose events are of it."""

    version: int = VERSION
    rules: int
    objects: dict[str, ObjectMark] = {}
    hours: dict[str, HourMark] = {}


_day = msgspec.json.Decoder(Day).decode


def read(store: ObjectStore, rules: int) -> dict[str, Day]:
    """Every day's checkpoint; one that another version or other rules wrote counts as none."""

    def one(key: str) -> Day | None:
        try:
            return _day(store.get(key).data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    names = [entry.key for entry in store.list(FOLDER)]
    days = zip(names, in_threads(one, names), strict=True)
    return {
        name.removeprefix(f"{FOLDER}date=").removesuffix(".json"): day
        for name, day in days
        if day is not None and (day.version, day.rules) == (VERSION, rules)
    }


def write(store: ObjectStore, before: Mapping[str, Day], after: Mapping[str, Day]) -> bool:
    """Write the days that changed; False when this user may only read the lake."""
    changed = [day for day, mark in after.items() if before.get(day) != mark]
    try:
        list(in_threads(lambda day: store.put(_key(day), msgspec.json.encode(after[day])), changed))
        _remove(store, before.keys() - after.keys())
    except Denied:
        return False
    return True


def _remove(store: ObjectStore, days: Iterable[str]) -> None:
    for day in days:
        store.delete(_key(day))


def _key(day: str) -> str:
    return f"{FOLDER}date={day}.json"
