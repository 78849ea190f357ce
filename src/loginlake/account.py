"""The account: every record that was accepted, in exactly one place. Each term is counted where it happens.

    accepted = landed + waiting + expired
    landed   = clean + repeated + rejected + erased + to_clean
    clean    = gold + to_publish

Counting reads every object's lines: its cost grows with the lake, its memory does not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import msgspec

from loginlake.bronze.tip import all_heads, read_expired
from loginlake.errors import Corrupt
from loginlake.gold.read import Snapshot
from loginlake.gold.store import GoldStore
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.stream.log import EventLog

_DAY = re.compile(r"date=(\d{4}-\d\d-\d\d)/")
_ERASED = re.compile(rb'^\{"log":\d+,"partition":\d+,"offset":\d+,"timestamp":"[^"]*","erased":"', re.MULTILINE)
_THREADS = 4
_OURS = {
    "bronze/": keys.is_bronze,
    "silver/": keys.is_hour,
    "repeated/": keys.is_hour,
    "rejected/": keys.is_rejected,
}
_Count = TypeVar("_Count")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The terms, in records. `moving`: something was written while counting, so count again for a still picture.

    `damaged`: the objects that cannot be read, each with its next move; what they hold is in no term.
    """

    answered: int
    accepted: int
    waiting: int
    expired: int
    landed: int
    to_clean: int
    clean: int
    repeated: int
    rejected: int
    erased: int
    to_publish: int
    gold: int
    rejected_by_reason: dict[str, int]
    complete_until: str | None
    moving: bool
    damaged: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether nothing was written while counting, and nothing is on its way."""
        return not self.moving and self.waiting + self.to_clean + self.to_publish == 0

    def faults(self) -> list[str]:
        """What cannot be read, or else the equations that do not hold, in words; empty when all is accounted for."""
        if self.damaged:
            return list(self.damaged)
        sides = (
            ("accepted", self.accepted, "landed + waiting + expired", self.landed + self.waiting + self.expired),
            (
                "landed",
                self.landed,
                "clean + repeated + rejected + erased + to_clean",
                self.clean + self.repeated + self.rejected + self.erased + self.to_clean,
            ),
            ("clean", self.clean, "gold + to_publish", self.gold + self.to_publish),
        )
        return [f"{name} is {left}, but {terms} is {right}" for name, left, terms, right in sides if left != right]


class _Line(msgspec.Struct):
    offset: int


_line = msgspec.json.Decoder(_Line).decode


class _Origin(msgspec.Struct):
    log: int
    partition: int
    offset: int


_origins = msgspec.json.Decoder(_Origin).decode_lines


class _Bronze(NamedTuple):
    lines: int
    erased: int
    end: int


class _Row(msgspec.Struct):
    reason: str


_rows = msgspec.json.Decoder(_Row).decode_lines


class _Counter:
    """Counts in objects. One that cannot be read has none, and is noted."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._damaged: dict[str, str] = {}

    @property
    def damaged(self) -> tuple[str, ...]:
        """What cannot be read, by name, and what to do."""
        return tuple(f"{name} cannot be read: {move}" for name, move in sorted(self._damaged.items()))

    def each(self, names: Iterable[str], count: Callable[[bytes], _Count], nothing: _Count) -> list[_Count]:
        """What `count` says of the lines of each object."""

        def one(name: str) -> _Count:
            try:
                return count(lines.decode(self._store.get(name).data))
            except (Corrupt, msgspec.MsgspecError, UnicodeDecodeError):
                self._damaged[name] = _next_move(name)
                return nothing

        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(one, names))


def _next_move(name: str) -> str:
    if name.startswith("rejected/"):
        return f"loginlake rejected replay --object {keys.bronze_of_rejected(name)}"
    if name.startswith(("silver/", "repeated/")):
        day = keys.parse_silver(name).date
        return (
            f"loginlake rebuild silver --from {day} --to {day}; then loginlake clean --once, loginlake publish --once"
        )
    return "restore it from a copy, or from the log if that still has its offsets"


def _line_count(data: bytes) -> int:
    return data.count(b"\n")


def _bronze_count(data: bytes) -> _Bronze:
    erased = len(_ERASED.findall(data)) if b'","erased":"' in data else 0
    last = lines.split(data)[-1:] or [b""]
    end = _line(last[0]).offset + 1
    return _Bronze(data.count(b"\n"), erased, end)


def _reasons(data: bytes) -> Counter[str]:
    return Counter(row.reason for row in _rows(data))


def _names(store: ObjectStore, prefix: str) -> dict[str, str]:
    """The objects of a folder that a stage wrote: another name is nobody's, and the audit says so."""
    ours = _OURS.get(prefix, bool)
    return {entry.key: entry.version for entry in store.list(prefix) if ours(entry.key)}


def _picture(log: EventLog, store: ObjectStore, gold: GoldStore, spooled: Callable[[], int]) -> tuple[Any, ...]:
    """Everything whose change would blur the count."""
    folders = ("bronze/", "silver/", "repeated/", "rejected/", "receipts/", "dirty/", "expired/")
    generation = Snapshot.open(gold).generation
    # The spool first: an entry that moves to the log meanwhile is counted in both, and seen to move.
    waiting = spooled()
    return (waiting, dict(log.ranges()), generation, *(_names(store, folder) for folder in folders))


