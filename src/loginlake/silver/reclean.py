"""Reclean: bronze objects judged again, and what they left in silver, repeated, rejected and receipts replaced.

After a change of rules, or to make silver anew. Nothing is sent to the log again, and no reader sees a gap: an hour is
replaced in one write, under the locks and conditions of clean. replay/ is the work list: it holds what was begun,
so that doing the same again after a crash ends it. With unchanged rules the content is equal, and nothing is written.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from loginlake.errors import Conflict, Corrupt, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.silver import hours
from loginlake.silver.check import Checked, Checker, Shards
from loginlake.silver.clean import receipt_of
from loginlake.silver.hours import Owners, Replacement, Unsettled
from loginlake.silver.reasons import Rules
from loginlake.silver.rows import Rows, who

REPLAY = "replay/"
MAX_OBJECTS = 8
Progress = Callable[[int], None]


@dataclass(slots=True)
class RecleanReport:
    """What was done: objects judged again, hours and receipts that are other than before, rejected rows by then."""

    objects: int = 0
    hours_changed: int = 0
    receipts_changed: int = 0
    rejected_before: int = 0
    rejected: int = 0
    left: list[str] = field(default_factory=list)


class _Receipt(msgspec.Struct):
    rejected: dict[str, int]
    hours: list[dict[str, int | str]]

    @property
    def slots(self) -> set[keys.Slot]:
        return {msgspec.convert({k: v for k, v in hour.items() if k != "rows"}, _Slot).slot for hour in self.hours}


class _Slot(msgspec.Struct):
    kind: keys.Kind
    date: str
    hour: int
    shard: int

    @property
    def slot(self) -> keys.Slot:
        return keys.Slot(self.kind, self.date, self.hour, self.shard)


class _Person(msgspec.Struct, gc=False):
    provider: str | None = None
    user_id: str | None = None


_person = msgspec.json.Decoder(_Person).decode


def unfinished(store: ObjectStore) -> list[str]:
    """The objects of a reclean that was begun and did not end."""
    return ["bronze/" + entry.key.removeprefix(REPLAY) for entry in store.list(REPLAY)]


def reclean(
    store: ObjectStore, rules: Rules, objects: Iterable[str], *, shards: Shards, progress: Progress = lambda _: None
) -> RecleanReport:
    """Judge bronze objects again, a few at a time, and put the outcome in place of what they had.

    Objects without a receipt are put on clean's list (`left`). Every object that begins is on replay/ until it ends.
    """
    report = RecleanReport()
    todo = sorted({*objects, *unfinished(store)})
    recleaner = _Recleaner(store, rules, shards, report)
    for at in range(0, len(todo), MAX_OBJECTS):
        recleaner.run(todo[at : at + MAX_OBJECTS])
        progress(min(MAX_OBJECTS, len(todo) - at))
    return report


class _Recleaner:
    def __init__(self, store: ObjectStore, rules: Rules, shards: Shards, report: RecleanReport) -> None:
        self._store, self._rules, self._report = store, rules, report
        self._checker = Checker(rules, shards)
        self._owners = Owners(store, [entry.key for entry in store.list("bronze/")])

    def run(self, chosen: Sequence[str]) -> None:
        """Some objects, with those whose repeats would lose their winner."""
        wanted = set(chosen)
        while True:
            try:
                self._together(sorted(wanted))
            except Unsettled as more:
                if more.objects <= wanted:
                    raise Conflict(
                        "Repeats lose their winner while their own object is being cleaned.",
                        "Clean is at work on the same hours.",
                        "Run clean --once, then this again.",
                    ) from None
                wanted |= more.objects
            else:
                return

    def _together(self, wanted: Sequence[str]) -> None:
        before = {key: receipt for key in wanted if (receipt := _receipt(self._store, key)) is not None}
        for key in wanted:
            if key not in before:
                self._store.put(keys.todo(key), b"")
                self._store.delete(REPLAY + key.removeprefix("bronze/"))
        self._report.left = sorted({*self._report.left, *(key for key in wanted if key not in before)})
        for key in before:
            self._store.put(REPLAY + key.removeprefix("bronze/"), b"")
        checked = {key: self._check(key) for key in before}
        new: dict[keys.Slot, Rows] = {}
        for found in checked.values():
            for slot, rows in found.rows.items():
                new.setdefault(slot, Rows()).extend(rows)
        touched = set(new).union(*(receipt.slots for receipt in before.values()))
        rejected = [found for found in checked.values() if self._rejected(found)]
        changed = [slot for slot in sorted(touched) if self._hour(slot, new.get(slot, Rows()), before)]
        days = {slot.date for slot in changed}
        for key, found in checked.items():
            if self._put_receipt(found) or found in rejected:
                days.add(keys.parse_bronze(key).date)
                self._report.receipts_changed += 1
            self._report.rejected_before += sum(before[key].rejected.values())
            self._report.rejected += len(found.rejected)
        self._mark(days)
        for key in before:
            self._store.delete(REPLAY + key.removeprefix("bronze/"))
        self._report.objects += len(before)
        self._report.hours_changed += len(changed)

    def _check(self, key: str) -> Checked:
        content = lines.decode(self._store.get(key).data)
        return self._checker.check(key, content, hashlib.sha256(content).hexdigest())

    def _rejected(self, checked: Checked) -> bool:
        """Replace an object's rejected rows; whether they are others than before."""
        key = keys.rejected(checked.key)
        stored = _lines(self._store, key)
        if stored == checked.rejected:
            return False
        self._mark({keys.parse_bronze(checked.key).date})
        if checked.rejected:
            self._store.put(key, lines.encode(checked.rejected))
        else:
            self._store.delete(key)
        return True

    def _hour(self, slot: keys.Slot, rows: Rows, chosen: Mapping[str, object]) -> bool:
        by = Replacement(rows, self._owners.of, chosen.keys(), self._who, lambda: self._mark({slot.date}))
        return hours.replace(self._store, slot, by)

    def sweep(self, slot: keys.Slot, slots_of: Mapping[str, set[keys.Slot]]) -> None:
        """Take out of an hour the rows that are of no object, or of one whose receipt does not name the hour."""

        def whose(origin: hours.Origin, arrived: str) -> str | None:
            owner = self._owners.of(origin, arrived)
            return None if owner is None or slot not in slots_of.get(owner, {slot}) else owner

        by = Replacement(Rows(), whose, (), self._who, lambda: self._mark({slot.date}))
        if hours.replace(self._store, slot, by):
            self._mark({slot.date})
            self._report.hours_changed += 1

    def _put_receipt(self, checked: Checked) -> bool:
        key, content = keys.receipt(checked.key), msgspec.json.encode(receipt_of(checked))
        if self._store.get(key).data == content:
            return False
        self._store.put(key, content)
        return True

    def _who(self, line: bytes) -> str | None:
        person = _person(line)
        if person.provider is None or person.user_id is None:
            return None
        return who(self._rules.secret, person.provider, person.user_id)

    def _mark(self, days: set[str]) -> None:
        for day in sorted(days):
            self._store.put(keys.dirty(day), uuid.uuid4().hex.encode())


