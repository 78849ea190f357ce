"""Clean: one pass over the work list todo/, bronze -> silver, repeated, rejected and receipts (docs/data.md, Silver).

Write order: rejected, repeated, silver, receipt; then the entry of the work list goes. Whatever is cut off in between
is done again by the next pass, with equal content. Any number of cleaners may run at once.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from loginlake.errors import Conflict, Corrupt, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore, Stored
from loginlake.silver import moments
from loginlake.silver.check import Checked, Checker, Shards
from loginlake.silver.merge import Merged, merge
from loginlake.silver.reasons import Rules
from loginlake.silver.rows import Rows, who

log = logging.getLogger(__name__)
MAX_ROWS = 100_000
MAX_CONFLICTS = 100
MERGERS = 4  # a merge mostly waits for the store


@dataclass(slots=True)
class CleanReport:
    """What one pass did: lines = kept + repeated + erased + the sum of rejected.

    `waiting` counts entries of the work list whose bronze object is not there (yet), `corrupt` names the objects that
    cannot be read; both stay on the list.
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


Progress = Callable[[CleanReport], None]


def clean(
    store: ObjectStore,
    rules: Rules,
    *,
    shards: Shards = lambda _date: 1,
    max_rows: int = MAX_ROWS,
    progress: Progress | None = None,
) -> CleanReport:
    """Clean everything that was on the work list when the pass began, about `max_rows` rows at a time in memory.

    `shards` answers into how many shards an event date is split (lake.json). Raises what the store raises: nothing is
    lost, the next pass does the rest. A damaged object stops nothing but the watermark and itself.
    """
    complete_until = _landed_until(store)
    report = CleanReport()
    cleaner = _Pass(store, rules, Checker(rules, shards), report)
    for batch in cleaner.batches([entry.key for entry in store.list("todo/")], max_rows):
        cleaner.finish(batch)
        if progress is not None:
            progress(report)
    if not report.corrupt:
        watermark = None if complete_until is None else moments.text(complete_until)
        store.put(keys.CLEAN_WATERMARK, msgspec.json.encode({"complete_until": watermark}))
    return report


def _landed_until(store: ObjectStore) -> datetime | None:
    """The earliest arrival time, over all partitions, up to which everything had landed; None when one is unknown."""
    times: list[datetime] = []
    for entry in store.list("heads/"):
        said = msgspec.json.decode(store.get(entry.key).data).get("complete_until")
        when = moments.moment(said) if isinstance(said, str) else None
        if when is None:
            return None
        times.append(when)
    return min(times, default=None)


