"""A log that is not the one that bronze was filled from: an older copy put back, a lost end, lost records."""

from __future__ import annotations

import copy
import threading

import pytest
from fakes.landing import HOUR_MS, T0, bronze, expected, filled, head, land, landed, lander
from fakes.memory_log import MemoryLog, MemoryReader
from fakes.object_store import FakeStore

from loginlake.bronze import agreement
from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import LandReport
from loginlake.errors import Corrupt, Diverged
from loginlake.lake import keys, lines
from loginlake.lake.manifest import Lake

NOW = T0 + 48 * HOUR_MS


def grown(log: MemoryLog, count: int, word: bytes) -> MemoryLog:
    """A copy of a log, which went on by itself."""
    other = copy.deepcopy(log)
    for number in range(count):
        other.append(b'{"%b":%d}' % (word, number), timestamp_ms=T0 + HOUR_MS + number, partition=0)
    return other


def put_back(more: int) -> tuple[MemoryLog, FakeStore]:
    """Ten records are landed; then a copy of the log that has six of them is put back, and gets `more` others."""
    backup, store = filled(6), FakeStore()
    land(grown(backup, 4, b"first"), store)
    return grown(backup, more, b"second"), store


def disagrees(log: MemoryLog, store: FakeStore) -> bool:
    return agreement.disagrees(log, store, 0, NOW)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (0, r"The log ends at offset 6 of partition 0, but bronze has it up to 9 \(bronze/.*00000006"),
        (3, r"The log ends at offset 9 of partition 0, but bronze has it up to 9"),
        (4, r"The log holds another record at offset 9 of partition 0 than bronze/.*jsonl.gz, the last object"),
        (9, r"The log holds another record at offset 9 of partition 0 than bronze/"),
    ],
)
def test_an_older_copy_of_the_log_stops_landing(more: int, said: str) -> None:
    log, store = put_back(more)
    before = store.content()
    with pytest.raises(Diverged, match=said) as caught:
        land(log, store)
    assert "loginlake topic --new-log" in caught.value.next_move
    assert store.content() == before
    with pytest.raises(Diverged, match=said):
        agreement.check_all(log, store, 0, NOW)
    assert disagrees(log, store)


def test_begun_again_it_is_landed_from_its_beginning_beside_what_was_there() -> None:
    log, store = put_back(9)
    before = bronze(store)
    assert Lake(store).begin_again(0) == 1
    assert Lake(store).begin_again(0) == 1  # said twice, done once
    assert land(log, store).records == 15
    after = bronze(store)
    assert {key: after[key] for key in before} == before
    assert sum(lines.count(lines.decode(data)) for key, data in after.items() if "/log=1/" in key) == 15
    assert land(log, store) == LandReport()
    assert not agreement.disagrees(log, store, 1, NOW)


def test_what_was_landed_before_this_was_looked_at_is_found_by_reading_all() -> None:
    backup, store = filled(6), FakeStore()
    log = grown(backup, 4, b"first")
    land(log, store)
    assert not disagrees(log, store)
    second = grown(grown(backup, 4, b"second"), 5, b"later")
    contents = {key: lines.split(lines.decode(data)) for key, data in bronze(store).items()}
    found = [offset for key, content in contents.items() for offset in agreement.differing(second, key, content)]
    assert found == [6, 7, 8, 9]


def test_a_last_record_that_expired_says_nothing() -> None:
    log, store = filled(10), FakeStore()
    land(log, store)
    log.append(b"{}", timestamp_ms=T0 + HOUR_MS)
    log.expire(10)
    assert not disagrees(log, store)
    assert land(log, store).records == 1


def test_a_last_record_that_was_erased_counts_as_equal() -> None:
    log, store = filled(3), FakeStore()
    land(log, store)
    (key,) = bronze(store)
    content = lines.split(lines.decode(store.get(key).data))
    content[2] = b'{"log":0,"partition":0,"offset":2,"timestamp":"2025-11-24T19:02:00.000000Z","erased":"r"}'
    store.put(key, lines.encode(content))
    assert land(log, store) == LandReport()
    assert not disagrees(log, store)


