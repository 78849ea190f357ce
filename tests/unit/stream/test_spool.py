"""The spool before a log that fails on demand, is slow, or is away: nothing lost, each key in order, bounded."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest
from fakes.bronze_origins import wait_for
from fakes.switched_log import LONG_S, Switched
from hypothesis import given, settings
from hypothesis import strategies as st

from loginlake.errors import Overloaded, TooLarge, Unavailable
from loginlake.stream import spool_drain
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.log import Headers, Position
from loginlake.stream.spool import SpooledLog
from loginlake.stream.spool_file import survey
from loginlake.stream.spool_record import SPOOLED, Outgoing, SpoolLimits
from loginlake.stream.spool_route import Router

FAST = SpoolLimits(slow_s=0.05)
PATIENT = SpoolLimits(slow_s=LONG_S)


@pytest.fixture
def log() -> Switched:
    return Switched()


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_drain, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(spool_drain, "_LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(spool_drain, "_LOOK_S", 0.02)


@pytest.fixture
def spooled(log: Switched, tmp_path: Path) -> Iterator[SpooledLog]:
    """It is in no hurry: what a test sends straight, a busy machine does not spool."""
    made = SpooledLog(log, tmp_path / "spool", limits=PATIENT)
    yield made
    made.stop()


@pytest.fixture
def hasty(log: Switched, tmp_path: Path) -> Iterator[SpooledLog]:
    made = SpooledLog(log, tmp_path / "spool", limits=FAST)
    yield made
    made.stop()


def result(future: Future[Position]) -> Position:
    return future.result(LONG_S)


def test_a_log_that_answers_gets_it_straight(log: Switched, spooled: SpooledLog) -> None:
    positions = [result(spooled.send(b"k", b"%d" % number, (("h", b"v"),))) for number in range(3)]
    assert [position.offset for position in positions] == [0, 1, 2]
    assert log.of(b"k") == [b"0", b"1", b"2"]
    assert spooled.state().entries == 0
    assert spooled.identity() == log.name
    assert spooled.ranges() == log.ranges()
    assert spooled.read(positions[2]) == log.read(positions[2])


def test_away_it_is_spooled_and_sent_later_as_it_was(log: Switched, spooled: SpooledLog) -> None:
    log.turn("down")
    position = result(spooled.send(b"k", b"v", (("h", b"1"), ("n", None))))
    assert position.partition == SPOOLED
    assert spooled.read(position) is None
    assert spooled.state().entries == 1
    log.turn("up")
    log.wait_for(1)
    found = log.everything()[0]
    assert (found.key, found.value, tuple(found.headers)) == (b"k", b"v", (("h", b"1"), ("n", None)))
    spooled.stop()
    assert spooled.read(position) == found
    assert survey(spooled_folder(spooled)) == ((0, 0, None), [])


def spooled_folder(spooled: SpooledLog) -> Path:
    return spooled._folder


def test_each_key_stays_in_order_through_an_outage(log: Switched, spooled: SpooledLog) -> None:
    futures = []
    for number in range(200):
        if number == 50:
            log.turn("down")
        if number == 150:
            log.turn("up")
        futures.append(spooled.send(b"user-%d" % (number % 7), b"%d" % number))
        if number in {49, 149}:
            assert all(result(future) for future in futures)
    for future in futures:
        result(future)
    log.wait_for(200)
    assert len(log.everything()) == 200
    for user in range(7):
        values = [int(value or b"") for value in log.of(b"user-%d" % user)]
        assert values == sorted(values)


def test_without_keys_nothing_is_lost(log: Switched, spooled: SpooledLog) -> None:
    log.turn("down")
    for future in [spooled.send(None, b"%d" % number) for number in range(50)]:
        assert result(future).partition == SPOOLED
    log.turn("up")
    log.wait_for(50)
    assert {record.value for record in log.everything()} == {b"%d" % number for number in range(50)}


def test_slow_is_away_and_a_late_answer_makes_no_second(log: Switched, hasty: SpooledLog) -> None:
    log.turn("hung")
    first = hasty.send(b"k", b"1")
    assert result(first).partition == SPOOLED
    assert result(hasty.send(b"k", b"2")).partition == SPOOLED
    log.turn("up")
    log.let_go()
    log.wait_for(2)
    hasty.stop()
    assert log.of(b"k") == [b"1", b"2"]
    assert hasty.read(result(first)) == log.everything()[0]


def test_what_the_spool_took_before_it_could_be_sent_is_sent_once(
    log: Switched, hasty: SpooledLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = Router._dispatch

    def asleep(router: Router, record: Outgoing) -> None:
        assert result(record.future).partition == SPOOLED
        log.wait_for(1)
        dispatch(router, record)

    monkeypatch.setattr(Router, "_dispatch", asleep)
    hasty.send(b"k", b"1")
    hasty.stop()
    assert log.of(b"k") == [b"1"]


def test_a_late_failure_is_sent_again(log: Switched, hasty: SpooledLog) -> None:
    log.turn("hung")
    assert result(hasty.send(b"k", b"1")).partition == SPOOLED
    assert result(hasty.send(b"k", b"2")).partition == SPOOLED
    log.turn("up")
    log.let_go(fail=True)
    log.wait_for(2)
    assert log.of(b"k") == [b"1", b"2"]


def test_those_behind_a_slow_one_follow_it_into_the_spool(log: Switched, hasty: SpooledLog) -> None:
    log.turn("hung")
    futures = [hasty.send(b"k", b"%d" % number) for number in range(20)]
    assert {result(future).partition for future in futures} == {SPOOLED}
    wait_for(lambda: bool(log.held))
    assert len(log.held) == 1, "one of a key at a time"
    log.turn("up")
    log.let_go()
    log.wait_for(20)
    assert log.of(b"k") == [b"%d" % number for number in range(20)]


def test_while_another_key_is_spooled_one_behind_a_slow_one_stays_behind_it(log: Switched, tmp_path: Path) -> None:
    spooled = SpooledLog(log, tmp_path, limits=SpoolLimits(slow_s=1.0))
    log.turn("hung")
    futures = [spooled.send(b"k", b"1"), spooled.send(b"k", b"2")]
    log.turn("down")
    assert result(spooled.send(b"other", b"0")).partition == SPOOLED, "away from here on"
    futures.append(spooled.send(b"k", b"3"))
    assert {result(future).partition for future in futures} == {SPOOLED}
    log.turn("up")
    log.let_go()
    log.wait_for(4)
    spooled.stop()
    assert log.of(b"k") == [b"1", b"2", b"3"]
    assert list(tmp_path.iterdir()) == []


def test_many_of_one_key_go_one_after_the_other(log: Switched, tmp_path: Path) -> None:
    spooled = SpooledLog(log, tmp_path, limits=PATIENT)
    futures = [spooled.send(b"k", b"%d" % number) for number in range(3000)]
    assert result(futures[-1]).partition != SPOOLED
    spooled.close()
    assert log.of(b"k") == [b"%d" % number for number in range(3000)]
    assert log.closed


def test_a_full_spool_says_so_and_keeps_what_it_has(log: Switched, tmp_path: Path) -> None:
    spooled = SpooledLog(log, tmp_path, limits=SpoolLimits(slow_s=LONG_S, max_bytes=1000))
    log.turn("down")
    answers = [spooled.send(b"k%d" % number, b"x" * 100).exception(LONG_S) for number in range(20)]
    kept = answers.count(None)
    assert 5 < kept < 10
    assert {type(answer) for answer in answers[kept:]} == {Overloaded}
    assert not spooled.state().takes
    log.turn("up")
    log.wait_for(kept)
    assert result(spooled.send(b"new", b"x" * 100)).partition in {0, 1, SPOOLED}
    spooled.stop()


def test_too_old_is_full(log: Switched, tmp_path: Path) -> None:
    now = [1_000_000]
    limits = SpoolLimits(slow_s=LONG_S, max_age_s=60)
    spooled = SpooledLog(log, tmp_path, limits=limits, clock=lambda: now[0])
    log.turn("down")
    assert result(spooled.send(b"a", b"1")).partition == SPOOLED
    now[0] += 30_000
    assert result(spooled.send(b"a", b"2")).partition == SPOOLED
    assert spooled.state().oldest_s == 30
    now[0] += 31_000
    assert isinstance(spooled.send(b"a", b"3").exception(LONG_S), Overloaded)
    spooled.stop()


def test_what_is_too_large_is_refused_at_once(log: Switched, tmp_path: Path) -> None:
    spooled = SpooledLog(log, tmp_path, limits=SpoolLimits(slow_s=LONG_S, max_message_bytes=100))
    assert isinstance(spooled.send(b"k", b"x" * 101).exception(LONG_S), TooLarge)
    spooled.stop()


def test_what_only_the_log_finds_too_large_stays_counted_and_stops_nobody(log: Switched, tmp_path: Path) -> None:
    spooled = SpooledLog(log, tmp_path, limits=PATIENT)
    log.max_message_bytes = 50
    assert isinstance(spooled.send(b"k", b"x" * 51).exception(LONG_S), TooLarge)
    log.turn("down")
    assert result(spooled.send(b"k", b"x" * 51)).partition == SPOOLED
    assert result(spooled.send(b"k", b"small")).partition == SPOOLED
    log.turn("up")
    log.wait_for(1)
    spooled.stop()
    assert log.of(b"k") == [b"small"]
    assert survey(tmp_path)[0].entries == 1
    log.max_message_bytes = 1000
    again = SpooledLog(log, tmp_path, limits=PATIENT)
    again.start()
    log.wait_for(1)
    again.stop()
    assert survey(tmp_path)[0].entries == 0


def test_a_failing_disk_under_the_spool_is_unavailable_and_passes(log: Switched, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.write_text("a file where the folder should be")
    spooled = SpooledLog(log, folder, limits=PATIENT)
    log.turn("down")
    assert isinstance(spooled.send(b"k", b"1").exception(LONG_S), Unavailable)
    assert not spooled.state().takes
    folder.unlink()
    assert result(spooled.send(b"k", b"2")).partition == SPOOLED
    log.turn("up")
    log.wait_for(1)
    spooled.stop()
    assert log.of(b"k") == [b"2"]


def test_a_log_that_fails_in_an_unknown_way_is_not_hidden(log: Switched, tmp_path: Path) -> None:
    class Odd(Switched):
        def send(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Future[Position]:
            future: Future[Position] = Future()
            future.set_exception(ZeroDivisionError())
            return future

    spooled = SpooledLog(Odd(), tmp_path, limits=PATIENT)
    assert isinstance(spooled.send(b"k", b"1").exception(LONG_S), ZeroDivisionError)
    assert isinstance(spooled.send(b"k", b"2").exception(LONG_S), ZeroDivisionError)
    spooled.stop()


def test_after_stop_it_takes_nothing_and_the_next_process_finds_the_rest(log: Switched, tmp_path: Path) -> None:
    first = SpooledLog(log, tmp_path, limits=PATIENT)
    log.turn("down")
    assert result(first.send(b"k", b"1")).partition == SPOOLED
    first.stop()
    first.stop()
    assert isinstance(first.send(b"k", b"2").exception(LONG_S), Unavailable)
    second = SpooledLog(log, tmp_path, limits=PATIENT)
    assert result(second.send(b"k", b"3")).partition == SPOOLED, "the file is its own now: k has a spooled entry"
    log.turn("up")
    log.wait_for(2)
    second.stop()
    assert log.of(b"k") == [b"1", b"3"]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_owned_is_not_picked_up(log: Switched, tmp_path: Path) -> None:
    first = SpooledLog(log, tmp_path, limits=PATIENT)
    log.turn("down")
    result(first.send(b"k", b"1"))
    other_log = Switched()
    other = SpooledLog(other_log, tmp_path, limits=PATIENT)
    result(other.send(b"x", b"1"))
    assert other.state().entries == 1
    assert len(list(tmp_path.glob("*.db"))) == 2
    other.stop()
    assert len(other_log.everything()) == 1
    first.stop()


def test_a_running_worker_picks_up_what_another_left(log: Switched, tmp_path: Path) -> None:
    first, second = (SpooledLog(log, tmp_path, limits=PATIENT) for _ in range(2))
    first.start()
    second.start()
    log.turn("down")
    for number in range(30):
        result(first.send(b"k%d" % (number % 3), b"%d" % number))
    first.stop()
    log.turn("up")
    log.wait_for(30)
    for key in range(3):
        values = [int(value or b"") for value in log.of(b"k%d" % key)]
        assert values == sorted(values)
    second.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_is_named_and_left(log: Switched, tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database at all, but long enough to be looked at" * 20)
    with closing(sqlite3.connect(tmp_path / "newer.db")) as newer:
        newer.execute("PRAGMA user_version=9")
    spooled = SpooledLog(log, tmp_path, limits=PATIENT)
    log.turn("down")
    assert result(spooled.send(b"k", b"1")).partition == SPOOLED
    assert spooled.state().unreadable == ("broken.db", "newer.db")
    log.turn("up")
    log.wait_for(1)
    spooled.stop()


def test_with_the_embedded_log_behind(tmp_path: Path) -> None:
    inner = EmbeddedLog(tmp_path / "log.db", partitions=2)
    spooled = SpooledLog(inner, tmp_path / "spool", limits=PATIENT)
    positions = [result(spooled.send(b"k", b"%d" % number)) for number in range(100)]
    assert [position.offset for position in positions] == list(range(100))
    spooled.flush(LONG_S)
    reader = spooled.subscribe("g", lambda partition: 0)
    assert len(reader.poll(1000, LONG_S)) == 100
    reader.commit({positions[0].partition: 100})
    assert spooled.committed("g") == {positions[0].partition: 100}
    reader.close()
    spooled.close()


def test_flush_says_when_time_runs_out(log: Switched, tmp_path: Path) -> None:
    spooled = SpooledLog(log, tmp_path, limits=PATIENT)
    log.turn("hung")
    sent = spooled.send(b"k", b"1")
    with pytest.raises(Unavailable):
        spooled.flush(0.0)
    log.let_go()
    assert result(sent).partition != SPOOLED
    spooled.flush(0.0)
    spooled.stop()


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.one_of(st.integers(0, 3), st.sampled_from(["up", "down", "hung", "answer", "fail"])), min_size=1, max_size=60
    )
)
def test_any_weather_each_acknowledged_record_arrives_in_its_order(
    steps: list[int | str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = Switched()
    folder = tmp_path_factory.mktemp("spool")
    spooled = SpooledLog(log, folder, limits=SpoolLimits(slow_s=0.005))
    sent: dict[bytes, list[tuple[bytes, Future[Position]]]] = defaultdict(list)
    for number, step in enumerate(steps):
        if isinstance(step, int):
            key, value = b"k%d" % step, b"%d" % number
            sent[key].append((value, spooled.send(key, value)))
        elif step in {"answer", "fail"}:
            log.let_go(fail=step == "fail")
        else:
            log.turn(step)
    for records in sent.values():
        for _, future in records:
            result(future)
    log.turn("up")
    log.let_go()
    log.wait_for(sum(len(records) for records in sent.values()))
    spooled.stop()
    for key, records in sent.items():
        assert log.of(key) == [value for value, _ in records], "the log never did what it said had failed: exactly once"
    assert list(folder.iterdir()) == []
