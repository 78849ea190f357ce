"""The real lander on a real Kafka: each record in bronze once, whatever becomes of group, offset and topic."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from fakes.bronze_origins import origins, wait_for
from fakes.whole_path import copy_lake
from services_kafka import Topics

from loginlake.bronze import agreement
from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import GROUP, Lander, LandReport, now_ms
from loginlake.errors import Diverged, GiveUp, UnknownLog
from loginlake.lake import keys, lines
from loginlake.lake.by_url import open_store
from loginlake.lake.manifest import Lake
from loginlake.lake.store import ObjectStore
from loginlake.stream.kafka import KafkaLog
from loginlake.stream.log import Position, Record

pytestmark = [pytest.mark.services, pytest.mark.drill]
LONG_S = 60.0
LIMITS = BatchLimits(records=100, age_s=3600.0)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(f"file:{tmp_path / 'lake'}")


@pytest.fixture
def log(topics: Topics) -> Iterator[KafkaLog]:
    made = topics.new(4)
    yield made
    made.close()


def fill(log: KafkaLog, count: int, first: int = 0) -> list[Position]:
    futures = [log.send(b"user-%d" % (n % 50), b'{"n":%d}' % n) for n in range(first, first + count)]
    return [future.result(LONG_S) for future in futures]


def land(log: KafkaLog, store: ObjectStore, limits: BatchLimits = LIMITS) -> LandReport:
    return Lander(log, Lake(store), limits, first_pause_s=0.05).run(threading.Event(), once=True)


def test_what_is_sent_is_landed_once_and_told_to_the_group(log: KafkaLog, store: ObjectStore) -> None:
    sent = fill(log, 2000)
    assert land(log, store).records == 2000
    assert origins(store) == sorted(sent)
    assert dict(log.committed(GROUP)) == {number: found.end for number, found in log.ranges().items()}
    assert land(log, store).records == 0
    more = fill(log, 10, first=2000)
    assert land(log, store).records == 10
    assert origins(store) == sorted(sent + more)


def content(store: ObjectStore) -> dict[str, bytes]:
    return {entry.key: store.get(entry.key).data for entry in store.list("bronze/")}


def move_group(log: KafkaLog, offsets: Mapping[int, int]) -> None:
    """Tell the group other offsets, as a person does with Kafka's own tool."""
    meddler = log.subscribe(GROUP, lambda _: 0)
    while meddler.assigned() != offsets.keys():
        meddler.poll(1, 0.1)
    meddler.commit(offsets)
    meddler.close()
    assert dict(log.committed(GROUP)) == offsets


def at_moment(log: KafkaLog, moment_ms: int) -> dict[int, int]:
    """The offset of each partition's first record since a moment."""
    client = Consumer({"bootstrap.servers": log.bootstrap, "group.id": "by-moment"})
    asked = [TopicPartition(log.topic, number, moment_ms) for number in log.ranges()]
    found = {place.partition: place.offset for place in client.offsets_for_times(asked, timeout=LONG_S)}
    client.close()
    return found


