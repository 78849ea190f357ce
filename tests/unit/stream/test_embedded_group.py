"""Groups of the embedded log: who holds what, when a member joins, leaves, falls silent or comes back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from loginlake.errors import Unavailable
from loginlake.stream.embedded import EmbeddedLog, Limits
from loginlake.stream.log import Reader

PARTITIONS = 4
LONG_S = 30.0


class Uptime:
    """The machine's monotonic milliseconds, set by a test."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def uptime() -> Uptime:
    return Uptime()


@pytest.fixture
def log(tmp_path: Path, uptime: Uptime) -> Iterator[EmbeddedLog]:
    limits = Limits(member_timeout_s=10.0, busy_timeout_s=LONG_S)
    log = EmbeddedLog(tmp_path / "log.db", partitions=PARTITIONS, uptime=uptime, limits=limits)
    for number in range(PARTITIONS):
        log.send(None, b"%d" % number).result(LONG_S)
    yield log
    log.close()


class Member:
    """A member that notes which partitions it was asked to start."""

    def __init__(self, log: EmbeddedLog, group: str = "g") -> None:
        self.started: list[int] = []
        self.reader: Reader = log.subscribe(group, self._start)

    def _start(self, partition: int) -> int:
        self.started.append(partition)
        return 0

    def look(self) -> set[int]:
        """Poll once, and say what is held."""
        self.reader.poll(100, 0.0)
        return set(self.reader.assigned())


def test_a_partition_moves_only_when_its_owner_lets_go(log: EmbeddedLog) -> None:
    first, second = Member(log), Member(log)
    assert first.look() == {0, 1, 2, 3}
    assert second.look() == set()
    assert first.look() == {0, 2}
    assert second.look() == {1, 3}
    assert (first.started, second.started) == ([0, 1, 2, 3], [1, 3])


def test_who_leaves_is_followed_at_once(log: EmbeddedLog) -> None:
    first, second = Member(log), Member(log)
    first.look()
    second.look()
    first.reader.close()
    assert second.look() == {0, 1, 2, 3}


def test_more_members_than_partitions_wait_their_turn(log: EmbeddedLog) -> None:
    members = [Member(log) for _ in range(6)]
    for _ in range(3):
        held = [member.look() for member in members]
    assert held == [{0}, {1}, {2}, {3}, set(), set()]
    members[1].reader.close()
    for _ in range(3):
        held = [member.look() for member in members[:1] + members[2:]]
    assert held == [{0}, {1}, {2}, {3}, set()]


def test_a_silent_member_loses_its_partitions_after_the_timeout(log: EmbeddedLog, uptime: Uptime) -> None:
    crashed, alive = Member(log), Member(log)
    crashed.look()
    alive.look()
    uptime.now += 10_000
    assert alive.look() == set()
    uptime.now += 5_000
    assert alive.look() == {0, 1, 2, 3}


def test_a_commit_is_a_sign_of_life(log: EmbeddedLog, uptime: Uptime) -> None:
    slow, other = Member(log), Member(log)
    slow.look()
    other.look()
    for _ in range(5):
        uptime.now += 6_000
        slow.reader.commit({0: 1})
        assert other.look() == set()


def test_a_member_back_from_a_pause_starts_again(log: EmbeddedLog, uptime: Uptime) -> None:
    zombie, other = Member(log), Member(log)
    zombie.look()
    other.look()
    uptime.now += 15_000
    assert other.look() == {0, 1, 2, 3}
    zombie.reader.commit({0: 1, 1: 1})
    assert dict(log.committed("g")) == {}
    assert zombie.look() == set()
    assert other.look() == {0, 2}
    assert zombie.look() == {1, 3}
    assert zombie.started == [0, 1, 2, 3, 1, 3]


def test_a_partition_that_was_lost_and_won_between_two_polls_starts_again(log: EmbeddedLog, uptime: Uptime) -> None:
    zombie, other = Member(log), Member(log)
    zombie.look()
    uptime.now += 15_000
    assert other.look() == {0, 1, 2, 3}
    other.reader.close()
    assert zombie.look() == {0, 1, 2, 3}
    assert zombie.started == [0, 1, 2, 3] * 2


def test_alone_a_pause_changes_nothing(log: EmbeddedLog, uptime: Uptime) -> None:
    member = Member(log)
    member.look()
    uptime.now += 1_000_000
    assert member.look() == {0, 1, 2, 3}
    assert member.started == [0, 1, 2, 3]


def test_seats_from_before_a_restart_of_the_machine_are_free(log: EmbeddedLog, uptime: Uptime) -> None:
    Member(log).look()
    uptime.now = 5
    assert Member(log).look() == {0, 1, 2, 3}


def test_a_poll_sleeps_until_another_member_leaves(log: EmbeddedLog) -> None:
    first, second = Member(log), Member(log)
    first.look()
    second.look()
    leaving = threading.Thread(target=first.reader.close)
    leaving.start()
    assert len(second.reader.poll(100, LONG_S)) > 0
    leaving.join()


def test_a_locked_file_is_unavailable_to_a_joining_member_and_heals(log: EmbeddedLog, tmp_path: Path) -> None:
    with closing(EmbeddedLog(tmp_path / "log.db", partitions=1, limits=Limits(busy_timeout_s=0.05))) as hasty:
        member = Member(hasty)
        with closing(log._file.connect(durable=False)) as blocker:
            assert len(hasty.ranges()) == PARTITIONS
            blocker.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="locked"):
                member.look()
            blocker.execute("ROLLBACK")
        assert member.look() == {0, 1, 2, 3}


def test_the_partitions_take_turns_at_being_first(log: EmbeddedLog) -> None:
    for _ in range(PARTITIONS * 10):
        log.send(None, b"more")
    log.flush(LONG_S)
    member = Member(log)
    first = [member.reader.poll(1, 0.0)[0].partition for _ in range(PARTITIONS)]
    assert sorted(first) == [0, 1, 2, 3]


def test_a_poll_is_bounded_in_bytes(log: EmbeddedLog) -> None:
    for _ in range(80):
        log.send(b"k", b"x" * 1_000_000).result(LONG_S)
    member = Member(log)
    seen = 0
    while records := member.reader.poll(10_000, 0.0):
        assert sum(len(record.value or b"") for record in records) <= 32 * 1024 * 1024 + 1_000_000
        seen += len(records)
    assert seen == 80 + PARTITIONS