@pytest.mark.parametrize("change", ["value", "key", "headers", "time"])
def test_one_record_of_another_content_is_another_log(change: str) -> None:
    log, store = filled(3), FakeStore()
    land(log, store)
    record = log.records[0][1]
    other = {"value": b"{}", "key": None, "headers": [("a", b"b")], "timestamp_ms": record.timestamp_ms + 1}
    name = "timestamp_ms" if change == "time" else change
    fields = {field: getattr(record, field) for field in record.__struct_fields__} | {name: other[name]}
    log.records[0][1] = type(record)(**fields)
    (key,) = bronze(store)
    assert agreement.differing(log, key, lines.split(lines.decode(store.get(key).data))) == [1]


@pytest.mark.parametrize("removed", [1, 2])
def test_a_last_object_that_is_gone_is_landed_again(removed: int) -> None:
    log, store = filled(10), FakeStore()
    land(log, store)
    before = bronze(store)
    for key in list(before)[-removed:]:
        store.delete(key)
    assert land(log, store).objects == removed
    assert bronze(store) == before


def test_a_last_object_that_is_gone_from_the_log_too_stops_until_its_head_goes() -> None:
    log, store = filled(10), FakeStore()
    land(log, store)
    last = list(bronze(store))[-1]
    store.delete(last)
    log.append(b"{}", timestamp_ms=T0 + HOUR_MS)
    log.expire(10)
    with pytest.raises(Corrupt, match=f"{last}, the last of its chain, is gone") as caught:
        land(log, store)
    assert f"remove {keys.head(0, 0)}" in caught.value.next_move
    store.delete(keys.head(0, 0))
    assert land(log, store).expired == 2


def test_a_last_object_that_cannot_be_read_stops_and_can_be_removed() -> None:
    log, store = filled(10), FakeStore()
    land(log, store)
    before = bronze(store)
    last = list(before)[-1]
    store.put(last, before[last][:-9])
    with pytest.raises(Corrupt, match=f"{last}, the last of its chain, cannot be read"):
        land(log, store)
    store.delete(last)
    land(log, store)
    assert bronze(store) == before


def lose(log: MemoryLog, *offsets: int) -> None:
    log.gaps = False
    log.records[0] = [record for record in log.records[0] if record.offset not in offsets]


@pytest.mark.parametrize(("lost", "landed_before"), [((3, 4), 3), ((0,), 0), ((8, 9), 8)])
def test_a_log_without_gaps_that_lacks_records_stops(lost: tuple[int, ...], landed_before: int) -> None:
    log, store = filled(10), FakeStore()
    lose(log, *lost)
    with pytest.raises(Corrupt, match=f"no records {lost[0]} to {lost[-1]} of partition 0"):
        land(log, store, BatchLimits(records=1, bytes=1 << 20, age_s=1.0))
    assert [offset for _, offset in landed(store)][:landed_before] == list(range(landed_before))
    assert max((offset for _, offset in landed(store)), default=-1) < lost[0]


def test_records_of_a_log_without_gaps_may_expire_before_and_after_they_are_read() -> None:
    log, store = filled(10), FakeStore()
    lose(log)
    log.expire(2)
    log.poll_limit = 2
    log.on_poll = lambda reader: log.expire(6) if reader.positions else None
    report = land(log, store)
    assert report.expired + report.records == 10
    assert landed(store)[-4:] == [(0, 6), (0, 7), (0, 8), (0, 9)]


def test_a_log_that_loses_its_end_under_a_running_lander_stops_it() -> None:
    log, store = filled(4), FakeStore()

    def lose_end(_: MemoryReader) -> None:
        if landed(store):
            log.ends[0] = 2

    log.on_poll = lose_end
    running = lander(log, store)
    running.head_refresh_s = 0.0
    with pytest.raises(Diverged, match="The log ends at offset 2"):
        running.run(threading.Event())


def test_a_head_is_complete_until_now_at_most() -> None:
    log, store = MemoryLog(), FakeStore()
    log.append(b"{}", timestamp_ms=NOW + 365 * 24 * HOUR_MS)
    land(log, store)
    assert head(store)["complete_until"] == "2025-11-26T19:00:00.000000Z"
    assert landed(store) == expected(log)
