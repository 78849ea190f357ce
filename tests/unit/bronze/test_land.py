"""landing: each record is in bronze once, along one chain, and bronze is the same whoever lands."""

from __future__ import annotations

import json
import threading

import pytest
from fakes.landing import HOUR_MS, LIMITS, T0, BlindStore, bronze, expected, filled, head, land, landed, lander
from fakes.memory_log import MemoryLog
from fakes.object_store import FakeStore
from hypothesis import given, settings
from hypothesis import strategies as st

from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import GROUP, Lander, LandReport
from loginlake.errors import Corrupt, Diverged, GiveUp, UnknownLog
from loginlake.lake import keys, lines
from loginlake.lake.manifest import Lake


def test_every_record_is_in_bronze_once_and_bytes_are_kept() -> None:
    log, store = filled(10, partitions=3), FakeStore()
    report = land(log, store)
    assert (report.records, report.objects) == (10, 3)
    assert landed(store) == expected(log)
    assert report.bytes == sum(len(lines.decode(data)) for data in bronze(store).values())
    assert log.committed(GROUP) == {0: 4, 1: 3, 2: 3}


def test_the_order_of_writes_is_todo_object_head_commit() -> None:
    log, store = filled(3), FakeStore()
    land(log, store)
    (key,) = bronze(store)
    writes = [name for call, name in store.calls if call in {"put", "create"}]
    assert writes[:3] == [keys.todo(key), key, keys.head(0, 0)]


def test_what_the_work_list_says_of_an_object_outlives_a_late_lander() -> None:
    log, store = filled(3), FakeStore()
    land(log, store)
    (key,) = bronze(store)
    store.put(keys.todo(key), b"begun")
    store.delete(keys.head(0, 0))
    store.delete(key)
    land(log, store)
    assert bronze(store).keys() == {key}
    assert store.get(keys.todo(key)).data == b"begun"


def test_a_second_run_changes_nothing() -> None:
    log, store = filled(10, partitions=2), FakeStore()
    land(log, store)
    before = bronze(store)
    assert land(log, store) == LandReport()
    assert bronze(store) == before


def test_a_batch_closes_where_the_hour_changes_and_by_count() -> None:
    log, store = filled(10, every_ms=15 * 60_000), FakeStore()
    land(log, store, BatchLimits(records=3, bytes=1 << 20, age_s=1.0))
    names = [keys.parse_bronze(key) for key in bronze(store)]
    assert [(name.hour, name.start) for name in names] == [(19, 0), (19, 3), (20, 4), (20, 7), (21, 8)]
    assert landed(store) == expected(log)


def test_gaps_are_legal() -> None:
    log, store = MemoryLog(), FakeStore()
    log.skip(3)
    for number in range(4):
        log.append(b"{}", timestamp_ms=T0 + number)
        log.skip(number)
    report = land(log, store, BatchLimits(records=2, bytes=1000, age_s=1.0))
    assert (report.records, report.expired) == (4, 0)
    assert landed(store) == expected(log) == [(0, 3), (0, 4), (0, 6), (0, 9)]
    assert land(log, store) == LandReport()


@pytest.mark.parametrize("lost", ["head", "all heads", "head lags", "head broken", "lake of another stage"])
def test_the_chain_s_end_is_found_without_a_good_head(lost: str) -> None:
    log, store = filled(30, partitions=2, every_ms=10 * 60_000), FakeStore()
    old = FakeStore()
    land(filled(10, partitions=2, every_ms=10 * 60_000), old, BatchLimits(records=5, bytes=1000, age_s=1.0))
    for key, data in old.content().items():
        store.put(key, data)
    land(log, store)
    before = bronze(store)
    if lost == "head broken":
        store.put(keys.head(0, 0), b"{")
    elif lost == "head lags":
        store.put(keys.head(0, 0), old.get(keys.head(0, 0)).data)
    else:
        for partition in (0, 1) if lost == "all heads" else (0,):
            store.delete(keys.head(0, partition))
    store.calls.clear()
    assert land(log, store) == LandReport()
    assert bronze(store) == before
    assert head(store)["end"] == 15
    assert [call for call, key in store.calls if key.startswith("bronze/") and call == "create"] == []


