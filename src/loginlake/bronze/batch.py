"""When a bronze object is closed, and why. Pure: the time is an argument, in seconds of any steady clock."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from loginlake.lake import lines
from loginlake.lake.keys import BronzeName, arrival
from loginlake.stream.log import Record

Reason = Literal["records", "bytes", "age", "hour", "memory", "end", "stop"]
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What closes a batch: a count of records, bytes of values, seconds since its first record was read."""

    records: int = 20_000
    bytes: int = 16 * 1024 * 1024
    age_s: float = 1.0


@dataclass(slots=True)
class Batch:
    """The open object of one partition: consecutive records of one arrival hour, as lines, packed as they come."""

    partition: int
    opened_at: float
    start: int
    first_ms: int
    last_ms: int = 0
    size: int = 0
    packed: lines.Packer = field(default_factory=lines.Packer)
    offsets: list[int] = field(default_factory=list)

    @classmethod
    def opened_by(cls, record: Record, now: float) -> Batch:
        """An empty batch whose first record will be this one."""
        return cls(record.partition, now, record.offset, record.timestamp_ms)

    def add(self, records: Sequence[Record], encoded: Sequence[bytes]) -> None:
        """Take records that can follow (see `run_of`), with their lines."""
        self.packed.add(encoded)
        self.offsets += [record.offset for record in records]
        self.size += sum([len(record.value or b"") for record in records])
        self.last_ms = records[-1].timestamp_ms

    @property
    def lines(self) -> list[bytes]:
        """The lines, unpacked; nothing may be added after."""
        return lines.split(lines.decode(self.packed.end()))

    @property
    def end(self) -> int:
        """The offset after the last record."""
        return self.offsets[-1] + 1 if self.offsets else self.start

    def key(self, log: int) -> str:
        """The object's name: by the arrival hour and offset of its first record."""
        return BronzeName(*arrival(self.first_ms), log, self.partition, self.start).key

    def since(self, offset: int) -> Batch | None:
        """The part from an offset on, or None when there is none."""
        at = bisect_left(self.offsets, offset)
        if at == 0:
            return self
        if at == len(self.offsets):
            return None
        rest = replace(self, start=self.offsets[at], packed=lines.Packer(), offsets=self.offsets[at:])
        rest.packed.add(self.lines[at:])
        return rest


def closes_before(batch: Batch, record: Record) -> Reason | None:
    """Why this record cannot join the batch: it arrived in another hour."""
    return "hour" if record.timestamp_ms // _HOUR_MS != batch.first_ms // _HOUR_MS else None


def run_of(records: Sequence[Record], at: int, batch: Batch, limits: BatchLimits) -> Sequence[Record]:
    """The records from `at` on that can join the batch together: one after the other, in its hour, until it is full.

    The first one is taken as it is (see `closes_before`).
    """
    offset, hour, left = records[at].offset, batch.first_ms // _HOUR_MS, limits.bytes - batch.size
    end = at
    for record in records[at : at + max(1, limits.records - len(batch.offsets))]:
        if record.offset != offset or record.partition != batch.partition or record.timestamp_ms // _HOUR_MS != hour:
            break
        offset += 1
        end += 1
        left -= len(record.value or b"")
        if left <= 0:
            break
    return records[at:end]


def closes_after(batch: Batch, limits: BatchLimits) -> Reason | None:
    """Why the batch is full."""
    if len(batch.offsets) >= limits.records:
        return "records"
    return "bytes" if batch.size >= limits.bytes else None


def closes_by_age(batch: Batch, limits: BatchLimits, now: float) -> Reason | None:
    """Why the batch must not wait any longer: a quiet topic would never close it."""
    return "age" if now - batch.opened_at >= limits.age_s else None


def seconds_left(batches: Iterable[Batch], limits: BatchLimits, now: float, longest: float) -> float:
    """How long to wait for records before some batch closes by age, at most `longest`."""
    oldest = min((batch.opened_at for batch in batches), default=now + longest)
    return min(longest, max(0.0, oldest + limits.age_s - now))
