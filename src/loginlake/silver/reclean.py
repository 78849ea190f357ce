"""Reclean: bronze objects judged again, and what they left in silver, repeated, rejected and receipts replaced.

After a change of rules, or to make silver anew. Nothing is sent to the log again, and no reader sees a gap: an hour is
replaced in one write, under the locks and conditions of clean. replay/ is the work list (todo/ of an object that has no
receipt yet): it holds what was begun and which hours may have rows of it, so that doing the same again after a crash
ends it, by whichever rules. With unchanged rules the content is equal, and nothing is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from loginlake.errors import Conflict, Corrupt, ObjectExists, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.marks import mark
from loginlake.lake.store import ObjectStore
from loginlake.silver import begun, hours
from loginlake.silver.begun import REPLAY, Begun
from loginlake.silver.check import Checked, Checker, Shards, receipt_of
from loginlake.silver.hours import Owners, Replacement, Unsettled
from loginlake.silver.reasons import Rules
from loginlake.silver.rows import Rows, who

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
    damaged: bool = False

    @property
    def slots(self) -> set[keys.Slot]:
        return {msgspec.convert({k: v for k, v in hour.items() if k != "rows"}, _Slot).slot for hour in self.hours}


_decode_receipt = msgspec.json.Decoder(_Receipt).decode


class _Before(NamedTuple):
    """What is known of an object that was cleaned, or begun: its receipt, its entry of a work list, what that says."""

    receipt: _Receipt | None
    entry: str
    begun: Begun | None

    @property
    def slots(self) -> set[keys.Slot]:
        """Where it may have rows."""
        said = self.begun.hours if self.begun is not None else []
        return {*said, *(self.receipt.slots if self.receipt is not None else ())}


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
    _each_batch(Recleaner(store, rules, shards, report), {*objects, *unfinished(store)}, progress)
    return report


def _each_batch(recleaner: Recleaner, objects: set[str], progress: Progress) -> None:
    todo = sorted(objects)
    for at in range(0, len(todo), MAX_OBJECTS):
        recleaner.run(todo[at : at + MAX_OBJECTS])
        progress(min(MAX_OBJECTS, len(todo) - at))


class Recleaner:
    """Puts the outcome of objects, judged by these rules, in place of what they had; some objects at a time."""

    def __init__(
        self,
        store: ObjectStore,
        rules: Rules,
        shards: Shards,
        report: RecleanReport,
        anew: Callable[[keys.Slot], bool] = lambda _: False,
    ) -> None:
        """`anew`: hours of which every object is done again, so that one that cannot be read counts as empty.

        Any other that cannot be read is DamagedHour: nobody else's rows must go with it.
        """
        self._store, self._rules, self._report, self._anew = store, rules, report, anew
        self._checker = Checker(rules, shards)
        self._owners = Owners(store)

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
        before = {key: was for key in wanted if (was := self._before(key)) is not None}
        self._leave([key for key in wanted if key not in before])
        checked = {key: self._check(key) for key in before}
        for key, found in checked.items():
            self._begin(before[key], found)
        new: dict[keys.Slot, Rows] = {}
        for found in checked.values():
            for slot, rows in found.rows.items():
                new.setdefault(slot, Rows()).extend(rows)
        touched = set(new).union(*(was.slots for was in before.values()))
        rejected = [found for found in checked.values() if self._rejected(found)]
        changed = [slot for slot in sorted(touched) if self._hour(slot, new.get(slot, Rows()), before)]
        days = {slot.date for slot in changed}
        for key, found in checked.items():
            days |= self._end(before[key], found, rejected_changed=found in rejected)
        mark(self._store, days)
        for was in before.values():
            self._store.delete(was.entry)
        self._report.objects += len(before)
        self._report.hours_changed += len(changed)

    def _end(self, was: _Before, checked: Checked, *, rejected_changed: bool) -> set[str]:
        """Give an object its receipt; the days that publish is to be told of for it."""
        days: set[str] = set()
        arrived = keys.parse_bronze(checked.key).date
        if self._put_receipt(checked) or rejected_changed:
            days.add(arrived)
            self._report.receipts_changed += 1
        if was.begun is not None:  # who was cut may have written without telling publish afterwards
            days |= {arrived, *(slot.date for slot in was.slots)}
        self._report.rejected_before += sum(was.receipt.rejected.values()) if was.receipt is not None else 0
        self._report.rejected += len(checked.rejected)
        return days

    def _before(self, key: str) -> _Before | None:
        """What is known of an object; None when nothing of it was ever written."""
        receipt = _receipt(self._store, key)
        entry = keys.todo(key) if receipt is None else begun.replay(key)
        said = begun.read(self._store, entry)
        return None if receipt is None and said is None else _Before(receipt, entry, said)

    def _leave(self, objects: Sequence[str]) -> None:
        """Put objects on clean's list: they are its own."""
        for key in objects:
            with suppress(ObjectExists):
                self._store.create(keys.todo(key), b"")
            self._store.delete(begun.replay(key))
        self._report.left = sorted({*self._report.left, *objects})

    def _begin(self, was: _Before, checked: Checked) -> None:
        """Say by which rules, and where there may be rows; then take away what is still on its way."""
        said = begun.of((self._rules.fingerprint,), {*checked.rows, *was.slots}).plus(was.begun)
        if said != was.begun:
            begun.write(self._store, was.entry, said)
        self._store.delete(keys.checked(checked.key))  # first: without rows it would pass for merged
        for slot in said.hours:
            self._store.delete(keys.rows(slot, checked.key))

    def _check(self, key: str) -> Checked:
        try:
            content = lines.decode(self._store.get(key).data)
            return self._checker.check(key, content, hashlib.sha256(content).hexdigest())
        except Corrupt as error:
            raise Corrupt(f"{key} cannot be read.", error.why, "Restore it from a copy, then do this again.") from error

    def _rejected(self, checked: Checked) -> bool:
        """Replace an object's rejected rows; whether they are others than before."""
        key = keys.rejected(checked.key)
        stored = _lines(self._store, key)
        if stored == checked.rejected:
            return False
        mark(self._store, {keys.parse_bronze(checked.key).date})
        if checked.rejected:
            self._store.put(key, lines.encode(checked.rejected))
        else:
            self._store.delete(key)
        return True

    def _hour(self, slot: keys.Slot, rows: Rows, chosen: Mapping[str, object]) -> bool:
        return hours.replace(self._store, slot, self._replacement(slot, rows, self._owners.of, chosen.keys()))

    def _replacement(
        self, slot: keys.Slot, rows: Rows, whose: Callable[[hours.Origin], str | None], chosen: Collection[str]
    ) -> Replacement:
        def tell() -> None:
            mark(self._store, {slot.date})

        return Replacement(rows, whose, self._owners.look_again, chosen, self._anew(slot), self._who, tell)

    def sweep(self, slot: keys.Slot, slots_of: Mapping[str, set[keys.Slot]]) -> None:
        """Take out of an hour the rows that are of no object, or of one whose receipt does not name the hour."""

        def whose(origin: hours.Origin) -> str | None:
            owner = self._owners.of(origin)
            return None if owner is None or slot not in slots_of.get(owner, {slot}) else owner

        if hours.replace(self._store, slot, self._replacement(slot, Rows(), whose, ())):
            mark(self._store, {slot.date})
            self._report.hours_changed += 1

    def _put_receipt(self, checked: Checked) -> bool:
        key, content = keys.receipt(checked.key), msgspec.json.encode(receipt_of(checked))
        with suppress(ObjectNotFound):
            if self._store.get(key).data == content:
                return False
        self._store.put(key, content)
        return True

    def _who(self, line: bytes) -> str | None:
        person = _person(line)
        if person.provider is None or person.user_id is None:
            return None
        return who(self._rules.secret, person.provider, person.user_id)


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

    Hours that no receipt names lose the rows that are of no object; an hour that cannot be read is made of what its
    objects have. Resumable: doing it again writes nothing twice.
    """

    def meant(slot: keys.Slot) -> bool:
        return (first or "") <= slot.date <= (last or "~")

    receipts = _receipts(store)
    chosen = [key for key, found in receipts.items() if found.damaged or any(map(meant, found.slots))]
    for key in chosen:  # all of them, before a damaged hour is readable again with the rows of the first alone
        with suppress(ObjectExists):
            store.create(begun.replay(key), b"")
    report = RecleanReport()
    recleaner = Recleaner(store, rules, shards, report, meant)
    _each_batch(recleaner, {*chosen, *unfinished(store)}, progress)
    slots_of = {key: found.slots for key, found in _receipts(store).items() if not found.damaged}
    for slot in filter(meant, sorted(_stored(store))):
        recleaner.sweep(slot, slots_of)
    return report


def _stored(store: ObjectStore) -> set[keys.Slot]:
    """The hours and shards that have an object of silver or repeated."""
    names = (entry.key for folder in ("silver/", "repeated/") for entry in store.list(folder))
    return set(map(keys.parse_silver, filter(keys.is_hour, names)))


def _receipts(store: ObjectStore) -> dict[str, _Receipt]:
    return {key: found for key in _settled(store) if (found := _receipt(store, key)) is not None}


def _settled(store: ObjectStore) -> Iterator[str]:
    yield from filter(keys.is_bronze, [keys.bronze_of_receipt(entry.key) for entry in store.list("receipts/")])


def _receipt(store: ObjectStore, key: str) -> _Receipt | None:
    """What a receipt says; nothing but that it exists, where it cannot be read."""
    try:
        return _decode_receipt(store.get(keys.receipt(key)).data)
    except ObjectNotFound:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Receipt({}, [], damaged=True)


def _lines(store: ObjectStore, key: str) -> list[bytes] | None:
    """The stored lines; none without an object, None where it cannot be read."""
    try:
        return lines.split(lines.decode(store.get(key).data))
    except ObjectNotFound:
        return []
    except Corrupt:
        return None
