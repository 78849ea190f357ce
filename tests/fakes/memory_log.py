"""A log in memory with Kafka's semantics, gaps and expiry included, that can be told to fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

from loginlake.errors import GiveUp, Unavailable
from loginlake.stream.log import Headers, Position, Range, Record


class MemoryLog:
    """Implements EventLog. `append` takes the timestamp; `skip` makes a gap; `expire` drops the beginning."""

    gaps = True

    def __init__(self, partitions: int = 1, identity: str = "memory-log") -> None:
        self.records: list[list[Record]] = [[] for _ in range(partitions)]
        self.begins = [0] * partitions
        self.ends = [0] * partitions
        self.commits: dict[str, dict[int, int]] = {}
        self.name = identity
        self.poll_limit = 1_000_000
        self.on_poll: Callable[[MemoryReader], None] | None = None
        self.failures = {"poll": 0, "commit": 0, "ranges": 0, "identity": 0}

    def append(
        self,
        value: bytes | None,
        *,
        timestamp_ms: int = 0,
        partition: int = 0,
        key: bytes | None = b"k",
        headers: Headers = (),
    ) -> Position:
        offset = self.ends[partition]
        self.records[partition].append(Record(partition, offset, timestamp_ms, key, value, headers))
        self.ends[partition] += 1
        return Position(partition, offset)

    def skip(self, count: int, partition: int = 0) -> None:
        self.ends[partition] += count

    def expire(self, begin: int, partition: int = 0) -> None:
        self.begins[partition] = begin
        self.ends[partition] = max(begin, self.ends[partition])
        self.records[partition] = [record for record in self.records[partition] if record.offset >= begin]

    def fail_next(self, call: str, n: int = 1) -> None:
        self.failures[call] += n

    def maybe_fail(self, call: str) -> None:
        if self.failures[call]:
            self.failures[call] -= 1
            raise Unavailable(f"The fake log failed at {call}.")

    def identity(self) -> str:
        self.maybe_fail("identity")
        return self.name

    def send(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Future[Position]:
        future: Future[Position] = Future()
        future.set_result(self.append(value, key=key, headers=headers))
        return future

    def flush(self, timeout_s: float) -> None:
        return None

    def ranges(self) -> Mapping[int, Range]:
        self.maybe_fail("ranges")
        return {p: Range(begin, end) for p, (begin, end) in enumerate(zip(self.begins, self.ends, strict=True))}

    def read(self, position: Position) -> Record | None:
        return next(iter(self.scan(position.partition, position.offset, position.offset + 1, 1)), None)

    def scan(self, partition: int, begin: int, end: int, most: int) -> Sequence[Record]:
        return [record for record in self.records[partition] if begin <= record.offset < end][:most]

    def subscribe(self, group: str, start: Callable[[int], int]) -> MemoryReader:
        return MemoryReader(self, group, start)

    def committed(self, group: str) -> Mapping[int, int]:
        return dict(self.commits.get(group, {}))

    def close(self) -> None:
        return None


class MemoryReader:
    """Holds every partition. `on_poll` may clear `positions`: all are lost, and won again by the same poll."""

    def __init__(self, log: MemoryLog, group: str, start: Callable[[int], int]) -> None:
        self.log = log
        self.group = group
        self.start = start
        self.positions: dict[int, int] = {}
        self.closed = False

    def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        if self.log.on_poll is not None:
            self.log.on_poll(self)
        self.log.maybe_fail("poll")
        for partition in sorted(set(range(len(self.log.records))) - self.positions.keys()):
            at = self.start(partition)
            if at > self.log.ends[partition]:
                raise GiveUp("The log lost its end.")
            self.positions[partition] = at
        found: list[Record] = []
        for partition in sorted(self.positions):
            at = self.positions[partition]
            ahead = [record for record in self.log.records[partition] if record.offset >= at]
            taken = ahead[: min(max_records, self.log.poll_limit) - len(found)]
            found += taken
            self.positions[partition] = taken[-1].offset + 1 if taken else at
        return found

    def assigned(self) -> frozenset[int]:
        return frozenset(self.positions)

    def commit(self, ends: Mapping[int, int]) -> None:
        self.log.maybe_fail("commit")
        self.log.commits.setdefault(self.group, {}).update(ends)

    def close(self) -> None:
        self.closed = True
