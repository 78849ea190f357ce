"""The lines of one bronze object as the rules judge them now: origins, rejected rows, and what silver must have."""

from __future__ import annotations

import numpy as np

from loginlake.audit.spill import Records
from loginlake.bronze import envelope
from loginlake.lake import keys
from loginlake.silver.check import Checker, Shards, shard_of
from loginlake.silver.rows import RejectedRow, SignInRow, SilverRow, encode

ROW = np.dtype(
    [
        *(("slot", "<u4"), ("log", "<u4"), ("partition", "<u4"), ("offset", "<i8")),
        *(("line", "<i8"), ("group", "<i8"), ("settled", "u1")),
    ]
)
"""A row that silver or repeated must have: `line` and `group` are hashes, of its line and of (source, id, person)."""


class Judged:
    """The lines of one object as the rules judge them."""

    def __init__(self, checker: Checker, shards: Shards) -> None:
        self._checker, self._shards = checker, shards
        self.origins: list[tuple[int, int, int]] = []
        self.rejected: list[tuple[tuple[int, int, int], str]] = []
        self.erased = 0
        self.hours: set[str] = set()
        self.rows: dict[keys.Slot, list[tuple[int, int, int, int, int, int, int]]] = {}
        self._slots: dict[tuple[str, str, int], list[tuple[int, int, int, int, int, int, int]]] = {}

    def add(self, line: bytes) -> None:
        """Judge one line."""
        row = self._checker.plain(line) or self._checker.reference(line)
        if row is None:
            gone = envelope.decode(line)
            self.origins.append((gone.log, gone.partition, gone.offset))
            self.erased += 1
            return
        origin = (row.log, row.partition, row.offset)
        self.origins.append(origin)
        if isinstance(row, RejectedRow):
            self.rejected.append((origin, row.reason))
            return
        self.hours.add(row.arrived[:13])
        self._rows_of(row).append((0, *origin, hash(encode(row)), _group(row), 0))

    def records(self, slot: keys.Slot, *, settled: bool) -> Records:
        """The rows of a slot."""
        found = np.array(self.rows[slot], ROW)
        found["settled"] = settled
        return found

    def _rows_of(self, row: SilverRow) -> list[tuple[int, int, int, int, int, int, int]]:
        date = row.time[:10]
        shards = self._shards(date)
        owner = row.user_id if isinstance(row, SignInRow) else row.id
        kind: keys.Kind = "signins" if isinstance(row, SignInRow) else "refusals"
        place = (kind, row.time[:13], shard_of(owner, shards) if shards > 1 else 0)
        rows = self._slots.get(place)
        if rows is None:
            slot = keys.Slot(kind, date, int(row.time[11:13]), place[2])
            rows = self._slots[place] = self.rows[slot] = []
        return rows


def _group(row: SilverRow) -> int:
    if isinstance(row, SignInRow):
        return hash((row.source, row.id, row.provider, row.user_id))
    return hash((row.source, row.id))
