"""How far clean is complete: what every partition of the lake's log has landed, and not past a forgotten object.

Former logs bring nothing new: what they left is on the work list, or in the audit's findings.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import msgspec

from loginlake.bronze.tip import Head, all_heads, find_head, folders_between
from loginlake.lake import hint, keys
from loginlake.lake.manifest import find_manifest
from loginlake.lake.marks import to_clean
from loginlake.lake.store import ObjectStore, lookup
from loginlake.silver import moments

logger = logging.getLogger(__name__)


class Watermark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The content of watermarks/clean.json. `receipted`: a chain's object up to which all were seen with a receipt."""

    complete_until: str | None
    receipted: dict[str, str] = {}


_WATERMARK = msgspec.json.Decoder(Watermark)


def read(store: ObjectStore) -> Watermark | None:
    """What clean said last; None when it said nothing, or nothing that can be read (it is made anew)."""
    return hint.read(store, keys.CLEAN_WATERMARK, _WATERMARK)


def landed_until(store: ObjectStore) -> str | None:
    """The earliest arrival time, over all partitions of the last log, up to which everything had landed.

    None when it is unknown of one of them, or how many they are.
    """
    lake = find_manifest(store)
    if lake is None or lake.partitions is None:
        return None
    times: list[datetime] = []
    for partition in range(lake.partitions):
        head = find_head(store, len(lake.logs) - 1, partition)
        when = moments.moment(head.complete_until) if head is not None and head.complete_until else None
        if when is None:
            return None
        times.append(when)
    return moments.text(min(times)) if times else None


def advance(store: ObjectStore, until: str | None) -> str | None:
    """Say that clean is complete until then; what it says now. None leaves what was said: it stays true.

    `until` is what `landed_until` answered before the work list was read, all of which is done. An object that fell
    off that list is put back on it, and the watermark waits for it. The cost follows what landed since the last time.
    """
    before = read(store)
    said = before or Watermark(None)
    if until is not None:
        receipted, forgotten = _look_back(store, said.receipted)
        for key in forgotten:
            logger.warning("An object fell off the work list; it is put back.", extra={"object": key})
            store.put(keys.todo(key), b"")
        said = Watermark(said.complete_until if forgotten else until, receipted)
    if said != before:
        store.put(keys.CLEAN_WATERMARK, msgspec.json.encode(said))
    return said.complete_until


def _look_back(store: ObjectStore, receipted: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """How far each chain has receipts without a break now; the objects with neither a receipt nor a place on the list.

    In this order: objects, work list, receipts. Land lists an object before it is there, clean takes it off the list
    after its receipt is: so who is seen in bronze and afterwards in neither was forgotten.
    """
    now, suspects = dict(receipted), list[str]()
    for head in all_heads(store):
        chain = f"log={head.log}/partition={head.partition}"
        if head.object is None or head.object == receipted.get(chain):
            continue
        found = _since(store, head, receipted.get(chain))
        without = [key for key, has_receipt in found if not has_receipt]
        suspects += without
        known = [key for key, _ in found if not without or key < without[0]]
        if known:
            now[chain] = known[-1]
    if not suspects:
        return now, []
    listed = {keys.bronze_of_todo(entry.key) for entry in to_clean(store)}
    return now, [key for key in suspects if key not in listed and lookup(store, keys.receipt(key)) is None]


def _since(store: ObjectStore, head: Head, last: str | None) -> list[tuple[str, bool]]:
    """The objects of a chain past `last` up to its head's, and whether each has its receipt.

    Without `last` those of the head's own hour: what is older is the audit's.
    """
    assert head.object is not None
    end = keys.parse_bronze(head.object)
    begin = keys.parse_bronze(last) if last else end
    found: list[tuple[str, bool]] = []
    for folder in folders_between(head.log, head.partition, _ms(begin), _ms(end)):
        objects = [entry.key for entry in store.list(folder, after=last)]
        after = keys.receipt(last) if last else None
        receipts = {entry.key for entry in store.list(folder.replace("bronze/", "receipts/", 1), after=after)}
        found += [(key, keys.receipt(key) in receipts) for key in objects if _is_between(key, end)]
    return found


def _is_between(key: str, end: keys.BronzeName) -> bool:
    try:
        name = keys.parse_bronze(key)
    except ValueError:
        return False
    return (name.log, name.partition) == (end.log, end.partition) and name.start <= end.start


def _ms(name: keys.BronzeName) -> int:
    hour = datetime.fromisoformat(name.date).replace(tzinfo=UTC) + timedelta(hours=name.hour)
    return round(hour.timestamp() * 1000)
