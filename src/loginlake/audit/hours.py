"""An hour of silver beside the rows that the rules make of bronze: each origin once, equal, ordered, the earliest wins.

The whole hour is compared by arrays first; only an hour that differs, or in which cleaning is under way, is looked at
row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice, pairwise
from operator import attrgetter, le
from typing import TypeVar

import msgspec
import numpy as np

from loginlake.audit.finding import Finding, places, said
from loginlake.audit.spill import Records
from loginlake.errors import Corrupt, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore

Origin = tuple[int, int, int]
Unknown = Callable[[Origin], bool]
STORED = np.dtype([("log", "<u4"), ("partition", "<u4"), ("offset", "<i8"), ("line", "<i8")])
WINNER = ("log", "partition", "offset")
_ORIGIN = list(WINNER)
_ID = attrgetter("source", "id")
_PLACE = attrgetter("time", "source", "id", *WINNER)


class _Row(msgspec.Struct, gc=False):
    log: int
    partition: int
    offset: int
    time: str
    source: str
    id: str


class _Repeat(msgspec.Struct, gc=False):
    log: int
    partition: int
    offset: int
    winner_log: int
    winner_partition: int
    winner_offset: int


_rows_of = msgspec.json.Decoder(_Row).decode_lines
_repeats_of = msgspec.json.Decoder(_Repeat).decode_lines
_Read = TypeVar("_Read")


@dataclass(slots=True)
class Hour:
    """What an hour and shard holds: rows of silver (STORED) in the file's order, repeats, hashes of (source, id)."""

    slot: keys.Slot
    silver: Records = field(default_factory=lambda: np.empty(0, STORED))
    repeated: list[tuple[Origin, Origin]] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    disorder: list[Origin] = field(default_factory=list)
    unreadable: list[Finding] = field(default_factory=list)


def read(store: ObjectStore, slot: keys.Slot) -> Hour:
    """Read an hour. What cannot be read is a finding, and counts as empty."""
    hour = Hour(slot)
    for seen in _content(store, hour, keys.repeated(slot), _repeats_of)[1]:
        winner = (seen.winner_log, seen.winner_partition, seen.winner_offset)
        hour.repeated.append(((seen.log, seen.partition, seen.offset), winner))
    texts, rows = _content(store, hour, keys.silver(slot), _rows_of)
    if not rows:
        return hour
    hour.silver = np.empty(len(rows), STORED)
    for name in WINNER:
        hour.silver[name] = list(map(attrgetter(name), rows))
    hour.silver["line"] = list(map(hash, texts))
    hour.ids = list(map(hash, map(_ID, rows)))
    places = list(map(_PLACE, rows))
    if not all(map(le, places, islice(places, 1, None))):
        hour.disorder = [after[3:] for before, after in pairwise(places) if after < before]
    return hour


def _content(
    store: ObjectStore, hour: Hour, key: str, decode: Callable[[bytes], list[_Read]]
) -> tuple[list[bytes], list[_Read]]:
    """The lines of an object, and what they say."""
    try:
        content = lines.decode(store.get(key).data)
        texts, rows = lines.split(content), decode(content)
        if len(texts) != len(rows):
            raise Corrupt("A line is no row.")
    except ObjectNotFound:
        return [], []
    except (Corrupt, msgspec.MsgspecError, UnicodeDecodeError):
        hour.unreadable.append(_finding(hour.slot, "hour_unreadable", key, "It cannot be read.", []))
        return [], []
    return texts, rows


def equal(hour: Hour, wanted: Records) -> bool:
    """Whether an hour is just what its rows come to; False when it has to be looked at row by row."""
    if not wanted["settled"].all() or hour.disorder or hour.unreadable:
        return False
    if len(hour.silver) + len(hour.repeated) != len(wanted):
        return False
    wanted, silver = _by_origin(wanted), _by_origin(hour.silver)
    _, earliest, group = np.unique(wanted["group"], return_index=True, return_inverse=True)
    winner = earliest[group]
    kept = winner == np.arange(len(wanted))
    if len(earliest) != len(silver):
        return False
    if not all(np.array_equal(silver[name], wanted[name][kept]) for name in STORED.names or ()):
        return False
    mine, theirs = wanted[~kept][_ORIGIN].tolist(), wanted[winner[~kept]][_ORIGIN].tolist()
    return len(hour.repeated) == len(mine) and set(hour.repeated) == set(zip(mine, theirs, strict=True))


