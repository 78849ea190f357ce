"""Clean: one pass over the work list todo/, bronze -> silver, repeated, rejected and receipts (docs/data.md, Silver).

Write order: begun (in the entry of the work list), rejected, repeated, silver, receipt; then the entry goes. Whatever
is cut off in between is done again by the next pass, with equal content; where it was begun by other rules, by reclean,
which clears what they left. Any number of cleaners with the same rules may run at once.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from loginlake.errors import Corrupt
from loginlake.lake import keys, lines
from loginlake.lake.marks import mark, to_clean
from loginlake.lake.store import ObjectStore, Stored, lookup
from loginlake.silver import begun, watermark
from loginlake.silver.begun import Begun
from loginlake.silver.check import Checked, Checker, Shards, receipt_of
from loginlake.silver.damage import DamagedHour
from loginlake.silver.merger import WAITERS, Merger
from loginlake.silver.reasons import Rules
from loginlake.silver.reclean import Recleaner, RecleanReport
from loginlake.silver.rows import Rows

log = logging.getLogger(__name__)
MAX_ROWS = 150_000
MAX_BYTES = 96 * 1024 * 1024
READ_AHEAD = 4


@dataclass(slots=True)
class CleanReport:
    """What one pass did: lines = kept + repeated + erased + the sum of rejected.

    `waiting` counts entries of the work list whose bronze object is not there (yet), `corrupt` names the objects of
    bronze, silver and repeated that cannot be read; the entries behind both stay on the list. `again`: objects that
    were begun by other rules and are now cleaned by these, which the other counts leave out.
    """

    objects: int = 0
    lines: int = 0
    kept: int = 0
    repeated: int = 0
    erased: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    slots: int = 0
    waiting: int = 0
    corrupt: list[str] = field(default_factory=list)
    again: int = 0


Progress = Callable[[CleanReport], None]


def clean(
    store: ObjectStore,
    rules: Rules,
    *,
    shards: Shards = lambda _date: 1,
    max_rows: int = MAX_ROWS,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
) -> CleanReport:
    """Clean everything that was on the work list when the pass began, about `max_rows` rows or `max_bytes` of them at a
    time in memory.

    `shards` answers into how many shards an event date is split (lake.json). Raises what the store raises: nothing is
    lost, the next pass does the rest. A damaged object stops nothing but the watermark and itself.
    """
    until = watermark.landed_until(store)  # before the list: what lands meanwhile is not promised
    report = CleanReport()
    listed = {entry.key: entry.size for entry in to_clean(store)}
    cleaner = _Pass(store, rules, shards, report, {entry for entry, size in listed.items() if size})
    for batch in cleaner.batches(turns(listed), max_rows, max_bytes):
        cleaner.finish(batch)
        if progress is not None:
            progress(report)
    cleaner.finish_others()
    if not report.corrupt:
        watermark.advance(store, until)
    return report


def turns(entries: Iterable[str]) -> list[list[str]]:
    """The entries of the work list in the order of their arrival, as near as their names tell, turn by turn.

    By arrival hour; within it, a turn is one object of each partition, at the same place among its partition's own.
    Partitions run side by side in time: one after the other, each would come back to every hour of the others.
    """
    runs: dict[str, list[str]] = {}
    for entry in entries:
        runs.setdefault(entry.rpartition("/")[0], []).append(entry)
    found: dict[tuple[str, float], list[str]] = {}
    for partition, run in sorted(runs.items()):
        for at, entry in enumerate(sorted(run)):
            found.setdefault((partition.rpartition("/")[0], at / len(run)), []).append(entry)
    return [found[turn] for turn in sorted(found)]


class _Work(NamedTuple):
    """An entry of the work list, with what is known of its object: a receipt; or how it was begun, and the object."""

    entry: str
    receipt: Stored | None
    begun: Begun | None
    stored: Stored | None


class _Pass:
    """One pass: reads objects, has their rows merged hour by hour, leaves receipts."""

    def __init__(
        self, store: ObjectStore, rules: Rules, shards: Shards, report: CleanReport, begun_before: set[str]
    ) -> None:
        self._store, self._rules, self._shards = store, rules, shards
        self._checker = Checker(rules, shards)
        self._merger = Merger(store, rules.secret)
        self._report = report
        self._begun_before = begun_before
        self._beginning: dict[str, Begun] = {}
        self._others: list[str] = []

    def batches(self, todo: list[list[str]], max_rows: int, max_bytes: int) -> Iterator[list[Checked]]:
        """The checked objects of the work list, in groups that hold about `max_rows` rows, or `max_bytes` of them.

        A group rather ends with a turn than within it: a turn's objects share their hours.
        """
        batch: list[Checked] = []
        held = 0
        full = max_rows * max_bytes
        for turn in todo:
            before = held
            for work in self._read_ahead(turn):
                checked = self._checked(work)
                if checked is None:
                    continue
                batch.append(checked)
                held += max(checked.row_count * max_bytes, checked.size * max_rows)
                if held >= full:
                    yield batch
                    batch, held, before = [], 0, 0
            if held + (held - before) > full:
                yield batch
                batch, held = [], 0
        if batch:
            yield batch

    def _read_ahead(self, turn: list[str]) -> Iterator[_Work]:
        """Each entry with its receipt and, where there is none, its object: a few are asked for at a time."""

        def read(entry: str) -> _Work:
            key = keys.bronze_of_todo(entry)
            receipt = lookup(self._store, keys.receipt(key))
            if receipt is not None:
                return _Work(entry, receipt, None, None)
            said = begun.read(self._store, entry) if entry in self._begun_before else None
            return _Work(entry, None, said, lookup(self._store, key))

        with ThreadPoolExecutor(READ_AHEAD) as pool:
            for at in range(0, len(turn), READ_AHEAD):
                yield from pool.map(read, turn[at : at + READ_AHEAD])

    def _checked(self, work: _Work) -> Checked | None:
        """The object behind an entry, judged; None when there is nothing to do for it, or not yet, or not here."""
        key = keys.bronze_of_todo(work.entry)
        if work.receipt is not None:
            if msgspec.json.decode(work.receipt.data)["rejected"]:
                mark(self._store, {keys.parse_bronze(key).date})
            self._store.delete(work.entry)
            return None
        if work.stored is None:
            # Land writes the entry first. If it stopped there, it comes back to the very same name.
            self._report.waiting += 1
            return None
        try:
            content = lines.decode(work.stored.data)
            checked = self._checker.check(key, content, hashlib.sha256(content).hexdigest())
        except Corrupt as error:
            log.error("bronze object is damaged", extra={"object": key, "error": str(error)})  # noqa: TRY400
            self._report.corrupt.append(key)
            return None
        ours = begun.of((self._rules.fingerprint,), checked.rows)
        if work.begun is None:
            self._beginning[key] = ours
        elif work.begun != ours:
            self._others.append(key)
            return None
        return checked

    def finish(self, batch: list[Checked]) -> None:
        """Write all that a group of objects comes to, in the order that lets a crash be healed by doing it again.

        The group is emptied: its memory is given back while it is merged.
        """
        slots_of = {checked.key: frozenset(checked.rows) for checked in batch}
        beginning, self._beginning = self._beginning, {}
        self._each(lambda key: begun.write(self._store, keys.todo(key), beginning[key]), beginning)
        for checked in batch:
            if checked.rejected:
                self._store.put(keys.rejected(checked.key), lines.encode(checked.rejected))
            self._count(checked)
        receipts = {checked.key: msgspec.json.encode(receipt_of(checked)) for checked in batch}
        arrival_days = {keys.parse_bronze(checked.key).date for checked in batch if checked.rejected}
        slots = _by_slot(batch)
        batch.clear()
        days = {slot.date for slot in slots}
        mark(self._store, days)
        for kept, repeats in self._merger.merge(list(slots), slots.pop):
            self._report.kept += kept
            self._report.repeated += repeats
            self._report.slots += 1
        # Again: a publisher may have taken the first mark and read an hour before it was written.
        mark(self._store, days | arrival_days)
        # The last word on objects: every row of them is where it belongs. Then they leave the work list.
        done = [key for key, touched in slots_of.items() if not touched & self._damaged()]
        self._each(lambda key: self._store.put(keys.receipt(key), receipts[key]), done)
        mark(self._store, arrival_days)
        self._each(lambda key: self._store.delete(keys.todo(key)), done)

    def finish_others(self) -> None:
        """Clean the objects anew that were begun by other rules."""
        if self._others:
            recleaner = Recleaner(self._store, self._rules, self._shards, RecleanReport())
            for key in self._others:
                try:
                    recleaner.run([key])
                    self._report.again += 1
                except DamagedHour as error:
                    log.error("an hour is damaged: %s", error)  # noqa: TRY400
                    self._merger.damaged[error.slot] = error
                except Corrupt as error:
                    log.error("an object cannot be cleaned anew: %s", error)  # noqa: TRY400
                    self._report.corrupt.append(key)
        self._report.corrupt += sorted({error.key for error in self._merger.damaged.values()})

    def _damaged(self) -> set[keys.Slot]:
        """The hours that stay as they are, and with them the entries of objects that have rows there."""
        return set(self._merger.damaged)

    def _count(self, checked: Checked) -> None:
        self._report.objects += 1
        self._report.lines += checked.lines
        self._report.erased += checked.erased
        self._report.rejected.update(checked.reasons)

    def _each(self, write: Callable[[str], None], objects: Iterable[str]) -> None:
        with ThreadPoolExecutor(WAITERS) as pool:
            list(pool.map(write, objects))


def _by_slot(batch: list[Checked]) -> dict[keys.Slot, Rows]:
    """The rows of all objects, taken out of them: who merges an hour's rows may let go of them."""
    slots: dict[keys.Slot, Rows] = {}
    for checked in batch:
        while checked.rows:
            slot, rows = checked.rows.popitem()
            if slot in slots:
                slots[slot].extend(rows)
            else:
                slots[slot] = rows
    return slots