def test_a_head_that_lags_for_long_is_gone_forward_from_by_days() -> None:
    log, store = MemoryLog(), FakeStore()
    log.append(b"{}", timestamp_ms=T0)
    land(log, store)
    early = store.get(keys.head(0, 0)).data
    log.append(b"{}", timestamp_ms=T0 + 40 * 24 * HOUR_MS)
    late = Lander(log, Lake(store), LIMITS, clock=lambda: T0 + 41 * 24 * HOUR_MS)
    late.run(threading.Event(), once=True)
    store.put(keys.head(0, 0), early)
    store.calls.clear()
    assert late.run(threading.Event(), once=True) == LandReport()
    assert sum(call == "list" for call, _ in store.calls) < 50
    assert head(store)["end"] == 2


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_landing_again_from_any_offset_gives_the_same_bronze(data: st.DataObject) -> None:
    """A lander that believes an older end (whatever its limits are) meets the objects, compares, and goes on."""
    log, store = filled(20, every_ms=data.draw(st.sampled_from([1000, 20 * 60_000]))), FakeStore()
    land(log, store, BatchLimits(records=data.draw(st.integers(1, 7)), bytes=1 << 20, age_s=1.0))
    before = bronze(store)
    starts = [keys.parse_bronze(key).start for key in before]
    blind = BlindStore(store, end=data.draw(st.sampled_from(starts)))
    report = land(log, blind, BatchLimits(records=data.draw(st.integers(1, 30)), bytes=1 << 20, age_s=1.0))
    assert report == LandReport()
    assert bronze(store) == before
    assert head(store)["end"] == 20


def test_another_content_under_the_name_stops_and_overwrites_nothing() -> None:
    log, store = filled(6), FakeStore()
    other = filled(3)
    other.records[0][1] = type(other.records[0][1])(0, 1, T0 + 60_000, b"k", b'{"n":"else"}', ())
    land(other, store)
    before = bronze(store)
    store.delete(keys.head(0, 0))
    with pytest.raises(Diverged, match="offset 1"):
        lander(log, BlindStore(store, 0), LIMITS).run(threading.Event(), once=True)
    assert bronze(store) == before
    assert log.committed(GROUP) == {}


def test_an_erased_line_counts_as_equal() -> None:
    log, store = filled(6), FakeStore()
    land(log, store, BatchLimits(records=6, bytes=1 << 20, age_s=1.0))
    (key,) = bronze(store)
    content = lines.split(lines.decode(store.get(key).data))
    content[2] = b'{"log":0,"partition":0,"offset":2,"timestamp":"2025-11-24T19:02:00.000000Z","erased":"r"}'
    store.put(key, lines.encode(content))
    before = bronze(store)
    assert land(log, BlindStore(store, 0)) == LandReport()
    assert bronze(store) == before


def test_a_damaged_object_at_the_chain_s_end_stops() -> None:
    log, store = filled(3), FakeStore()
    land(log, store)
    (key,) = bronze(store)
    store.put(key, b"")
    store.delete(keys.head(0, 0))
    with pytest.raises(Corrupt):
        land(log, store)


def test_another_log_stops() -> None:
    store = FakeStore()
    land(filled(3), store)
    with pytest.raises(UnknownLog):
        land(MemoryLog(identity="another"), store)
    Lake(store).add_log("another")
    other = MemoryLog(identity="another")
    other.append(b"{}", timestamp_ms=T0)
    assert land(other, store).records == 1
    assert sum("log=1/" in key for key in bronze(store)) == 1


def test_a_log_that_lost_its_end_stops() -> None:
    log, store = filled(3), FakeStore()
    land(log, store)
    log.ends[0], log.records[0] = 1, log.records[0][:1]
    with pytest.raises(GiveUp):
        land(log, store)


