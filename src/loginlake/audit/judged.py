"""The lines of one bronze object as the rules judge them now: origins, rejected rows, and what silver must have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import attrgetter

import numpy as np

from loginlake.audit.spill import Records
from loginlake.bronze import envelope
from loginlake.lake import keys
from loginlake.silver.check import Checker
from loginlake.silver.rows import RefusalRow, RejectedRow, SignInRow, SilverRow, encode

_AT_ONCE = 1_000
ROW = np.dtype(
    [
        *(("slot", "<u4"), ("log", "<u4"), ("partition", "<u4"), ("offset", "<i8")),
        *(("line", "<i8"), ("group", "<i8"), ("settled", "u1")),
    ]
)
"""A row that silver or repeated must have: `line` and `group` are hashes, of its line and of (source, id, person)."""


class Judged:
    """The lines of one object as the rules judge them; some rows at a time are held, of the others hashes."""

    def __init__(self, checker: Checker, lines: Iterable[bytes]) -> None:
        """Judge the lines. Corrupt when one is none that land writes."""
        self.rejected: list[tuple[int, str]] = []
        self.erased = 0
        self.hours: set[str] = set()
        self._parts: dict[keys.Slot, list[Records]] = {}
        origins = [np.empty((0, 3), np.int64)]
        rest = iter(lines)
        while some := list(islice(rest, _AT_ONCE)):
            origins.append(self._judge(checker, some))
        self.origins: Records = np.concatenate(origins)  # log, partition and offset of each line

    def rows(self, *, settled: bool) -> dict[keys.Slot, Records]:
        """The rows by slot (without its number)."""
        found = {slot: np.concatenate(parts) for slot, parts in self._parts.items()}
        for rows in found.values():
            rows["settled"] = settled
        return found

    def _judge(self, checker: Checker, some: Iterable[bytes]) -> Records:
        """Judge some lines; where each is from."""
        seen: list[SilverRow | RejectedRow | envelope.Line] = []
        by_hour: dict[tuple[type, str], list[SilverRow]] = {}
        plain = checker.plain
        for line in some:
            row = plain(line) or checker.reference(line)
            if row is None:
                seen.append(envelope.decode(line))
                self.erased += 1
                continue
            seen.append(row)
            if isinstance(row, RejectedRow):
                self.rejected.append((row.offset, row.reason))
                continue
            hour = type(row), row.time[:13]
            rows = by_hour.get(hour)
            if rows is None:
                rows = by_hour[hour] = []
            rows.append(row)
        for rows in by_hour.values():
            self.hours.update({row.arrived[:13] for row in rows})
            for slot, own in checker.by_slot(rows):
                self._parts.setdefault(slot, []).append(_records(own))
        return np.array([list(map(get, seen)) for get in _ORIGIN.values()], np.int64).T


def _records(rows: Sequence[SilverRow]) -> Records:
    found = np.zeros(len(rows), ROW)
    for name, get in _ORIGIN.items():
        found[name] = list(map(get, rows))
    found["line"] = list(map(hash, map(encode, rows)))
    found["group"] = list(map(hash, map(_GROUP[type(rows[0])], rows)))
    return found


_ORIGIN = {name: attrgetter(name) for name in ("log", "partition", "offset")}
_GROUP: dict[type, Callable[[SilverRow], tuple[str, ...]]] = {
    SignInRow: attrgetter("source", "id", "provider", "user_id"),
    RefusalRow: attrgetter("source", "id"),
}