def _by_origin(rows: Records) -> Records:
    found: Records = rows[np.lexsort([rows[name] for name in reversed(_ORIGIN)])]
    return found


def explain(hour: Hour, wanted: Records, unknown: Unknown) -> tuple[list[Finding], int]:
    """What is wrong in an hour, origin by origin, and how many unsettled rows are placed already.

    `unknown`: an origin of which bronze cannot tell (lost, unreadable, or newer than this audit).
    """
    rows = {(r[1], r[2], r[3]): r for r in wanted.tolist()}
    stored = hour.silver.tolist()
    silver = [(row[0], row[1], row[2]) for row in stored]
    repeated = [origin for origin, _ in hour.repeated]
    seen: set[Origin] = set()
    twice: list[Origin] = []
    for origin in (*silver, *repeated):
        (twice.append if origin in seen else seen.add)(origin)
    missing = [origin for origin, row in rows.items() if row[6] and origin not in seen]
    strange = [origin for origin in seen if origin not in rows and not unknown(origin)]
    changed = [
        o for o, row in zip(silver, stored, strict=True) if o in rows and rows[o][4] != row[3] and not unknown(o)
    ]
    wrong = _wrong_winners(hour, rows, set(silver), unknown)
    key, other = keys.silver(hour.slot), keys.repeated(hour.slot)
    findings = [*hour.unreadable]
    for fault, where, what, origins in (
        ("row_twice", key, "Rows that are there more than once", twice),
        ("row_missing", key, "Rows that bronze has and neither silver nor repeated", missing),
        ("row_without_origin", key, "Rows whose origin bronze does not have, or judges otherwise", strange),
        ("row_differs", key, "Rows that differ from what the rules make of bronze", changed),
        ("order", key, "Rows that are not in the order of time, source and id", hour.disorder),
        ("winner", other, "Rows of one sign-in of which not just the earliest is in silver", wrong),
    ):
        if origins and not (hour.unreadable and fault in ("row_missing", "winner")):
            findings.append(_finding(hour.slot, fault, where, what, origins))
    return findings, sum(1 for origin, row in rows.items() if not row[6] and origin in seen)


def _wrong_winners(
    hour: Hour, rows: dict[Origin, tuple[int, ...]], silver: set[Origin], unknown: Unknown
) -> list[Origin]:
    """Origins where not just the earliest of a (source, id, person) is in silver, and the others name it."""
    winner_of = dict(hour.repeated)
    groups: dict[int, list[Origin]] = {}
    for origin, row in rows.items():
        if origin in silver or origin in winner_of:
            groups.setdefault(row[5], []).append(origin)
    wrong: list[Origin] = []
    for members in groups.values():
        kept = sorted(origin for origin in members if origin in silver)
        named = {winner_of[origin] for origin in members if origin in winner_of}
        if any(unknown(winner) for winner in named):
            continue  # the earliest is an origin of which nothing is known here
        if len(kept) > 1:
            wrong += kept[1:]
        elif kept != [min(members)]:
            wrong += [min(members)]
        elif named - {kept[0]}:
            wrong += [origin for origin in members if winner_of.get(origin, kept[0]) != kept[0]]
    return wrong


def _finding(slot: keys.Slot, fault: str, where: str, what: str, origins: list[Origin]) -> Finding:
    spots = places(origins)
    text = f"{what} ({len(set(origins))}): {said(spots)}." if origins else what
    move = f"loginlake rebuild silver --from {slot.date} --to {slot.date}; then loginlake publish --once"
    return Finding(fault=fault, where=where, what=text, next_move=move, places=spots, date=slot.date, hour=slot.hour)
