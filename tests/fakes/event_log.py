"""An `EventLog` in memory that can be told to fail: before the work is done, or after it (a time-out with it done)."""

from __future__ import annotations

import itertools
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from loginlake.errors import GiveUp, LoginlakeError, TooLarge, Unavailable
from loginlake.stream.log import Headers, Position, Range, Reader, Record
from loginlake.stream.partitioner import partition_of

Call = Literal["identity", "send", "flush", "ranges", "read", "poll", "commit", "committed"]


@dataclass
class _Plan:
    times: int
    error: LoginlakeError
    after: bool


@dataclass
class _Group:
    members: list[FakeReader] = field(default_factory=list)
    owners: dict[int, FakeReader] = field(default_factory=dict)
    commits: dict[int, int] = field(default_factory=dict)


class FakeEventLog:
    """Not thread-safe: for stages that are driven by one test. `calls` counts what was asked of it."""

    gaps = True

    def __init__(
        self,
        partitions: int = 2,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        max_message_bytes: int = 1_048_576,
    ) -> None:
        self.partitions = partitions
        self.clock = clock
        self.max_message_bytes = max_message_bytes
        self.name = str(uuid.uuid4())
        self.records: list[list[Record | None]] = [[] for _ in range(partitions)]
        self.begins = [0] * partitions
        self.groups: dict[str, _Group] = {}
        self.calls: Counter[str] = Counter()
        self.closed = False
        self._plans: dict[str, _Plan] = {}
        self._keyless = itertools.count()

    def fail_next(
        self, call: Call, times: int = 1, *, error: LoginlakeError | None = None, after: bool = False
    ) -> None:
        """Fail the next `times` of a call; `after`: do what was asked first."""
        self._plans[call] = _Plan(times, error or Unavailable("The log did not answer.", "It was told to fail."), after)

    def expire(self, partition: int, offset: int) -> None:
        """Drop the records before an offset."""
        self.begins[partition] = max(self.begins[partition], min(offset, len(self.records[partition])))

    @contextmanager
    def asked(self, call: Call) -> Iterator[None]:
        """Count a call, and fail it when it was planned."""
        self.calls[call] += 1
        plan = self._plans.get(call)
        failing = plan is not None and plan.times > 0
        if plan is not None and failing:
            plan.times -= 1
            if not plan.after:
                raise plan.error
        yield
        if plan is not None and failing:
            raise plan.error

    def identity(self) -> str:
        with self.asked("identity"):
            return self.name

    def send(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Future[Position]:
        future: Future[Position] = Future()
        try:
            with self.asked("send"):
                position = self._append(key, value, headers)
        except LoginlakeError as error:
            future.set_exception(error)
        else:
            future.set_result(position)
        return future

    def flush(self, timeout_s: float) -> None:
        with self.asked("flush"):
            pass

    def ranges(self) -> Mapping[int, Range]:
        with self.asked("ranges"):
            return {number: Range(self.begins[number], len(rows)) for number, rows in enumerate(self.records)}

    def read(self, position: Position) -> Record | None:
        with self.asked("read"):
            partition, offset = position
            known = 0 <= partition < self.partitions
            if known and self.begins[partition] <= offset < len(self.records[partition]):
                return self.records[partition][offset]
            return None

    def scan(self, partition: int, begin: int, end: int, most: int) -> Sequence[Record]:
        with self.asked("read"):
            rows = self.records[partition][max(begin, self.begins[partition]) : end]
            return [row for row in rows if row is not None][:most]

    def subscribe(self, group: str, start: Callable[[int], int]) -> Reader:
        return FakeReader(self, self.groups.setdefault(group, _Group()), start)

    def committed(self, group: str) -> Mapping[int, int]:
        with self.asked("committed"):
            return dict(self.groups.setdefault(group, _Group()).commits)

    def close(self) -> None:
        self.closed = True

    def _append(self, key: bytes | None, value: bytes | None, headers: Headers) -> Position:
        if self.closed:
            raise Unavailable("The record was not appended.", "The log is closed.")
        if len(key or b"") + len(value or b"") > self.max_message_bytes:
            raise TooLarge("The record is too large.")
        partition = next(self._keyless) % self.partitions if key is None else partition_of(key, self.partitions)
        rows = self.records[partition]
        stamp = max([self.clock(), *(row.timestamp_ms for row in rows[-1:] if row)])
        rows.append(Record(partition, len(rows), stamp, key, value, tuple(headers)))
        return Position(partition, len(rows) - 1)


class FakeReader:
    """A member of a group; takes its partitions as the embedded log's members do."""

    def __init__(self, log: FakeEventLog, group: _Group, start: Callable[[int], int]) -> None:
        self.log = log
        self.group = group
        self.start = start
        self.next: dict[int, int] = {}

    def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        with self.log.asked("poll"):
            self._tend()
            found: list[Record] = []
            for partition, at in list(self.next.items()):
                rows = self.log.records[partition]
                first = max(at, self.log.begins[partition])
                until = min(len(rows), first + max_records - len(found))
                found += [row for row in rows[first:until] if row is not None]
                self.next[partition] = max(first, until)
            return found

    def assigned(self) -> frozenset[int]:
        return frozenset(partition for partition, owner in self.group.owners.items() if owner is self)

    def commit(self, ends: Mapping[int, int]) -> None:
        with self.log.asked("commit"):
            held = self.assigned()
            self.group.commits.update({partition: end for partition, end in ends.items() if partition in held})

    def close(self) -> None:
        if self in self.group.members:
            self.group.members.remove(self)
        self.group.owners = {p: owner for p, owner in self.group.owners.items() if owner is not self}

    def _tend(self) -> None:
        if self not in self.group.members:
            self.group.members.append(self)
        members = self.group.members
        wanted = frozenset(range(members.index(self), self.log.partitions, len(members)))
        for partition in self.assigned() - wanted:
            del self.group.owners[partition]
            self.next.pop(partition, None)
        for partition in wanted:
            self.group.owners.setdefault(partition, self)
        for partition in sorted(self.assigned() - self.next.keys()):
            at = self.start(partition)
            end = len(self.log.records[partition])
            if at > end:
                raise GiveUp(f"Partition {partition} ends at {end}, before {at}.")
            self.next[partition] = at
