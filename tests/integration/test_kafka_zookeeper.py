"""The same path on Apache Kafka 3.9 registered in Apache ZooKeeper: made, sent, landed, told to the group."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.bronze_origins import origins
from services_kafka import Topics

from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import GROUP, Lander
from loginlake.lake.by_url import open_store
from loginlake.lake.manifest import Lake
from services import kafka

pytestmark = pytest.mark.services


@pytest.fixture
def old_kafka(tmp_path: Path) -> Iterator[kafka.Kafka]:
    server = kafka.start(tmp_path / "kafka" / "data", kind="zookeeper")
    yield server
    server.stop()


def test_the_same_path_passes_on_zookeeper(old_kafka: kafka.Kafka, tmp_path: Path) -> None:
    assert old_kafka.zookeeper is not None
    topics = Topics(old_kafka.bootstrap)
    log = topics.new(4)
    store = open_store(f"file:{tmp_path / 'lake'}")
    sent = [log.send(b"user-%d" % n, b'{"n":%d}' % n) for n in range(500)]
    positions = sorted(future.result(240.0) for future in sent)
    report = Lander(log, Lake(store), BatchLimits(records=100), first_pause_s=0.05).run(threading.Event(), once=True)
    assert report.records == 500
    assert origins(store) == positions
    assert dict(log.committed(GROUP)) == {number: found.end for number, found in log.ranges().items() if found.end}
    assert log.identity() == topics.again(log.topic).identity()
    topics.remove()
