"""An hour of silver made anew for some bronze objects: their rows replaced, everybody else's kept. For reclean.py."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import msgspec

from loginlake.errors import Conflict, Corrupt
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore, lookup
from loginlake.silver.damage import DamagedHour
from loginlake.silver.merge import Who, merge, repeats_of, rows_of
from loginlake.silver.rows import Rows

Origin = tuple[int, int, int]
MAX_CONFLICTS = 100
_NO_END = 1 << 63


class _Row(msgspec.Struct, gc=False):
    log: int
    partition: int
    offset: int
    winner_log: int = -1
    winner_partition: int = -1
    winner_offset: int = -1

    @property
    def origin(self) -> Origin:
        return self.log, self.partition, self.offset

    @property
    def winner(self) -> Origin:
        return self.winner_log, self.winner_partition, self.winner_offset


_row = msgspec.json.Decoder(_Row).decode


class Owners:
    """Which bronze object an origin is of, by the objects' names at one moment."""

    def __init__(self, store: ObjectStore) -> None:
        """List bronze."""
        self._store = store
        self._ends: dict[str, int] = {}
        self.look_again()

    def look_again(self) -> None:
        """List bronze anew: what is read after an object was listed as unknown may be of one that landed meanwhile."""
        starts: dict[tuple[int, int], list[tuple[int, str]]] = {}
        for key in filter(keys.is_bronze, (entry.key for entry in self._store.list("bronze/"))):
            name = keys.parse_bronze(key)
            starts.setdefault((name.log, name.partition), []).append((name.start, key))
        for chain in starts.values():
            chain.sort()
        self._starts = starts

    def of(self, origin: Origin) -> str | None:
        """The object; None when there was none at that moment."""
        chain = self._starts.get(origin[:2], [])
        at = bisect_right(chain, (origin[2], "~")) - 1
        if at < 0 or (at == len(chain) - 1 and origin[2] >= self._end(chain[at][1])):
            return None
        return chain[at][1]

    def _end(self, key: str) -> int:
        """Where a partition's last object ends. Nobody knows of a damaged one: whatever may be its own is."""
        if key not in self._ends:
            try:
                self._ends[key] = _row(lines.split(lines.decode(self._store.get(key).data))[-1]).offset + 1
            except (Corrupt, msgspec.MsgspecError, UnicodeDecodeError, IndexError):
                return _NO_END
        return self._ends[key]


class Unsettled(Exception):  # no failure: the caller takes these objects in
    """Repeats of other objects lose their winner: their own objects must be made anew as well."""

    def __init__(self, objects: Collection[str]) -> None:
        super().__init__("repeats lose their winner")
        self.objects = frozenset(objects)


class Replacement(NamedTuple):
    """What an hour is made anew with. `whose` answers the object of an origin; None: of none, and such a row goes.

    `look_again` brings `whose` up to date, since rows may be of objects that landed meanwhile. `chosen`: the objects
    whose rows go, for `new` ones. `anew`: what cannot be read counts as empty, since everybody's rows are brought; else
    it is DamagedHour. `mark` is called before a write.
    """

    new: Rows
    whose: Callable[[Origin], str | None]
    look_again: Callable[[], None]
    chosen: Collection[str]
    anew: bool
    who: Who
    mark: Callable[[], None]


class _Stored(NamedTuple):
    content: bytes
    version: str | None
    damaged: bool = False


def replace(store: ObjectStore, slot: keys.Slot, by: Replacement) -> bool:
    """Put the new rows of the `chosen` objects in place of what they had in an hour; whether anything changed.

    Under the hour's lock and the versions that were read, as every merge; readers see the hour before or after.
    Unsettled: choose these objects as well. Nothing left: an empty object, since a removal has no condition.
    """
    names = keys.repeated(slot), keys.silver(slot)
    told = False
    with store.lock(keys.silver(slot)):
        for _ in range(MAX_CONFLICTS):
            stored = _read(store, names[0], repeats_of), _read(store, names[1], rows_of)
            damaged = next((name for name, old in zip(names, stored, strict=True) if old.damaged), None)
            if damaged is not None and not by.anew:
                raise DamagedHour(slot, damaged)
            silver, repeated = _merged(stored[1].content, stored[0].content, by)
            pairs = zip(names, stored, (repeated, silver), strict=True)
            changed = [(name, old, new) for name, old, new in pairs if old.damaged or new != old.content]
            if not changed:
                return told  # the repeats may be written, and silver brought here by who was faster
            by.mark()
            told = True
            try:
                for name, old, new in changed:
                    store.replace(name, lines.compress(new), old.version)
            except Conflict:
                continue
            return True
    raise Conflict(f"The hour {names[1]} is written all the time.", "Many cleaners are at work.", "Do it again.")


def _merged(silver: bytes, repeated: bytes, by: Replacement) -> tuple[bytes, bytes]:
    """The next silver and repeats."""
    new, chosen = by.new, by.chosen
    rows = [(line, _row(line)) for line in lines.split(silver)]
    repeats = [(line, _row(line)) for line in lines.split(repeated)]
    if any(by.whose(row.origin) is None for _, row in (*rows, *repeats)):
        by.look_again()  # bronze is written before its rows: what was read above is of a listed object now, or of none
    kept: list[bytes] = []
    for line, row in rows:
        owner = by.whose(row.origin)
        if owner is not None and owner not in chosen:
            kept.append(line)
    kept_repeats: list[bytes] = []
    orphans: set[str] = set()
    fresh = set(zip(new.log, new.partition, new.offset, strict=True))
    for line, row in repeats:
        owner = by.whose(row.origin)
        if owner is None or owner in chosen:
            continue
        winners = by.whose(row.winner)
        if (winners is None or winners in chosen) and row.winner not in fresh:
            orphans.add(owner)
        kept_repeats.append(line)
    if orphans:
        raise Unsettled(orphans)
    return merge(lines.join(kept), lines.join(kept_repeats), new, by.who)


def _read(store: ObjectStore, key: str, decode: Callable[[bytes], list[Any]]) -> _Stored:
    """Uncompressed content and version; what cannot be read as rows is damaged, and empty."""
    stored = lookup(store, key)
    if stored is None:
        return _Stored(b"", None)
    try:
        content = lines.decode(stored.data)
        decode(content)
    except Corrupt:
        return _Stored(b"", stored.version, damaged=True)
    return _Stored(content, stored.version)
