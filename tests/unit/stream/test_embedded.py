"""What the embedded log promises beyond the port: dense offsets, its clock, retention, bounds, its file."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loginlake.errors import GiveUp, Overloaded, TooLarge, Unavailable
from loginlake.stream.embedded import EmbeddedLog, Limits
from loginlake.stream.log import Position, Range

LONG_S = 30.0
Open = Callable[..., EmbeddedLog]


class Clock:
    """Milliseconds that a test sets."""

    def __init__(self, now: int = 1_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Gate:
    """A clock that holds the writer inside its transaction until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> int:
        self.entered.set()
        assert self.open.wait(LONG_S)
        return 1_000


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    logs: list[EmbeddedLog] = []

    def make(**options: object) -> EmbeddedLog:
        settings: dict[str, object] = {"partitions": 1, **options}
        logs.append(EmbeddedLog(tmp_path / "deep" / "log.db", **settings))  # type: ignore[arg-type]
        return logs[-1]

    yield make
    for log in logs:
        log.close()


def append(log: EmbeddedLog, count: int) -> list[Position]:
    futures = [log.send(b"k", b"%d" % number) for number in range(count)]
    return [future.result(LONG_S) for future in futures]


def test_nothing_is_touched_before_the_first_call(opened: Open, tmp_path: Path) -> None:
    opened().close()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_for_its_users_eyes_only(opened: Open, tmp_path: Path) -> None:
    append(opened(), 1)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep").iterdir()}
    assert modes == {0o600}


def test_appends_are_synced_in_full(opened: Open) -> None:
    log = opened()
    append(log, 1)
    connection = log._writer._connection
    assert connection is not None
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_an_existing_file_keeps_its_partitions_and_identity(opened: Open) -> None:
    first = opened(partitions=3)
    identity = first.identity()
    first.close()
    again = opened(partitions=7)
    assert len(again.ranges()) == 3
    assert again.identity() == identity


