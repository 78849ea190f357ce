"""The port `EventLog`: a partitioned, durable log with Kafka's semantics. Adapters: embedded (SQLite), kafka.

Records of one key keep their order. Offsets of a partition rise. Timestamps are the log's own (LogAppendTime), in
milliseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol

import msgspec

Headers = Sequence[tuple[str, bytes | None]]


class Position(NamedTuple):
    """Where a record is: its partition and offset."""

    partition: int
    offset: int


class Range(NamedTuple):
    """The readable offsets of a partition: from `begin` up to, without, `end`."""

    begin: int
    end: int


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record as the log holds it. `timestamp_ms` is the log's append time."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Reader(Protocol):
    """A member of a consumer group. One thread calls it; it joins at the first poll and leaves at close."""

    def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """The next records of the assigned partitions, in order within each; empty after `timeout_s` without any.

        Raises Unavailable when the log does not answer (the caller polls again), GiveUp when it never will.
        """
        ...

    def assigned(self) -> frozenset[int]:
        """The partitions that this member holds now. A partition that was lost and won again restarts at `start`."""
        ...

    def commit(self, ends: Mapping[int, int]) -> None:
        """Tell the group the next offset a partition, after the records before it are durable elsewhere. For lag only.

        A partition no longer held is skipped silently; a failure raises Unavailable, and the next commit covers it.
        """
        ...

    def close(self) -> None:
        """Leave the group. Commits nothing."""
        ...


class EventLog(Protocol):
    """One topic. Thread-safe. Nothing connects before the first call."""

    @property
    def gaps(self) -> bool:
        """Whether offsets may be skipped (Kafka: markers of transactions). Without, one that is missing was lost."""
        ...

    def identity(self) -> str:
        """The log's own unchanging id (topic id, or the embedded log's uuid): another one is another log."""
        ...

    def send(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Future[Position]:
        """Append a record. The future ends when the record is durable (acks=all, or fsynced), with its position.

        It ends with Unavailable or Overloaded when that is not known to have happened, with TooLarge when it never
        will.
        """
        ...

    def flush(self, timeout_s: float) -> None:
        """Wait until every record sent so far is durable or has failed; Unavailable when time runs out."""
        ...

    def ranges(self) -> Mapping[int, Range]:
        """The readable range of every partition, now."""
        ...

    def read(self, position: Position) -> Record | None:
        """The record at a position; None where there is none (expired, a gap, or not yet written)."""
        ...

    def scan(self, partition: int, begin: int, end: int, most: int) -> Sequence[Record]:
        """The first records from offset `begin` up to, without, `end`, in order, apart from any group.

        At most `most`, and fewer when they are large; none only where there is none.
        """
        ...

    def subscribe(self, group: str, start: Callable[[int], int]) -> Reader:
        """A new member of a group. On each assignment of a partition, reading begins at `start(partition)`.

        The group's committed offset is never a starting point. A start before `begin` reads from `begin`: the caller
        sees the jump. A start past `end` raises GiveUp at the poll: the log lost its end, or it is another log.
        """
        ...

    def committed(self, group: str) -> Mapping[int, int]:
        """The group's committed next offset a partition, where there is one."""
        ...

    def close(self) -> None:
        """Flush what was sent, then let go of every resource."""
        ...