class _Pass:
    """One pass: reads objects, merges their rows hour by hour, leaves receipts."""

    def __init__(self, store: ObjectStore, rules: Rules, checker: Checker, report: CleanReport) -> None:
        self._store = store
        self._rules = rules
        self._checker = checker
        self._report = report

    def batches(self, todo: list[str], max_rows: int) -> Iterator[list[Checked]]:
        """The checked objects of the work list, in groups that hold about `max_rows` rows."""
        batch: list[Checked] = []
        rows = 0
        for entry in todo:
            checked = self._checked(entry)
            if checked is None:
                continue
            batch.append(checked)
            rows += checked.row_count
            if rows >= max_rows:
                yield batch
                batch, rows = [], 0
        if batch:
            yield batch

    def _checked(self, entry: str) -> Checked | None:
        """The object behind an entry, judged; None when there is nothing to do for it, or not yet."""
        key = keys.bronze_of_todo(entry)
        receipt = _read(self._store, keys.receipt(key))
        if receipt is not None:
            if msgspec.json.decode(receipt.data)["rejected"]:
                self._mark({keys.parse_bronze(key).date})
            self._store.delete(entry)
            return None
        stored = _read(self._store, key)
        if stored is None:
            # Land writes the entry first. If it stopped there, it comes back to the very same name.
            self._report.waiting += 1
            return None
        try:
            content = lines.decode(stored.data)
            return self._checker.check(key, content, hashlib.sha256(content).hexdigest())
        except Corrupt as error:
            log.error("bronze object is damaged", extra={"object": key, "error": str(error)})  # noqa: TRY400
            self._report.corrupt.append(key)
            return None

    def finish(self, batch: list[Checked]) -> None:
        """Write all that a group of objects comes to, in the order that lets a crash be healed by doing it again."""
        for checked in batch:
            if checked.rejected:
                self._store.put(keys.rejected(checked.key), lines.encode(checked.rejected))
        slots: dict[keys.Slot, Rows] = {}
        for checked in batch:
            for slot, rows in checked.rows.items():
                slots.setdefault(slot, Rows()).extend(rows)
        days = {slot.date for slot in slots}
        self._mark(days)
        with ThreadPoolExecutor(MERGERS) as pool:
            for merged in pool.map(lambda slot: self._merge(slot, slots.pop(slot)), sorted(slots)):
                self._report.kept += merged.kept
                self._report.repeated += merged.repeats
                self._report.slots += 1
        # Again: a publisher may have taken the first mark and read an hour before it was written.
        self._mark(days)
        for checked in batch:
            self._receipt(checked)

    def _merge(self, slot: keys.Slot, rows: Rows) -> Merged:
        """Bring new rows into their hour. On Conflict everything is read and merged again."""
        silver_key, repeated_key = keys.silver(slot), keys.repeated(slot)
        with self._store.lock(silver_key):
            for _ in range(MAX_CONFLICTS):
                silver, silver_version = self._content(silver_key)
                repeated, repeated_version = self._content(repeated_key)
                merged = merge(silver, repeated, rows, self._who)
                try:
                    if merged.repeated != repeated:
                        self._store.replace(repeated_key, lines.compress(merged.repeated), repeated_version)
                    if merged.silver != silver:
                        self._store.replace(silver_key, lines.compress(merged.silver), silver_version)
                except Conflict:
                    continue
                return merged
        raise Conflict(
            f"The hour {silver_key} was written by somebody else {MAX_CONFLICTS} times while it was merged.",
            "Too many cleaners work on the same hour.",
            "Run clean again, or with fewer cleaners.",
        )

    def _content(self, key: str) -> tuple[bytes, str | None]:
        """The uncompressed content of an object and its version; nothing and None when there is none."""
        stored = _read(self._store, key)
        return (b"", None) if stored is None else (lines.decode(stored.data), stored.version)

    def _who(self, line: bytes) -> str | None:
        person = _person_of(line)
        if person.provider is None or person.user_id is None:
            return None
        return who(self._rules.secret, person.provider, person.user_id)

    def _receipt(self, checked: Checked) -> None:
        """The last word on an object: every row of it is where it belongs. Then it leaves the work list."""
        arrival_day = {keys.parse_bronze(checked.key).date} if checked.rejected else set()
        self._mark(arrival_day)
        self._store.put(keys.receipt(checked.key), msgspec.json.encode(receipt_of(checked)))
        self._mark(arrival_day)
        self._store.delete(keys.todo(checked.key))
        self._report.objects += 1
        self._report.lines += checked.lines
        self._report.erased += checked.erased
        self._report.rejected.update(checked.reasons)

    def _mark(self, days: set[str]) -> None:
        """Tell publish that a day changed. New content each time: a mark that it has read is not this one."""
        for day in sorted(days):
            self._store.put(keys.dirty(day), uuid.uuid4().hex.encode())


class _Person(msgspec.Struct, gc=False):
    provider: str | None = None
    user_id: str | None = None


_person_of = msgspec.json.Decoder(_Person).decode


def receipt_of(checked: Checked) -> dict[str, Any]:
    """The receipt of an object, as data: what became of its lines."""
    return {
        "object": checked.key,
        "lines": checked.lines,
        "erased": checked.erased,
        "rejected": dict(sorted(checked.reasons.items())),
        "hours": [{**slot._asdict(), "rows": len(checked.rows[slot])} for slot in sorted(checked.rows)],
        "rules": Rules.VERSION,
        "checksum": f"sha256:{checked.checksum}",
    }


def _read(store: ObjectStore, key: str) -> Stored | None:
    try:
        return store.get(key)
    except ObjectNotFound:
        return None
