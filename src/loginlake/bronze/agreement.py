"""Whether the log in hand is still the one that bronze was filled from. Its identity can't tell: a backup has the same.

Where both hold an offset they must hold the same record. What the log dropped by its retention is not asked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from loginlake.bronze.compare import same
from loginlake.bronze.envelope import Encoder, Line, decode
from loginlake.bronze.tip import Found, Tip, find_tip
from loginlake.errors import Corrupt, Diverged
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.stream.log import EventLog, Position, Range, Record

logger = logging.getLogger(__name__)
NEW_LOG = "If a copy of the log was put back, stop every stage, then `loginlake topic --new-log` (docs/operations.md)"
_NOTHING = Range(0, 0)
_SLICE = 5_000


def check(log: EventLog, partition: int, found: Found) -> Range:
    """The partition's range now. Diverged when the log ends before bronze, or has another record at bronze's end."""
    extent = log.ranges().get(partition, _NOTHING)
    check_end(partition, found.tip, extent)
    line = found.last
    if line is not None and line.offset >= extent.begin and not _holds(log, line):
        raise Diverged(
            f"The log holds another record at offset {line.offset} of partition {partition} than {found.tip.object}, "
            "the last object of bronze.",
            "An older copy of the log was put back and written to, or that object was changed. Nothing was landed.",
            f"{NEW_LOG}; if the object was changed, restore it.",
        )
    return extent


def check_end(partition: int, tip: Tip, extent: Range) -> None:
    """Diverged when the log ends before bronze does."""
    if tip.end > extent.end:
        raise Diverged(
            f"The log ends at offset {extent.end} of partition {partition}, but bronze has it up to {tip.end - 1} "
            f"({tip.object or 'expired'}).",
            "An older copy of the log was put back, or the log lost its end. Nothing was landed.",
            f"{NEW_LOG}.",
        )


def check_all(log: EventLog, store: ObjectStore, number: int, now_ms: int) -> None:
    """As `check`, for every partition whose end can be read. `number` is the log's in the lake."""
    for partition, extent in log.ranges().items():
        try:
            found = find_tip(store, number, partition, extent, now_ms)
        except Corrupt as error:
            logger.warning("A partition is not compared with the log. %s", error)
        else:
            check(log, partition, found)


def disagrees(log: EventLog, store: ObjectStore, number: int, now_ms: int) -> bool:
    """Whether anything that the log still holds differs from what bronze has of it: reads all that, newest first."""
    try:
        check_all(log, store, number, now_ms)
    except Diverged:
        return True
    for key in _objects(log, store, number):
        if differing(log, key, lines.split(lines.decode(store.get(key).data))):
            return True
    return False


def differing(log: EventLog, key: str, stored: Sequence[bytes]) -> list[int]:
    """The offsets of some lines of an object at which the log holds another record, or none though it should."""
    name = keys.parse_bronze(key)
    begin, end = log.ranges().get(name.partition, _NOTHING)
    at, end = max(begin, decode(stored[0]).offset), min(end, decode(stored[-1]).offset + 1)
    encode = Encoder(name.log).encode
    first = equal = at - decode(stored[0]).offset  # of the lines, when none is missing before it
    different = list[tuple[Record, bytes]]()
    while at < end and (records := log.scan(name.partition, at, end, _SLICE)):
        at = records[-1].offset + 1
        encoded = encode(records)
        if encoded == stored[equal : equal + len(encoded)]:
            equal += len(encoded)
        else:
            different += zip(records, encoded, strict=True)
    unmatched = {*stored[:first], *stored[equal:]}
    odd = [record for record, line in different if line not in unmatched]
    unmatched.difference_update(line for _, line in different)
    waiting = {line.offset: line for line in map(decode, unmatched) if line.offset < end}
    found = [record.offset for record in odd if (own := waiting.pop(record.offset, None)) and not same(own, record)]
    begin = log.ranges().get(name.partition, _NOTHING).begin
    return sorted([*found, *(offset for offset in waiting if offset >= begin)])


def _holds(log: EventLog, line: Line) -> bool:
    record = log.read(Position(line.partition, line.offset))
    if record is None:  # it may have expired in this moment
        return log.ranges()[line.partition].begin > line.offset
    return same(line, record)


def _objects(log: EventLog, store: ObjectStore, number: int) -> Iterator[str]:
    """The bronze objects of which the log still has records, the newest first."""
    ranges = log.ranges()
    following: dict[int, int] = {}
    listed = filter(keys.is_bronze, (entry.key for entry in store.list("bronze/signins")))
    names = map(keys.parse_bronze, listed)
    for name in sorted((name for name in names if name.log == number), key=lambda name: name.start, reverse=True):
        begin, end = ranges.get(name.partition, _NOTHING)
        if following.get(name.partition, end) > begin:
            yield name.key
        following[name.partition] = name.start