def rebuild(
    store: ObjectStore,
    rules: Rules,
    *,
    shards: Shards,
    first: str | None = None,
    last: str | None = None,
    progress: Progress = lambda _: None,
) -> RecleanReport:
    """Every object that has rows in days `first` to `last`, cleaned anew, and with it every row that it left there.

    Hours that no receipt names lose the rows that are of no object. Resumable: doing it again writes nothing twice.
    """
    slots_of = {key: found.slots for key in _settled(store) if (found := _receipt(store, key)) is not None}

    def meant(slot: keys.Slot) -> bool:
        return (first or "") <= slot.date <= (last or "~")

    chosen = [key for key, slots in slots_of.items() if any(map(meant, slots))]
    report = reclean(store, rules, chosen, shards=shards, progress=progress)
    recleaner = _Recleaner(store, rules, shards, report)
    slots_of = {key: found.slots for key in _settled(store) if (found := _receipt(store, key)) is not None}
    for slot in filter(meant, sorted(_stored(store))):
        recleaner.sweep(slot, slots_of)
    return report


_STORED = re.compile(
    r"^silver/(?P<kind>signins|refusals)/date=(?P<date>\d{4}-\d\d-\d\d)/hour=(?P<hour>\d\d)/shard=(?P<shard>\d+)\."
)


def _stored(store: ObjectStore) -> Iterator[keys.Slot]:
    for entry in list(store.list("silver/")):
        found = _STORED.match(entry.key)
        if found is not None:
            kind: keys.Kind = "signins" if found["kind"] == "signins" else "refusals"
            yield keys.Slot(kind, found["date"], int(found["hour"]), int(found["shard"]))


def _settled(store: ObjectStore) -> Iterator[str]:
    for entry in list(store.list("receipts/")):
        yield "bronze/" + entry.key.removeprefix("receipts/").removesuffix(".json") + ".jsonl.gz"


def _receipt(store: ObjectStore, key: str) -> _Receipt | None:
    """What a receipt says; nothing but that it exists, where it cannot be read."""
    try:
        return msgspec.json.decode(store.get(keys.receipt(key)).data, type=_Receipt)
    except ObjectNotFound:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Receipt({}, [])


def _lines(store: ObjectStore, key: str) -> list[bytes] | None:
    """The stored lines; none without an object, None where it cannot be read."""
    try:
        return lines.split(lines.decode(store.get(key).data))
    except ObjectNotFound:
        return []
    except Corrupt:
        return None
