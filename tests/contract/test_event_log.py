"""What every `EventLog` must do. An adapter joins by adding itself to ADAPTERS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from fakes.event_log import FakeEventLog
from services_kafka import Topics

from loginlake.errors import GiveUp, TooLarge, Unavailable
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.kafka import KafkaLog
from loginlake.stream.log import EventLog, Position, Reader, Record
from loginlake.stream.partitioner import partition_of

MAX_BYTES = 100_000
LONG_S = 30.0


class Adapter(Protocol):
    """Makes logs for a test, and does to them what the port has no word for."""

    def new(self, partitions: int) -> EventLog:
        """A new, empty log that takes records of MAX_BYTES at most."""
        ...

    def again(self, log: EventLog) -> EventLog:
        """Another client of the same log, as another process has it."""
        ...

    def expire(self, log: EventLog, partition: int, offset: int) -> None:
        """Drop the records before an offset."""
        ...

    def close(self) -> None:
        """Let everything go."""
        ...


class Embedded:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs: dict[EventLog, Path] = {}

    def new(self, partitions: int) -> EventLog:
        return self._open(self.folder / f"log-{len(self.logs)}.db", partitions)

    def again(self, log: EventLog) -> EventLog:
        return self._open(self.logs[log], 1)

    def expire(self, log: EventLog, partition: int, offset: int) -> None:
        assert isinstance(log, EmbeddedLog)
        log.delete_before(partition, offset)

    def close(self) -> None:
        for log in self.logs:
            log.close()

    def _open(self, path: Path, partitions: int) -> EventLog:
        log = EmbeddedLog(path, partitions=partitions, max_message_bytes=MAX_BYTES)
        self.logs[log] = path
        return log


class Fake:
    def __init__(self, folder: Path) -> None:
        pass

    def new(self, partitions: int) -> EventLog:
        return FakeEventLog(partitions, max_message_bytes=MAX_BYTES)

    def again(self, log: EventLog) -> EventLog:
        return log

    def expire(self, log: EventLog, partition: int, offset: int) -> None:
        assert isinstance(log, FakeEventLog)
        log.expire(partition, offset)

    def close(self) -> None:
        pass


class Kafka:
    def __init__(self, topics: Topics) -> None:
        self.topics = topics

    def new(self, partitions: int) -> EventLog:
        return self.topics.new(partitions, MAX_BYTES)

    def again(self, log: EventLog) -> EventLog:
        assert isinstance(log, KafkaLog)
        return self.topics.again(log.topic)

    def expire(self, log: EventLog, partition: int, offset: int) -> None:
        assert isinstance(log, KafkaLog)
        self.topics.admin.delete_before(log.topic, partition, offset)

    def close(self) -> None:
        pass


ADAPTERS: dict[str, Callable[[pytest.FixtureRequest], Adapter]] = {
    "embedded": lambda request: Embedded(request.getfixturevalue("tmp_path")),
    "fake": lambda request: Fake(request.getfixturevalue("tmp_path")),
    "kafka": lambda request: Kafka(request.getfixturevalue("topics")),
}


@pytest.fixture(params=["embedded", "fake", pytest.param("kafka", marks=pytest.mark.services)])
def adapter(request: pytest.FixtureRequest) -> Iterator[Adapter]:
    made = ADAPTERS[request.param](request)
    yield made
    made.close()


@pytest.fixture
def log(adapter: Adapter) -> EventLog:
    return adapter.new(4)


def from_zero(_partition: int) -> int:
    return 0


def fill(log: EventLog, count: int) -> list[Position]:
    """Records of `count` users, one each; returns where they are."""
    return [log.send(b"user-%d" % number, b"%d" % number).result(LONG_S) for number in range(count)]


def drain(reader: Reader, count: int) -> list[Record]:
    """Poll until that many records came."""
    records: list[Record] = []
    deadline = time.monotonic() + LONG_S
    while len(records) < count:
        assert time.monotonic() < deadline, f"only {len(records)} of {count} records came"
        records += reader.poll(1000, 0.2)
    return records


def settle(readers: list[Reader], partitions: int) -> list[frozenset[int]]:
    """Poll until every partition has one owner and each of the members has its share."""
    deadline = time.monotonic() + LONG_S
    while True:
        for reader in readers:
            reader.poll(1000, 0.05)
        held = [reader.assigned() for reader in readers]
        if sorted(p for one in held for p in one) == list(range(partitions)) and all(held):
            return held
        assert time.monotonic() < deadline, f"no agreement: {held}"


@pytest.mark.parametrize("value", [b"{}", b"", None, b"\x00\xff\n", b"x" * (MAX_BYTES - 500)])
@pytest.mark.parametrize("key", [b"google|1", None])
def test_a_record_comes_back_byte_for_byte(log: EventLog, key: bytes | None, value: bytes | None) -> None:
    headers = [("content-type", b"application/json"), ("empty", b""), ("null", None), ("empty", b"twice")]
    position = log.send(key, value, headers).result(LONG_S)
    record = log.read(position)
    assert record is not None
    assert (record.partition, record.offset) == position
    assert (record.key, record.value, list(record.headers)) == (key, value, headers)


def test_a_record_without_headers_has_none(log: EventLog) -> None:
    record = log.read(log.send(b"k", b"v").result(LONG_S))
    assert record is not None
    assert list(record.headers) == []


def test_a_key_has_the_partition_of_kafkas_own_rule(log: EventLog) -> None:
    for number in range(30):
        key = b"google|%d" % number
        assert log.send(key, b"v").result(LONG_S).partition == partition_of(key, 4)


def test_the_records_of_a_key_keep_their_order(log: EventLog) -> None:
    futures = [log.send(b"google|1", b"%d" % number) for number in range(200)]
    positions = [future.result(LONG_S) for future in futures]
    assert positions == sorted(positions)
    assert [record.value for record in drain(log.subscribe("g", from_zero), 200)] == [b"%d" % n for n in range(200)]


def test_keyless_records_spread(log: EventLog) -> None:
    assert len({log.send(None, b"v").result(LONG_S).partition for _ in range(100)}) > 1


def test_ranges_hold_every_position(log: EventLog) -> None:
    assert {begin == end for begin, end in log.ranges().values()} == {True}
    positions = fill(log, 40)
    ranges = log.ranges()
    assert set(ranges) == {0, 1, 2, 3}
    assert len(set(positions)) == 40
    assert all(ranges[p.partition].begin <= p.offset < ranges[p.partition].end for p in positions)


def test_what_is_acknowledged_is_there_for_another_client(adapter: Adapter, log: EventLog) -> None:
    positions = fill(log, 10)
    other = adapter.again(log)
    assert other.identity() == log.identity()
    assert other.ranges() == log.ranges()
    assert all(other.read(position) is not None for position in positions)


def test_another_log_has_another_identity(adapter: Adapter, log: EventLog) -> None:
    assert adapter.new(1).identity() != log.identity()


def test_a_too_large_record_fails_alone(log: EventLog) -> None:
    before = log.send(b"k", b"v")
    with pytest.raises(TooLarge):
        log.send(b"k", b"x" * (MAX_BYTES + 1)).result(LONG_S)
    assert log.send(b"k", b"v").result(LONG_S).offset == before.result(LONG_S).offset + 1


def test_append_times_are_the_logs_and_never_go_back(log: EventLog) -> None:
    before = time.time_ns() // 1_000_000 - 2_000
    fill(log, 40)
    stamps: dict[int, list[int]] = {}
    for record in drain(log.subscribe("g", from_zero), 40):
        stamps.setdefault(record.partition, []).append(record.timestamp_ms)
    assert all(found == sorted(found) and found[0] >= before for found in stamps.values())


@pytest.mark.parametrize("offset", [1, 10**9])
def test_no_record_where_none_is(log: EventLog, offset: int) -> None:
    partition, _ = log.send(b"k", b"v").result(LONG_S)
    assert log.read(Position(partition, offset)) is None


def test_a_scan_gives_the_first_records_between_two_offsets(adapter: Adapter, log: EventLog) -> None:
    partition = log.send(b"k", b"0").result(LONG_S).partition
    for number in range(1, 12):
        log.send(b"k", b"%d" % number).result(LONG_S)
    assert [record.value for record in log.scan(partition, 3, 7, 100)] == [b"3", b"4", b"5", b"6"]
    assert [record.offset for record in log.scan(partition, 3, 7, 2)] == [3, 4]
    assert [record.offset for record in log.scan(partition, 10, 1_000, 100)] == [10, 11]
    assert [list(log.scan(partition, *ends, 100)) for ends in [(5, 5), (12, 99), (7, 3)]] == [[], [], []]
    adapter.expire(log, partition, 9)
    assert [record.offset for record in log.scan(partition, 0, 11, 100)] == [9, 10]
    assert list(log.scan(partition, 0, 9, 100)) == []


def test_a_member_reads_everything_in_order(log: EventLog) -> None:
    positions = fill(log, 60)
    reader = log.subscribe("g", from_zero)
    records = drain(reader, 60)
    assert reader.assigned() == {0, 1, 2, 3}
    assert sorted((r.partition, r.offset) for r in records) == sorted(positions)
    for partition in range(4):
        offsets = [record.offset for record in records if record.partition == partition]
        assert offsets == sorted(offsets)


def test_a_poll_gives_no_more_than_asked_and_loses_nothing(log: EventLog) -> None:
    fill(log, 25)
    reader = log.subscribe("g", from_zero)
    seen: list[Record] = []
    while len(seen) < 25:
        part = reader.poll(4, 1.0)
        assert len(part) <= 4
        seen += part
    assert len({(r.partition, r.offset) for r in seen}) == 25


def test_reading_begins_at_start(log: EventLog) -> None:
    positions = [log.send(b"k", b"%d" % number).result(LONG_S) for number in range(10)]
    asked: list[int] = []

    def start(partition: int) -> int:
        asked.append(partition)
        return positions[7].offset if partition == positions[0].partition else 0

    assert [record.value for record in drain(log.subscribe("g", start), 3)] == [b"7", b"8", b"9"]
    assert sorted(asked) == [0, 1, 2, 3]


def test_start_at_the_end_waits_for_what_comes(log: EventLog) -> None:
    fill(log, 20)
    ends = {partition: found.end for partition, found in log.ranges().items()}
    reader = log.subscribe("g", ends.__getitem__)
    assert list(reader.poll(100, 0.0)) == []
    new = log.send(b"k", b"new").result(LONG_S)
    (record,) = drain(reader, 1)
    assert (record.partition, record.offset) == new


def test_start_past_the_end_gives_up_every_time(log: EventLog) -> None:
    fill(log, 20)
    reader = log.subscribe("g", lambda _partition: 10_000)
    for _ in range(2):
        with pytest.raises(GiveUp):
            drain(reader, 1)


def test_start_before_the_begin_jumps_to_it(adapter: Adapter, log: EventLog) -> None:
    positions = [log.send(b"k", b"%d" % number).result(LONG_S) for number in range(10)]
    partition, offset = positions[6]
    adapter.expire(log, partition, offset)
    assert log.ranges()[partition].begin == offset
    assert log.read(positions[5]) is None
    reader = log.subscribe("g", from_zero)
    seen: list[int] = []
    deadline = time.monotonic() + LONG_S
    while len(seen) < 4:  # by slices smaller than the jump
        assert time.monotonic() < deadline
        seen += [record.offset for record in reader.poll(2, 0.2)]
    assert seen == [position.offset for position in positions[6:]]


def test_an_error_of_start_reaches_the_caller_and_it_is_asked_again(log: EventLog) -> None:
    fill(log, 20)
    answers: list[Exception | None] = [Unavailable("The lake did not answer.")]

    def start(_partition: int) -> int:
        error = answers.pop() if answers else None
        if error is not None:
            raise error
        return 0

    reader = log.subscribe("g", start)
    with pytest.raises(Unavailable):
        drain(reader, 1)
    assert len(drain(reader, 20)) == 20


def test_commits_are_the_groups_and_no_starting_point(adapter: Adapter, log: EventLog) -> None:
    fill(log, 40)
    assert dict(log.committed("g")) == {}
    reader = log.subscribe("g", from_zero)
    drain(reader, 40)
    ends = {partition: found.end for partition, found in log.ranges().items()}
    reader.commit(ends)
    assert dict(adapter.again(log).committed("g")) == ends
    assert dict(log.committed("other")) == {}
    reader.close()
    assert len(drain(log.subscribe("g", from_zero), 40)) == 40


def test_a_commit_of_a_partition_that_is_not_held_is_skipped(log: EventLog) -> None:
    fill(log, 40)
    first, second = log.subscribe("g", from_zero), log.subscribe("g", from_zero)
    held, others = settle([first, second], 4)
    first.commit(dict.fromkeys(held | others, 1))
    assert set(log.committed("g")) == held


def test_members_share_the_partitions_and_take_over_at_start(adapter: Adapter, log: EventLog) -> None:
    fill(log, 40)
    first = log.subscribe("g", from_zero)
    drain(first, 40)
    second = adapter.again(log).subscribe("g", from_zero)
    held = settle([first, second], 4)
    assert sorted(map(len, held)) == [2, 2]
    second.close()
    again = [record for record in drain(first, 1) if record.partition in held[1]]
    while first.assigned() != {0, 1, 2, 3} or len(again) < sum(log.ranges()[p].end for p in held[1]):
        again += first.poll(1000, 0.1)
    assert {record.partition for record in again} == {p for p in held[1] if log.ranges()[p].end}
    assert len({(record.partition, record.offset) for record in again}) == len(again)


def test_groups_do_not_share(log: EventLog) -> None:
    fill(log, 20)
    one, two = log.subscribe("one", from_zero), log.subscribe("two", from_zero)
    assert len(drain(one, 20)) == len(drain(two, 20)) == 20


def test_a_poll_wakes_for_a_record(adapter: Adapter, log: EventLog) -> None:
    reader = log.subscribe("g", from_zero)
    reader.poll(1, 0.0)
    other = adapter.again(log)
    sender = threading.Thread(target=lambda: other.send(b"k", b"late").result(LONG_S))
    sender.start()
    (record,) = drain(reader, 1)
    sender.join()
    assert record.value == b"late"


def test_flush_and_close_leave_nothing_on_its_way(log: EventLog) -> None:
    futures = [log.send(b"k", b"v") for _ in range(500)]
    log.flush(LONG_S)
    assert all(future.done() for future in futures)
    last = log.send(b"k", b"v")
    log.close()
    assert last.done()
    assert last.exception() is None


def test_after_close_a_record_is_refused(log: EventLog) -> None:
    log.close()
    with pytest.raises(Unavailable):
        log.send(b"k", b"v").result(LONG_S)