def test_expired_records_are_an_outcome_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    log, store = filled(4), FakeStore()
    land(log, store)
    for _ in range(6):
        log.append(b"{}", timestamp_ms=T0 + HOUR_MS)
    log.expire(7)
    report = land(log, store)
    assert (report.records, report.expired) == (3, 3)
    assert json.loads(store.content("expired/")[keys.expired(0, 0, 4)]) == {
        "log": 0,
        "partition": 0,
        "from": 4,
        "to": 7,
    }
    assert [record.levelname for record in caplog.records if "expired" in record.message] == ["ERROR"]
    assert land(log, store) == LandReport()


def test_a_whole_log_that_expired_is_an_outcome_too() -> None:
    log, store = filled(4), FakeStore()
    log.expire(4)
    assert land(log, store).expired == 4
    log.append(b"{}", timestamp_ms=T0)
    log.append(b"{}", timestamp_ms=T0)
    log.expire(5)
    store.delete(keys.head(0, 0))
    assert land(log, store).expired == 1
    assert landed(store) == [(0, 5)]
    assert len(store.content("expired/")) == 2


def test_records_that_expire_while_the_lander_reads_are_noticed() -> None:
    log, store = filled(9, every_ms=1), FakeStore()
    log.poll_limit = 2
    log.on_poll = lambda reader: log.expire(6) if reader.positions else None
    report = land(log, store, BatchLimits(records=100, bytes=1 << 20, age_s=9.0))
    assert (report.records, report.expired) == (5, 4)
    assert landed(store) == [(0, 0), (0, 1), (0, 6), (0, 7), (0, 8)]
    assert list(store.content("expired/")) == [keys.expired(0, 0, 2)]


def test_a_sleeper_does_not_land_what_the_chain_calls_expired() -> None:
    log, store = filled(6), FakeStore()
    outcome = b'{"log":0,"partition":0,"from":0,"to":4}'
    log.on_poll = lambda reader: store.put(keys.expired(0, 0, 0), outcome) if reader.positions else None
    log.poll_limit = 3
    assert land(log, store, BatchLimits(records=100, bytes=1 << 20, age_s=9.0)).records == 2
    assert landed(store) == [(0, 4), (0, 5)]


def test_a_quiet_partition_is_complete_until_its_end_was_seen() -> None:
    log, store = filled(2), FakeStore()
    land(log, store)
    assert head(store)["complete_until"] == "2025-11-26T18:59:59.000000Z"
    assert (head(store)["end"], head(store)["partition"], head(store)["log"]) == (2, 0, 0)


def test_a_partition_that_never_had_a_record_is_complete_too() -> None:
    log, store = filled(2, partitions=2), FakeStore()
    log.records[1], log.ends[1] = [], 0
    land(log, store)
    assert head(store, 1) == {
        "log": 0,
        "partition": 1,
        "end": 0,
        "object": None,
        "complete_until": "2025-11-26T18:59:59.000000Z",
    }


def test_memory_is_bounded_over_partitions() -> None:
    log, store = MemoryLog(8), FakeStore()
    for number in range(80):
        log.append(b'{"v":"%s"}' % (b"x" * 90), timestamp_ms=T0, partition=number % 8)
    report = land(log, store, BatchLimits(records=1000, bytes=300, age_s=9.0))
    assert landed(store) == expected(log)
    assert report.objects >= 80 * 98 // 700


def test_progress_counts_what_was_landed() -> None:
    log, store, seen = filled(10), FakeStore(), list[int]()
    lander(log, store).run(threading.Event(), once=True, on_landed=seen.append)
    assert seen == [4, 4, 2]


def test_land_tells_the_lake_how_many_partitions_the_log_has() -> None:
    store = FakeStore()
    land(filled(2, partitions=3), store)
    assert Lake(store).manifest().partitions == 3
    assert [head(store, partition)["complete_until"] is None for partition in range(3)] == [False] * 3
