"""An hour of silver made anew for some bronze objects: their rows replaced, everybody else's kept. For reclean.py."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import msgspec

from loginlake.bronze.compare import end_of
from loginlake.errors import Conflict, Corrupt, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.silver.merge import Merged, Who, merge
from loginlake.silver.rows import Rows

Origin = tuple[int, int, int]
MAX_CONFLICTS = 100


class _Row(msgspec.Struct, gc=False):
    log: int
    partition: int
    offset: int
    arrived: str = ""
    winner_log: int = -1
    winner_partition: int = -1
    winner_offset: int = -1


_row = msgspec.json.Decoder(_Row).decode


class Owners:
    """Which bronze object an origin is of, by the objects' names."""

    def __init__(self, store: ObjectStore, bronze: Iterable[str]) -> None:
        """`bronze`: the names at one moment. A later object is looked for when it is asked for."""
        self._store = store
        self._starts: dict[tuple[int, int], list[tuple[int, str]]] = {}
        self._ends: dict[str, int] = {}
        for name in map(keys.parse_bronze, bronze):
            self._starts.setdefault((name.log, name.partition), []).append((name.start, name.key))
        for chain in self._starts.values():
            chain.sort()

    def of(self, origin: Origin, arrived: str = "") -> str | None:
        """The object; None when there is none. `arrived` says where to look past the last one known."""
        chain = self._starts.get(origin[:2], [])
        at = bisect_right(chain, (origin[2], "~")) - 1
        if 0 <= at < len(chain) - 1:
            return chain[at][1]
        if at >= 0 and origin[2] < self._end(chain[at][1]):
            return chain[at][1]
        return self._later(origin, arrived) if arrived else None

    def _later(self, origin: Origin, arrived: str) -> str | None:
        folder = keys.bronze_partition(arrived[:10], int(arrived[11:13]), *origin[:2])
        names = [entry.key for entry in self._store.list(folder) if keys.parse_bronze(entry.key).start <= origin[2]]
        return max(names) if names and origin[2] < self._end(max(names)) else None

    def _end(self, key: str) -> int:
        if key not in self._ends:
            self._ends[key] = end_of(key, lines.decode(self._store.get(key).data)).offset
        return self._ends[key]


class Unsettled(Exception):  # no failure: the caller takes these objects in
    """Repeats of other objects lose their winner: their own objects must be made anew as well."""

    def __init__(self, objects: Collection[str]) -> None:
        super().__init__("repeats lose their winner")
        self.objects = frozenset(objects)


class Replacement(NamedTuple):
    """What an hour is made anew with. `whose` answers the object of an origin (given where it arrived, or ""); None: of

    none, and such a row goes. `chosen`: the objects whose rows go, for `new` ones. `mark` is called before a write.
    """

    new: Rows
    whose: Callable[[Origin, str], str | None]
    chosen: Collection[str]
    who: Who
    mark: Callable[[], None]


def replace(store: ObjectStore, slot: keys.Slot, by: Replacement) -> bool:
    """Put the new rows of the `chosen` objects in place of what they had in an hour; whether anything changed.

    Under the hour's lock and the versions that were read, as every merge; readers see the hour before or after.
    Unsettled: choose these objects as well.
    """
    silver_key, repeated_key = keys.silver(slot), keys.repeated(slot)
    with store.lock(silver_key):
        for _ in range(MAX_CONFLICTS):
            silver, silver_version = _content(store, silver_key)
            repeated, repeated_version = _content(store, repeated_key)
            merged = _merged(silver, repeated, by)
            if (merged.silver, merged.repeated) == (silver, repeated):
                return False
            by.mark()
            try:
                if merged.repeated != repeated:
                    _write(store, repeated_key, merged.repeated, repeated_version)
                if merged.silver != silver:
                    _write(store, silver_key, merged.silver, silver_version)
            except Conflict:
                continue
            return True
    raise Conflict(f"The hour {silver_key} is written all the time.", "Many cleaners are at work.", "Do it again.")


def _merged(silver: bytes, repeated: bytes, by: Replacement) -> Merged:
    new, whose, chosen = by.new, by.whose, by.chosen
    kept: list[bytes] = []
    arrivals: dict[Origin, str] = {}
    for line in lines.split(silver):
        row = _row(line)
        arrivals[row.log, row.partition, row.offset] = row.arrived
        owner = whose((row.log, row.partition, row.offset), row.arrived)
        if owner is not None and owner not in chosen:
            kept.append(line)
    repeats: list[bytes] = []
    orphans: set[str] = set()
    fresh = set(zip(new.log, new.partition, new.offset, strict=True))
    for line in lines.split(repeated):
        row = _row(line)
        owner = whose((row.log, row.partition, row.offset), "")
        if owner is None or owner in chosen:
            continue
        winner = (row.winner_log, row.winner_partition, row.winner_offset)
        winners = whose(winner, arrivals.get(winner, ""))
        if (winners is None or winners in chosen) and winner not in fresh:
            orphans.add(owner)
        repeats.append(line)
    if orphans:
        raise Unsettled(orphans)
    return merge(lines.join(kept), lines.join(repeats), new, by.who)


def _content(store: ObjectStore, key: str) -> tuple[bytes, str | None]:
    """Uncompressed content and version; what cannot be read is as if it were empty: it is made anew."""
    try:
        stored = store.get(key)
    except ObjectNotFound:
        return b"", None
    try:
        content = lines.decode(stored.data)
        for line in lines.split(content):
            _row(line)
    except (Corrupt, msgspec.MsgspecError, UnicodeDecodeError):
        return b"", stored.version
    return content, stored.version


def _write(store: ObjectStore, key: str, content: bytes, version: str | None) -> None:
    """Write in place of what was read. Nothing left: an empty object, since a removal has no condition."""
    store.replace(key, lines.compress(content), version)
