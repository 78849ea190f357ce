"""Clean in steps for many machines: find, check by bronze object, merge by hour and shard, settle (docs/data.md).

What clean hands on in memory goes through the lake here: `check` leaves an object's rows below rows/, by hour and
shard, and its receipt-to-be below checked/; `merge` takes rows into silver and then removes them; `settle` gives the
receipt to every object of which no rows are left. Any step may be done again, by anybody, at any time, beside clean
too: judging and merging are clean's own functions, and the work that is left is always what the lake lists.

What brings Polars is imported where it is needed: half a second, of each task of a run with nothing new.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, TypeVar

import msgspec

from loginlake.errors import Corrupt, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.marks import mark, to_clean
from loginlake.lake.store import ObjectStore, Stored, lookup
from loginlake.silver import begun, watermark
from loginlake.silver.check import Checked, Checker, Shards, receipt_of
from loginlake.silver.reasons import Rules
from loginlake.silver.rows import Rows

log = logging.getLogger(__name__)
_THREADS = 4  # a step mostly waits for the store
MERGE_BYTES = 32 * 1024 * 1024  # of an hour at a time; each further time reads and writes the hour again
_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Found(NamedTuple):
    """Bronze objects of the work list, and the arrival time up to which all had landed before it was read.

    `more`: the list goes on; then nobody can say yet how far it is complete.
    """

    objects: list[str]
    complete_until: str | None = None
    more: bool = False


class CheckReport(NamedTuple):
    """What a check came to. `waiting` objects are not there (yet), `corrupt` ones cannot be read: both stay listed."""

    objects: int
    lines: int
    rejected: int
    waiting: list[str]
    corrupt: list[str]


class OnTheWay(NamedTuple):
    """An hour and shard with rows on their way to it, and their size in bytes as they are stored."""

    slot: keys.Slot
    bytes: int


class MergeReport(NamedTuple):
    """What merges came to: new rows of these hours and shards, kept or repeated. Rows of `damaged` hours wait."""

    slots: int
    kept: int
    repeated: int
    damaged: tuple[str, ...] = ()


class SettleReport(NamedTuple):
    """Objects that got their receipt; objects with rows still on their way; how far clean now says it is complete.

    `damaged`: the objects of silver and repeated that cannot be read, where rows wait for them.
    """

    objects: int
    unmerged: int
    complete_until: str | None
    damaged: tuple[str, ...] = ()


def find(store: ObjectStore, most: int) -> Found:
    """At most `most` objects of the work list, by name. Its cost follows the list, not the lake."""
    until = watermark.landed_until(store)  # before the list: what lands meanwhile is not promised
    objects: list[str] = []
    for entry in to_clean(store):
        if len(objects) == most:
            return Found(objects, more=True)
        objects.append(keys.bronze_of_todo(entry.key))
    return Found(objects, until)


def arrived_in(store: ObjectStore, date: str, hour: int) -> list[str]:
    """Every bronze object of an arrival hour, whatever became of it: what a backfill does again."""
    return list(filter(keys.is_bronze, (entry.key for entry in store.list(keys.bronze_hour(date, hour)))))


def sizes(store: ObjectStore, objects: Iterable[str]) -> list[tuple[str, int]]:
    """Objects with their sizes in bytes; 0 for one that is not there (yet). One list an arrival hour and partition."""
    wanted = dict.fromkeys(objects, 0)
    names = map(keys.parse_bronze, wanted)
    for folder in {keys.bronze_partition(name.date, name.hour, name.log, name.partition) for name in names}:
        wanted.update((entry.key, entry.size) for entry in store.list(folder) if entry.key in wanted)
    return list(wanted.items())


def portions(items: Iterable[tuple[_In, int]], most_bytes: int, most: int) -> list[list[_In]]:
    """Items with their sizes, in their order, in portions of about `most_bytes`, in `most` portions at most."""
    listed = list(items)
    limit = max(most_bytes, -(-sum(size for _, size in listed) // most))
    made: list[list[_In]] = []
    filled = 0
    for item, size in listed:
        if not made or (filled >= limit and len(made) < most):
            made.append([])
            filled = 0
        made[-1].append(item)
        filled += size
    return made


def check(store: ObjectStore, rules: Rules, shards: Shards, objects: Iterable[str]) -> CheckReport:
    """Judge objects, one at a time in memory: rejected rows, rows on their way, then the receipt-to-be of each.

    One that has its receipt, or its receipt-to-be, is passed over. One whose judging was begun by other rules and cut
    is cleaned whole, by reclean, which clears what they left.
    """
    checker = Checker(rules, shards)
    done = read = rejected = 0
    waiting: list[str] = []
    corrupt: list[str] = []
    others: list[str] = []
    for key in objects:
        if _is_judged(store, key):
            continue
        try:
            content = lines.decode(store.get(key).data)
            checked = checker.check(key, content, hashlib.sha256(content).hexdigest())
        except ObjectNotFound:
            waiting.append(key)  # land writes the entry first, and comes back to the very same name
        except Corrupt as error:
            log.error("bronze object is damaged: %s %s", key, error)  # noqa: TRY400 - a named condition
            corrupt.append(key)
        else:
            done, read, rejected = done + 1, read + checked.lines, rejected + len(checked.rejected)
            if _is_ours(store, checked, rules):
                _hand_on(store, checked)
            else:
                others.append(key)
    if others:
        from loginlake.silver.reclean import Recleaner, RecleanReport

        recleaner = Recleaner(store, rules, shards, RecleanReport())
        for key in others:
            try:
                recleaner.run([key])
            except Corrupt as error:
                log.error("an object cannot be cleaned anew: %s: %s", key, error)  # noqa: TRY400
                corrupt.append(key)
    return CheckReport(done, read, rejected, waiting, corrupt)


def _is_ours(store: ObjectStore, checked: Checked, rules: Rules) -> bool:
    """Whether nobody began the object by other rules; from now on, we have."""
    entry = keys.todo(checked.key)
    ours, found = begun.of((rules.fingerprint,), checked.rows), begun.read(store, entry)
    if found is None:
        begun.write(store, entry, ours)
    return found in (None, ours)


def _is_judged(store: ObjectStore, key: str) -> bool:
    """Whether nothing is left to judge. A receipt whose object is still listed is one to be again, for `settle`."""
    if lookup(store, keys.checked(key)) is not None:
        return True
    receipt = lookup(store, keys.receipt(key))
    if receipt is None:
        return False
    store.put(keys.checked(key), receipt.data)
    return True


def _hand_on(store: ObjectStore, checked: Checked) -> None:
    """The receipt-to-be comes last: whoever sees it knows that all rows were handed on."""
    if checked.rejected:
        store.put(keys.rejected(checked.key), lines.encode(checked.rejected))

    def hand_on(slot: keys.Slot) -> None:
        store.put(keys.rows(slot, checked.key), lines.encode(checked.rows[slot].line))

    _each(hand_on, checked.rows)
    store.put(keys.checked(checked.key), msgspec.json.encode(receipt_of(checked)))


def on_the_way(store: ObjectStore) -> list[OnTheWay]:
    """The hours and shards with rows on their way, whoever left them, by kind, date, hour and shard."""
    listed = (entry for entry in store.list("rows/") if keys.is_rows(entry.key))
    entries = ((keys.parse_rows(entry.key)[0], entry.size) for entry in listed)
    return [OnTheWay(slot, sum(size for _, size in group)) for slot, group in groupby(entries, lambda entry: entry[0])]


def merge(store: ObjectStore, rules: Rules, slots: Sequence[keys.Slot]) -> MergeReport:
    """Take the rows on their way to these hours and shards into silver, and then remove them.

    Days are marked before and after, as clean does, and rows go last: a crash leaves them to be merged again. Of an
    hour some megabytes of rows are taken at a time.
    """
    from loginlake.silver.merger import Counts, Merger

    days = {slot.date for slot in slots}
    taken: dict[keys.Slot, list[str]] = {}
    merger = Merger(store, rules.secret)
    more: list[keys.Slot] = []

    def rows_on_the_way(slot: keys.Slot) -> Rows:
        rows, size = Rows(), 0
        taken[slot] = []
        for entry in list(store.list(keys.rows_folder(slot))):
            if size >= MERGE_BYTES:
                more.append(slot)
                break
            taken[slot].append(entry.key)
            had = len(rows)
            try:
                _add(rows, lookup(store, entry.key))
            except Corrupt as error:
                _judge_again(store, entry.key, error)
            size += sum(map(len, rows.line[had:]))
        return rows

    mark(store, days)
    done: list[Counts] = []
    waiting = list(slots)
    while waiting:
        done += merger.merge(waiting, rows_on_the_way)
        mark(store, days)
        _each(store.delete, [key for slot, names in taken.items() if slot not in merger.damaged for key in names])
        waiting = [slot for slot in more if slot not in merger.damaged]
        taken.clear()
        more.clear()
    kept, repeats = sum(counts.kept for counts in done), sum(counts.repeats for counts in done)
    return MergeReport(len(done), kept, repeats, tuple(sorted(error.key for error in merger.damaged.values())))


def _judge_again(store: ObjectStore, rows_key: str, error: Corrupt) -> None:
    """Rows on their way are damaged: their object, which is still on the work list, is judged again by the next run.

    Its receipt-to-be goes first, the rows after: settle, which looks the other way round, gives no receipt meanwhile.
    """
    key = keys.parse_rows(rows_key)[1]
    log.error("rows on their way are damaged, %s is judged again: %s", key, error)
    store.delete(keys.checked(key))
    store.delete(rows_key)


def settle(store: ObjectStore, found: Found, waiting: Iterable[str]) -> SettleReport:
    """Give every object its receipt whose rows are all merged, and write clean's watermark when all found are done.

    `waiting`: objects of which check said that they are not there yet; nobody waits for them.
    """
    # In this order: whoever is listed as a receipt-to-be had all its rows handed on before the rows are listed.
    drafts = [entry.key for entry in store.list("checked/") if keys.is_checked(entry.key)]
    on_their_way = [keys.parse_rows(entry.key) for entry in store.list("rows/") if keys.is_rows(entry.key)]
    unmerged = {key for _, key in on_their_way}
    settled = 0
    for draft in drafts:
        receipt = lookup(store, draft)
        if receipt is not None and _receipt(receipt.data).object not in unmerged:
            _settle(store, receipt.data)
            store.delete(draft)
            settled += 1
    listed = {keys.bronze_of_todo(entry.key) for entry in to_clean(store)}
    until = None
    if not found.more and not listed.intersection(found.objects).difference(waiting):
        until = watermark.advance(store, found.complete_until)
    damaged = _damaged(store, {slot for slot, _ in on_their_way})
    return SettleReport(settled, len(drafts) - settled, until, damaged)


def _damaged(store: ObjectStore, slots: set[keys.Slot]) -> tuple[str, ...]:
    if not slots:
        return ()
    from loginlake.silver.damage import damaged_object

    return tuple(key for slot in sorted(slots) if (key := damaged_object(store, slot)) is not None)


def _settle(store: ObjectStore, receipt: bytes) -> None:
    """The last word on an object. Rejected rows count on their arrival day: it is marked before and after."""
    read = _receipt(receipt)
    days = {keys.parse_bronze(read.object).date} if read.rejected else set()
    mark(store, days)
    store.put(keys.receipt(read.object), receipt)
    mark(store, days)
    store.delete(keys.todo(read.object))


class _Receipt(msgspec.Struct):
    object: str
    rejected: dict[str, int]


_receipt = msgspec.json.Decoder(_Receipt).decode


def _add(rows: Rows, stored: Stored | None) -> None:
    """Add stored rows; None: another merger has taken them. Corrupt when they are none that check wrote."""
    from loginlake.silver.merge import KEYS, rows_of

    if stored is None:
        return
    content = lines.decode(stored.data)
    read = rows_of(content)
    for name in KEYS:
        getattr(rows, name).extend(map(attrgetter(name), read))
    rows.line.extend(lines.split(content))


def _each(work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, items))
