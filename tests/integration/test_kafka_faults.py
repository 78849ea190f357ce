"""A Kafka that is killed, or stands still, in the middle of everything: nothing lost, nothing twice."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from fakes.bronze_origins import origins, wait_for
from services_kafka import Topics

from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import Lander
from loginlake.errors import Unavailable
from loginlake.lake.by_url import open_store
from loginlake.lake.manifest import Lake
from loginlake.stream.kafka import KafkaLog
from loginlake.stream.kafka_client import Limits
from loginlake.stream.log import Position
from services.kafka import Kafka

pytestmark = [pytest.mark.services, pytest.mark.drill]
LONG_S = 60.0
RECORDS = 20_000


@pytest.fixture
def own_log(own_kafka: Kafka) -> KafkaLog:
    return Topics(own_kafka.bootstrap).new(4)


def values(log: KafkaLog) -> list[bytes | None]:
    """Every record's value."""
    ranges = log.ranges()
    reader = log.subscribe("count", lambda _: 0)
    found: list[bytes | None] = []
    while len(found) < sum(each.end - each.begin for each in ranges.values()):
        found += [record.value for record in reader.poll(1000, 1.0)]
    reader.close()
    return found


def test_a_broker_killed_mid_produce_loses_and_doubles_nothing(own_kafka: Kafka, own_log: KafkaLog) -> None:
    """Records are sent without a stop before, while and after the broker is away."""
    futures: list[Future[Position]] = []
    back = threading.Event()

    def send() -> None:
        while not (back.is_set() and len(futures) >= RECORDS):
            number = len(futures)
            futures.append(own_log.send(b"user-%d" % (number % 97), b"%d" % number))
            if number % 100 == 0:
                back.wait(0.01)

    with ThreadPoolExecutor(1) as threads:
        sending = threads.submit(send)
        wait_for(lambda: len(futures) > RECORDS // 10 and futures[0].done())
        own_kafka.kill_and_restart(lambda: wait_for(lambda: not futures[-1].done()))
        back.set()
        sending.result(LONG_S)
    positions = [future.result(LONG_S) for future in futures]
    assert len(set(positions)) == len(futures)
    assert sorted(values(own_log), key=lambda value: int(value or b"-1")) == [b"%d" % n for n in range(len(futures))]
    own_log.close()


def test_landing_goes_on_after_the_broker_was_killed(own_kafka: Kafka, own_log: KafkaLog, tmp_path: Path) -> None:
    store = open_store(f"file:{tmp_path / 'lake'}")
    stop = threading.Event()
    lander = Lander(own_log, Lake(store), BatchLimits(records=200, age_s=0.2), first_pause_s=0.05)
    sent = [own_log.send(b"user-%d" % n, b"{}") for n in range(500)]
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(lander.run, stop)
        wait_for(lambda: len(origins(store)) > 0)
        own_kafka.kill_and_restart()
        sent += [own_log.send(b"user-%d" % n, b"{}") for n in range(500)]
        places = sorted(future.result(LONG_S) for future in sent)
        wait_for(lambda: origins(store) == places)
        stop.set()
        running.result(LONG_S)
    own_log.close()


def test_a_broker_that_is_away_is_told_and_waited_for(own_kafka: Kafka, own_log: KafkaLog) -> None:
    reader = own_log.subscribe("g", lambda _: 0)
    first = own_log.send(b"k", b"1").result(LONG_S)
    while not reader.poll(1, 0.5):
        pass
    short = KafkaLog(own_log.bootstrap, own_log.topic, limits=Limits(delivery_s=1.0, call_s=2.0))
    short.send(b"k", b"2").result(LONG_S)

    def away() -> None:
        with pytest.raises(Unavailable):
            short.send(b"k", b"lost").result(LONG_S)
        with pytest.raises(Unavailable):
            own_log.identity()
        with pytest.raises(Unavailable):
            while True:
                reader.poll(1, 0.5)
        with pytest.raises(Unavailable):
            reader.commit({first.partition: 1})

    own_kafka.kill_and_restart(away)
    own_log.send(b"k", b"3").result(LONG_S)
    seen: list[bytes | None] = []

    def back() -> bool:
        try:
            seen.extend(record.value for record in reader.poll(10, 0.5))
        except Unavailable:
            return False
        return b"3" in seen

    wait_for(back)
    reader.commit({first.partition: 3})
    assert dict(own_log.committed("g")) == {first.partition: 3}
    assert seen in ([b"2", b"3"], [b"1", b"2", b"3"])  # the latter when the group gave the reader up meanwhile
    short.close()
    own_log.close()


def test_a_broker_that_stands_still_is_unavailable_and_comes_back(own_kafka: Kafka, own_log: KafkaLog) -> None:
    log = KafkaLog(own_log.bootstrap, own_log.topic, limits=Limits(delivery_s=2.0, call_s=2.0))
    before = log.send(b"k", b"1").result(LONG_S)
    own_kafka.child.pause()
    stuck = log.send(b"k", b"2")
    with pytest.raises(Unavailable):
        stuck.result(LONG_S)
    with pytest.raises(Unavailable):
        log.identity()
    own_kafka.child.go_on()
    after = []

    def back() -> bool:
        future = log.send(b"k", b"3")
        wait([future])
        try:
            log.ranges()
            after.append(future.result())
        except Unavailable:
            return False
        return True

    wait_for(back)
    assert after[0].offset > before.offset
    assert values(log).count(b"1") == 1
    log.close()
    own_log.close()