def test_offsets_are_dense_and_keyless_records_take_turns(opened: Open) -> None:
    log = opened(partitions=3)
    positions = [log.send(None, b"v") for _ in range(9)]
    assert [future.result(LONG_S) for future in positions] == [Position(n % 3, n // 3) for n in range(9)]
    assert log.ranges() == dict.fromkeys(range(3), Range(0, 3))


def test_append_time_never_goes_back(opened: Open) -> None:
    clock = Clock(5_000)
    log = opened(clock=clock)
    stamps = []
    for now in (5_000, 4_000, 0, 5_001, -7, 9_000):
        clock.now = now
        record = log.read(log.send(b"k", b"v").result(LONG_S))
        assert record is not None
        stamps.append(record.timestamp_ms)
    assert stamps == [5_000, 5_000, 5_000, 5_001, 5_001, 9_000]


def test_append_time_does_not_go_back_over_a_restart(opened: Open) -> None:
    first = opened(clock=Clock(5_000))
    append(first, 1)
    first.close()
    second = opened(clock=Clock(1))
    record = second.read(append(second, 1)[0])
    assert record is not None
    assert record.timestamp_ms == 5_000


def test_a_last_append_time_far_ahead_of_the_clock_refuses_and_passes_with_it(opened: Open) -> None:
    clock = Clock(5_000)
    log = opened(clock=clock, partitions=2)
    log.send(None, b"v").result(LONG_S)
    clock.now += 365 * 86_400_000
    log.send(None, b"v").result(LONG_S)
    ahead = clock.now
    clock.now = 6_000
    for _ in range(3):  # whatever the partition
        with pytest.raises(Unavailable, match=r"records of 1971-01-01 00:00:05Z, but it is 1970-01-01 00:00:06Z"):
            log.send(None, b"v").result(LONG_S)
    assert log.ranges() == {0: Range(0, 1), 1: Range(0, 1)}
    clock.now = ahead - 5 * 60_000
    assert log.send(b"k", b"v").result(LONG_S).offset == 1


def test_key_value_and_headers_count_for_the_size(opened: Open) -> None:
    log = opened(max_message_bytes=100)
    assert log.send(b"k" * 40, b"v" * 60).result(LONG_S).offset == 0
    for key, value, headers in [(b"k" * 41, b"v" * 60, []), (b"k", b"v", [("h", b"x" * 100)])]:
        with pytest.raises(TooLarge, match="100"):
            log.send(key, value, headers).result(LONG_S)
    assert log.ranges()[0].end == 1


def test_a_full_queue_refuses_and_takes_again(opened: Open) -> None:
    gate = Gate()
    log = opened(clock=gate, limits=Limits(max_queue_bytes=1_000))
    held = log.send(b"k", b"x" * 900)
    assert gate.entered.wait(LONG_S)
    queued = [log.send(b"k", b"x" * 899), log.send(b"", b"x" * 100)]
    refused = log.send(b"k", b"x")
    assert isinstance(refused.exception(0), Overloaded)
    gate.open.set()
    assert [future.result(LONG_S).offset for future in [held, *queued]] == [0, 1, 2]
    assert log.send(b"k", b"x").result(LONG_S).offset == 3


def test_one_record_larger_than_the_queue_goes_through_alone(opened: Open) -> None:
    log = opened(limits=Limits(max_queue_bytes=10))
    assert log.send(b"k", b"x" * 1_000).result(LONG_S).offset == 0


def test_a_cancelled_record_is_not_appended_and_harms_no_other(opened: Open) -> None:
    gate = Gate()
    log = opened(clock=gate)
    held = log.send(b"k", b"held")
    assert gate.entered.wait(LONG_S)
    cancelled, kept = log.send(b"k", b"cancelled"), log.send(b"k", b"kept")
    assert cancelled.cancel()
    assert not held.cancel()
    gate.open.set()
    assert kept.result(LONG_S) == Position(0, 1)
    log.flush(LONG_S)
    assert log.ranges()[0].end == 2


def test_flush_says_so_when_time_runs_out(opened: Open) -> None:
    gate = Gate()
    log = opened(clock=gate)
    log.flush(0.0)
    sent = log.send(b"k", b"v")
    with pytest.raises(Unavailable, match="1 records are not yet durable"):
        log.flush(0.01)
    gate.open.set()
    log.flush(LONG_S)
    assert sent.done()


def test_a_fault_of_the_clock_hangs_no_future(opened: Open, recwarn: pytest.WarningsRecorder) -> None:
    raised: list[type[BaseException]] = []
    hook, threading.excepthook = threading.excepthook, lambda args: raised.append(args.exc_type)

    def broken() -> int:
        raise ZeroDivisionError

    try:
        log = opened(clock=broken)
        with pytest.raises(ZeroDivisionError):
            log.send(b"k", b"v").result(LONG_S)
        log.close()
    finally:
        threading.excepthook = hook
    assert raised == [ZeroDivisionError]
    with pytest.raises(Unavailable):
        log.send(b"k", b"v").result(LONG_S)


def test_a_locked_file_fails_the_futures_and_heals(opened: Open, tmp_path: Path) -> None:
    log = opened(limits=Limits(busy_timeout_s=0.05))
    append(log, 1)
    with sqlite3.connect(tmp_path / "deep" / "log.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            log.send(b"k", b"v").result(LONG_S)
        other.execute("ROLLBACK")
    other.close()
    assert append(log, 1) == [Position(0, 1)]


def test_closing_on_a_locked_file_fails_the_rest_and_ends(opened: Open, tmp_path: Path) -> None:
    log = opened(limits=Limits(busy_timeout_s=0.05))
    append(log, 1)
    other = sqlite3.connect(tmp_path / "deep" / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    futures = [log.send(b"k", b"x" * 1_000_000) for _ in range(30)]
    log.close()
    assert {type(future.exception(0)) for future in futures} == {Unavailable}
    other.execute("ROLLBACK")
    other.close()


def test_close_twice_then_every_call_gives_up(opened: Open) -> None:
    log = opened()
    reader = log.subscribe("g", lambda _partition: 0)
    append(log, 1)
    assert len(reader.poll(10, LONG_S)) == 1
    log.close()
    log.close()
    reader.commit({0: 1})
    reader.close()
    calls: list[Callable[[], object]] = [
        log.identity,
        log.ranges,
        lambda: reader.poll(1, 0.0),
        lambda: log.subscribe("g", lambda _partition: 0),
    ]
    for call in calls:
        with pytest.raises(GiveUp, match="closed"):
            call()


def test_no_record_at_impossible_places(opened: Open) -> None:
    log = opened(partitions=2)
    log.send(None, b"v").result(LONG_S)
    log.send(None, b"v").result(LONG_S)
    assert log.read(Position(1, 0)) is not None
    for partition, offset in [(0, 2**52), (1, -(2**52)), (-1, 0), (2, 0), (0, -1)]:
        assert log.read(Position(partition, offset)) is None


def landed(log: EmbeddedLog, group: str, until: int) -> None:
    """Commit as a lander that leaves again."""
    reader = log.subscribe(group, lambda _partition: 0)
    reader.poll(1, 0.0)
    reader.commit({0: until})
    reader.close()


def timeline(log: EmbeddedLog, clock: Clock, count: int) -> None:
    """Record n is appended at 1,000 * n."""
    for number in range(count):
        clock.now = 1_000 * number
        append(log, 1)


def test_trim_drops_by_age_what_every_group_has(opened: Open) -> None:
    clock = Clock()
    log = opened(clock=clock)
    timeline(log, clock, 10)
    landed(log, "land", 8)
    landed(log, "slow", 3)
    assert log.trim(6_000) == 3
    landed(log, "slow", 10)
    assert log.trim(6_000) == 3
    assert log.ranges() == {0: Range(6, 10)}
    assert log.trim(6_000) == 0
    assert log.trim(100_000) == 2
    assert log.read(Position(0, 7)) is None
    assert log.read(Position(0, 8)) is not None


def test_trim_drops_nothing_that_no_group_has_landed(opened: Open) -> None:
    clock = Clock()
    log = opened(clock=clock, partitions=1)
    timeline(log, clock, 3)
    assert log.trim(100_000) == 0
    landed(log, "land", 3)
    newcomer = log.subscribe("new", lambda _partition: 0)
    newcomer.poll(1, 0.0)
    assert log.trim(100_000) == 0
    newcomer.close()
    assert log.trim(100_000) == 3
    assert log.ranges() == {0: Range(3, 3)}
    assert append(log, 1) == [Position(0, 3)]


def test_delete_before_is_bounded_by_the_end_and_never_brings_back(opened: Open) -> None:
    log = opened()
    append(log, 50_000)
    assert log.delete_before(0, 45_001) == 45_001
    assert log.delete_before(0, 10) == 0
    assert log.ranges() == {0: Range(45_001, 50_000)}
    assert log.delete_before(0, 10**12) == 4_999
    assert log.ranges() == {0: Range(50_000, 50_000)}
