"""landing among failures, kills and other landers: nothing is lost, nothing is there twice."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from fakes.landing import HOUR_MS, LIMITS, T0, bronze, expected, filled, head, land, landed, lander
from fakes.memory_log import MemoryLog, MemoryReader
from fakes.object_store import FakeStore, How, Killed
from hypothesis import given, settings
from hypothesis import strategies as st

from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import GROUP, Lander
from loginlake.lake import keys
from loginlake.lake.manifest import Lake

FAILURES: list[How] = ["before", "after", "half", "own"]


@pytest.mark.parametrize("how", FAILURES)
def test_a_failure_at_any_call_is_waited_for(how: How) -> None:
    """Each call of a whole run fails once, in turn; the run goes on by itself and bronze is the same."""
    undisturbed = FakeStore()
    land(filled(9, partitions=2), undisturbed)
    for nth in range(len(undisturbed.calls)):
        log, store = filled(9, partitions=2), FakeStore()
        store.fail_at(nth, how)
        land(log, store)
        assert bronze(store) == bronze(undisturbed), nth
        assert log.committed(GROUP) == {0: 5, 1: 4}


KILLS: list[How] = ["kill", "kill-after"]


@pytest.mark.parametrize("how", KILLS)
def test_a_kill_at_any_call_is_healed_by_the_next_run(how: How) -> None:
    undisturbed = FakeStore()
    land(filled(9, partitions=2), undisturbed)
    killed = 0
    for nth in range(len(undisturbed.calls)):
        log, store = filled(9, partitions=2), FakeStore()
        store.fail_at(nth, how)
        try:
            land(log, store)
        except Killed:
            killed += 1
        assert set(bronze(store)) <= {keys.bronze_of_todo(key) for key in store.content("todo/")}
        assert_commits_are_durable(log, store)
        land(log, store)
        assert bronze(store) == bronze(undisturbed)
        assert set(store.content("todo/")) == set(undisturbed.content("todo/"))
    assert killed == len(undisturbed.calls)


def assert_commits_are_durable(log: MemoryLog, store: FakeStore) -> None:
    done = landed(store)
    for partition, end in log.committed(GROUP).items():
        assert {offset for p, offset in done if p == partition} >= set(range(end))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from(KILLS), st.integers(1, 6)), max_size=6))
def test_any_series_of_kills_loses_and_doubles_nothing(kills: list[tuple[int, How, int]]) -> None:
    log, store = filled(23, partitions=2, every_ms=11 * 60_000), FakeStore()
    for nth, how, records in kills:
        store.fail_at(nth, how)
        with suppress(Killed):
            land(log, store, BatchLimits(records=records, bytes=1 << 20, age_s=1.0))
        store.heal()
        assert_commits_are_durable(log, store)
    land(log, store)
    assert landed(store) == expected(log)


@pytest.mark.parametrize("call", ["identity", "ranges", "poll", "commit"])
def test_the_log_s_failures_are_waited_for(call: str) -> None:
    log, store = filled(5), FakeStore()
    log.fail_next(call, 2)
    assert land(log, store).records == 5
    assert landed(store) == expected(log)


def test_another_lander_at_any_moment_doubles_nothing() -> None:
    """While one lander is at its nth call of the store, with records in hand, another one lands all that there is."""
    calls = len(after_interruption(10_000).calls)
    for nth in range(calls):
        after_interruption(nth)


def after_interruption(nth: int) -> FakeStore:
    log, store = filled(9, every_ms=7 * 60_000), FakeStore()
    turns = iter(range(10_000))

    def interrupt() -> None:
        if next(turns) == nth:
            store.on_call = None
            log.append(b"{}", timestamp_ms=T0 + HOUR_MS)
            land(log, store, BatchLimits(records=3, bytes=1 << 20, age_s=1.0))

    store.on_call = interrupt
    land(log, store, BatchLimits(records=4, bytes=1 << 20, age_s=1.0))
    store.on_call = None
    land(log, store)
    assert landed(store) == expected(log), nth
    assert head(store)["end"] == log.ends[0]
    return store


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5), st.integers(0, 3)), max_size=8), st.integers(1, 9))
def test_a_zombie_among_other_landers_doubles_nothing(others: list[tuple[int, int, int]], records: int) -> None:
    """Before some of its polls, others land with their own limits, and the log grows, gaps included."""
    log, store = filled(9, every_ms=11 * 60_000), FakeStore()
    turns = [turn for wait, size, more in others for turn in [None] * wait + [(size, more)]]

    def meanwhile(_: MemoryReader) -> None:
        turn = turns.pop() if turns else None
        if turn is None:
            return
        size, more = turn
        for number in range(more):
            log.append(b"[%d]" % number, timestamp_ms=T0 + log.ends[0] * 11 * 60_000)
            log.skip(number)
        log.on_poll = None
        land(log, store, BatchLimits(records=size, bytes=1 << 20, age_s=1.0))
        log.on_poll = meanwhile

    log.on_poll = meanwhile
    land(log, store, BatchLimits(records=records, bytes=1 << 20, age_s=1.0))
    log.on_poll = None
    land(log, store)
    assert landed(store) == expected(log)


def test_a_partition_that_was_lost_and_won_again_restarts_at_the_chain_s_end() -> None:
    log, store = filled(12, every_ms=1), FakeStore()
    polls = iter(range(100))

    def rebalance(reader: MemoryReader) -> None:
        if next(polls) in {1, 2, 4}:
            reader.positions.clear()

    log.on_poll = rebalance
    log.poll_limit = 3
    report = land(log, store, BatchLimits(records=100, bytes=1 << 20, age_s=9.0))
    assert report.records == 12
    assert landed(store) == expected(log)


def test_stop_lands_what_is_open_and_returns() -> None:
    log, store, stop = filled(2), FakeStore(), threading.Event()
    log.on_poll = lambda reader: stop.set() if reader.positions else None
    lander(log, store, BatchLimits(100, 1 << 20, 3600.0)).run(stop)
    assert landed(store) == expected(log)


def test_stop_does_not_wait_for_a_store_that_is_down() -> None:
    log, store, stop = filled(2), FakeStore(), threading.Event()
    Lake(store).log_number(log.identity())
    store.fail_next(1000, call="create")
    patient = Lander(log, Lake(store), LIMITS, first_pause_s=1000.0)
    running = threading.Thread(target=patient.run, args=(stop,), kwargs={"once": True})
    failing = threading.Event()
    store.on_call = lambda: failing.set() if store.calls and store.calls[-1][0] == "get" else None
    running.start()
    failing.wait()
    stop.set()
    running.join()
    assert landed(store) == []
    assert log.committed(GROUP) == {}
