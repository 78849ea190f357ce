"""Compares stored bronze with the records in hand. Pure."""

from __future__ import annotations

from typing import NamedTuple

from loginlake.bronze.batch import Batch
from loginlake.bronze.envelope import Line, decode, timestamp
from loginlake.errors import Corrupt, Diverged
from loginlake.lake import lines
from loginlake.stream.log import Record


class End(NamedTuple):
    """Where a stored object ends: the offset after its last line, and that line's timestamp (RFC 3339)."""

    offset: int
    timestamp: str


def last_line(key: str, content: bytes) -> Line:
    """An object's last line; Corrupt when it has none."""
    last = content.rstrip(b"\n").rpartition(b"\n")[2]
    if not last:
        raise Corrupt(f"The object {key} has no lines.", "", "Restore it.")
    return decode(last)


def end_of(key: str, content: bytes) -> End:
    """Where an object ends; Corrupt when it has no lines."""
    line = last_line(key, content)
    return End(line.offset + 1, line.timestamp)


def same(line: Line, record: Record) -> bool:
    """Whether a line is this record of the log. An erased line equals whatever it replaced."""
    place = (line.partition, line.offset, line.timestamp)
    if place != (record.partition, record.offset, timestamp(record.timestamp_ms)):
        return False
    if line.erased is not None:
        return True
    return (line.key_bytes, line.value_bytes, line.header_list) == (record.key, record.value, list(record.headers))


def end_of_equal(key: str, content: bytes, batch: Batch) -> End:
    """Where the stored object ends; Diverged when a line differs from the record in hand at the same place.

    Only the lines that both have are compared: either may be longer. An erased line equals whatever it replaced.
    """
    for stored, ours in zip(lines.split(content), batch.lines, strict=False):
        if stored != ours and not _same(decode(stored), decode(ours)):
            raise Diverged(
                f"The object {key} differs from the log at offset {decode(ours).offset}.",
                "The log was changed or replaced, or the object was.",
                "Find out which of the two is right before landing goes on; nothing was overwritten.",
            )
    return end_of(key, content)


def _same(stored: Line, ours: Line) -> bool:
    """Whether two lines stand for one message, however it is written down."""
    place = (stored.log, stored.partition, stored.offset, stored.timestamp)
    if place != (ours.log, ours.partition, ours.offset, ours.timestamp):
        return False
    if stored.erased is not None:
        return True
    return (stored.key_bytes, stored.header_list, stored.value_bytes) == (
        ours.key_bytes,
        ours.header_list,
        ours.value_bytes,
    )