@pytest.mark.parametrize("where", ["zero", "middle of an object", "an object's end - 1", "past the end", "a moment"])
def test_a_groups_offset_does_not_matter(log: KafkaLog, store: ObjectStore, where: str) -> None:
    sent = fill(log, 1000)
    land(log, store)
    sent += fill(log, 1000, first=1000)  # a second object a partition, or more
    ends = {number: found.end for number, found in log.ranges().items()}
    first = {number: min(LIMITS.records, end) for number, end in ends.items()}
    land(log, store)
    landed = content(store)
    moved = {
        "zero": dict.fromkeys(ends, 0),
        "middle of an object": {number: end // 2 for number, end in first.items()},
        "an object's end - 1": {number: end - 1 for number, end in first.items()},
        "past the end": {number: end + 1000 for number, end in ends.items()},
        "a moment": {},
    }[where]
    if where == "a moment":
        record = log.read(sent[1500])
        assert record is not None
        moved = at_moment(log, record.timestamp_ms)
    move_group(log, moved)
    more = fill(log, 100, first=2000)
    assert land(log, store).records == 100
    assert origins(store) == sorted(sent + more)
    assert landed.items() <= content(store).items(), "every object is what it was"


def test_a_lost_group_does_not_matter(log: KafkaLog, store: ObjectStore) -> None:
    sent = fill(log, 1000)
    land(log, store)
    landed = content(store)
    admin = AdminClient({"bootstrap.servers": log.bootstrap})
    admin.delete_consumer_groups([GROUP], request_timeout=LONG_S)[GROUP].result()
    assert dict(log.committed(GROUP)) == {}
    more = fill(log, 100, first=1000)
    assert land(log, store).records == 100
    assert origins(store) == sorted(sent + more)
    assert landed.items() <= content(store).items()


def test_a_stored_object_with_other_content_is_a_clear_stop(log: KafkaLog, store: ObjectStore) -> None:
    """Somebody put an object of other records where the chain goes on: both stay, and the lander says so."""
    fill(log, 200)
    land(log, store)
    ahead = open_store("memory:")
    copy_lake(store, ahead)
    fill(log, 200, first=200)
    land(log, ahead)
    taken = min(content(ahead).keys() - content(store).keys())
    foreign = lines.encode([line.replace(b'"n":', b'"m":') for line in decoded(ahead, taken)])
    store.create(taken, foreign)
    before = content(store)
    with pytest.raises(Diverged):
        land(log, store)
    assert store.get(taken).data == foreign
    assert before.items() <= content(store).items()


def decoded(store: ObjectStore, key: str) -> list[bytes]:
    return lines.split(lines.decode(store.get(key).data))


def test_records_that_expired_before_they_landed_are_counted(
    topics: Topics, log: KafkaLog, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    sent = fill(log, 400)
    land(log, store)
    sent += fill(log, 400, first=400)
    begins = {number: found.end - 10 for number, found in log.ranges().items()}
    was = {number: sum(place.partition == number for place in sent[:400]) for number in begins}
    for number, begin in begins.items():
        topics.admin.delete_before(log.topic, number, begin)
    with caplog.at_level(logging.ERROR):
        report = land(log, store)
    assert report.expired == sum(begins[number] - was[number] for number in begins)
    assert report.records == 40
    kept = [place for place in sent if place.offset < was[place.partition] or place.offset >= begins[place.partition]]
    assert origins(store) == sorted(kept)
    assert "expired before they were landed" in caplog.text


def test_another_record_where_bronze_ends_stops_until_begun_again(log: KafkaLog, store: ObjectStore) -> None:
    """As a broker that was put back has it: the same topic id, other records."""
    fill(log, 400)
    land(log, store)
    key = max(entry.key for entry in store.list("bronze") if "/partition=2/" in entry.key)
    content = lines.split(lines.decode(store.get(key).data))
    name = keys.parse_bronze(key)
    for number in (0, -1):
        content[number] = content[number].replace(b'"value":{', b'"value":{"first":1,')
    store.put(key, lines.encode(content))
    assert agreement.differing(log, key, content) == [name.start, name.start + len(content) - 1]
    fill(log, 40, first=400)
    with pytest.raises(Diverged, match="of partition 2"):
        land(log, store)
    assert agreement.disagrees(log, store, 0, now_ms())
    assert Lake(store).begin_again(0) == 1
    assert land(log, store).records == 440
    assert not agreement.disagrees(log, store, 1, now_ms())


def test_records_that_expire_under_a_reader_are_jumped(topics: Topics, log: KafkaLog) -> None:
    sent = fill(log, 100)
    partition = sent[0].partition
    end = log.ranges()[partition].end
    slow = log.subscribe("slow", lambda _: 0)
    topics.admin.delete_before(log.topic, partition, end)
    seen: list[Record] = []
    while len(slow.assigned()) < 4 or len(seen) < sum(place.partition != partition for place in sent):
        seen += slow.poll(1000, 0.2)
    last = log.send(b"user-0", b"{}").result(LONG_S)
    assert last.partition == partition
    while (last.partition, last.offset) not in {(record.partition, record.offset) for record in seen}:
        seen += slow.poll(1000, 0.2)
    assert {record.offset for record in seen if record.partition == partition} == {last.offset}


def test_a_recreated_topic_is_another_log(topics: Topics, log: KafkaLog, store: ObjectStore) -> None:
    fill(log, 100)
    land(log, store)
    before, old = log.identity(), origins(store)
    topics.admin.delete(log.topic)
    wait_for(lambda: topics.admin.describe(log.topic) is None)
    topics.make(log.topic, 4)
    again = topics.again(log.topic)
    assert again.identity() != before
    fill(again, 500)
    with pytest.raises(UnknownLog):
        land(again, store)
    assert origins(store) == old


def test_a_topic_recreated_under_a_running_lander_stops_it(topics: Topics, log: KafkaLog, store: ObjectStore) -> None:
    sent = fill(log, 100)
    stop = threading.Event()
    lander = Lander(log, Lake(store), BatchLimits(records=100, age_s=0.1), first_pause_s=0.05)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(lander.run, stop)
        wait_for(lambda: origins(store) == sorted(sent))
        topics.admin.delete(log.topic)
        wait_for(lambda: topics.admin.describe(log.topic) is None)
        topics.make(log.topic, 4)
        fill(topics.again(log.topic), 500)
        error = running.exception(timeout=LONG_S)
    assert isinstance(error, GiveUp)
    assert origins(store) == sorted(sent)


def test_landers_join_and_leave_and_nothing_is_twice(topics: Topics, log: KafkaLog, store: ObjectStore) -> None:
    """Three members come and go while records arrive; a fourth lands what is left."""
    stops = [threading.Event() for _ in range(3)]
    logs = [topics.again(log.topic) for _ in stops]
    sent: list[Position] = []
    with ThreadPoolExecutor(3) as threads:
        runs = []
        for number, (stop, own) in enumerate(zip(stops, logs, strict=True)):
            lander = Lander(own, Lake(store), BatchLimits(records=50, age_s=0.2), first_pause_s=0.05)
            runs.append(threads.submit(lander.run, stop))
            sent += fill(log, 500, first=500 * number)
            half = len(sent) // 2
            wait_for(lambda half=half: len(origins(store)) > half)  # type: ignore[misc]
        for stop, run in zip(stops, runs, strict=True):
            sent += fill(log, 300, first=len(sent))
            stop.set()
            run.result(LONG_S)
    land(log, store)
    assert origins(store) == sorted(sent)