def count(
    log: EventLog,
    store: ObjectStore,
    gold: GoldStore,
    *,
    log_number: int,
    answered: int,
    spooled: Callable[[], int] = lambda: 0,
) -> Account:
    """Count every term once. `log_number` is the lake's number of this log, `answered` the web's own count.

    `spooled` counts the spool entries that are not yet in the log: accepted, and waiting.
    """
    before = _picture(log, store, gold, spooled)
    in_spool, ranges, _, bronze, silver, repeated, rejected, receipts, dirty, expired = before
    counter = _Counter(store)
    landed = dict(zip(bronze, counter.each(bronze, _bronze_count, _Bronze(0, 0, 0)), strict=True))
    unsettled = {name: found for name, found in landed.items() if keys.receipt(name) not in receipts}
    clean_by_day = _by_day(silver, counter.each(silver, _line_count, 0))
    none: Counter[str] = Counter()
    reasons = sum(counter.each(rejected, _reasons, none), none)
    snapshot = Snapshot.open(gold)
    gold_by_day = {day["day"]: day["signins"] + day["refusals"] for day in snapshot.all_days()}
    dirty_days = {keys.day_of_dirty(name) for name in dirty}
    ends = _chain_ends(store, landed, expired)
    former = _former(store, ends, log_number)
    return Account(
        answered=answered,
        accepted=former + sum(extent.end for extent in ranges.values()) + in_spool,
        waiting=in_spool
        + sum(
            max(0, extent.end - max(ends.get((log_number, number), 0), extent.begin))
            for number, extent in ranges.items()
        ),
        expired=sum(_expired_count(store, name) for name in expired),
        landed=sum(found.lines for found in landed.values()),
        erased=sum(found.erased for found in landed.values()),
        to_clean=sum(found.lines - found.erased for found in unsettled.values())
        - _judged_already(counter, unsettled, (*silver, *repeated), rejected),
        clean=sum(clean_by_day.values()),
        repeated=sum(counter.each(repeated, _line_count, 0)),
        rejected=sum(reasons.values()),
        rejected_by_reason=dict(sorted(reasons.items())),
        gold=sum(gold_by_day.values()),
        to_publish=sum(max(0, clean_by_day.get(day, 0) - gold_by_day.get(day, 0)) for day in dirty_days),
        complete_until=snapshot.complete_until,
        moving=_picture(log, store, gold, spooled) != before,
        damaged=counter.damaged,
    )


def _by_day(names: Iterable[str], counts: list[int]) -> Mapping[str, int]:
    days: Counter[str] = Counter()
    for name, number in zip(names, counts, strict=True):
        found = _DAY.search(name)
        if found:
            days[found[1]] += number
    return days


def _expired_count(store: ObjectStore, name: str) -> int:
    outcome = read_expired(store, name)
    return outcome.to - outcome.start


def _judged_already(
    counter: _Counter, unsettled: Mapping[str, _Bronze], placed: Iterable[str], rejected: Iterable[str]
) -> int:
    """Lines of bronze objects without a receipt that are in silver, repeated or rejected: a pass was cut short."""
    if not unsettled:
        return 0
    spans: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for key, found in unsettled.items():
        name = keys.parse_bronze(key)
        spans.setdefault((name.log, name.partition), []).append((name.start, found.end))

    def among(data: bytes) -> int:
        rows = _origins(data)
        near = ((row.offset, spans.get((row.log, row.partition), ())) for row in rows)
        return sum(any(start <= offset < end for start, end in known) for offset, known in near)

    own = {keys.rejected(name) for name in unsettled}.intersection(rejected)
    judged: list[int] = [*counter.each(placed, among, 0), *counter.each(own, _line_count, 0)]
    return sum(judged)


def _chain_ends(
    store: ObjectStore, landed: Mapping[str, _Bronze], expired: Iterable[str]
) -> Mapping[tuple[int, int], int]:
    """Where the chain of each log's partition ends: after its last object or its last expired records."""
    ends: Counter[tuple[int, int]] = Counter()
    for key, found in landed.items():
        name = keys.parse_bronze(key)
        ends[name.log, name.partition] = max(ends[name.log, name.partition], found.end)
    for key in expired:
        outcome = read_expired(store, key)
        ends[outcome.log, outcome.partition] = max(ends[outcome.log, outcome.partition], outcome.to)
    return ends


def _former(store: ObjectStore, ends: Mapping[tuple[int, int], int], log_number: int) -> int:
    """The records of former logs, which can't be asked any more: up to the head or, past it, to the chain's end.

    A head may lag or be lost; one that is past the chain tells of an object that is gone.
    """
    known: Counter[tuple[int, int]] = Counter(ends)
    for head in all_heads(store):
        known[head.log, head.partition] = max(known[head.log, head.partition], head.end)
    return sum(end for (log, _), end in known.items() if log != log_number)
