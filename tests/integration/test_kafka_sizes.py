"""What fits where on Kafka: what the web answers 2xx for fits the topic; what only another producer can send lands."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer
from fakes.object_store import FakeStore
from fakes.silver_messages import RULES, signin
from services_kafka import Topics

from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import Lander
from loginlake.errors import TooLarge
from loginlake.event import HEADERS, rfc3339
from loginlake.lake import lines
from loginlake.lake.manifest import Lake
from loginlake.silver.clean import clean
from loginlake.stream.embedded_reader import encode_headers
from loginlake.stream.kafka import KafkaLog
from loginlake.stream.spool import SpooledLog
from loginlake.stream.spool_file import size_of
from loginlake.stream.spool_record import SpoolLimits
from loginlake.stream.topic import Topic

pytestmark = pytest.mark.services
LONG_S = 120.0
KEY = b"google|1001"
MOST = SpoolLimits().max_message_bytes - size_of(KEY, encode_headers(HEADERS))
TOPIC_MOST = int(Topic("t").settings()["max.message.bytes"])


def event_of(size: int, name: str) -> bytes:
    """A good sign-in of exactly so many bytes."""
    made = signin(id=name, time=rfc3339(datetime.now(UTC)))
    text = json.dumps(made)
    made["data"]["user_agent"] += "x" * (size - len(text))
    return json.dumps(made).encode()


def through_clean(log: KafkaLog) -> tuple[list[str], list[str]]:
    """The ids in silver and the reasons in rejected, once all is landed and cleaned."""
    store = FakeStore()
    Lander(log, Lake(store), BatchLimits()).run(threading.Event(), once=True)
    clean(store, RULES)
    rows = {
        top: [json.loads(line) for data in store.content(top).values() for line in lines.decode(data).splitlines()]
        for top in ("silver/", "rejected/")
    }
    return sorted(row["id"] for row in rows["silver/"]), [row["reason"] for row in rows["rejected/"]]


def test_the_largest_event_that_the_spool_takes_fits_the_topic(topics: Topics, tmp_path: Path) -> None:
    log = topics.new(1)
    with closing(SpooledLog(log, tmp_path, limits=SpoolLimits(slow_s=LONG_S))) as spooled:  # Kafka itself is to take it
        largest = spooled.send(KEY, event_of(MOST, "largest"), HEADERS)
        with pytest.raises(TooLarge):
            spooled.send(KEY, event_of(MOST + 1, "larger"), HEADERS).result(LONG_S)
        assert largest.result(LONG_S).partition == 0
    assert through_clean(topics.again(log.topic)) == (["largest"], [])


def test_a_larger_one_is_refused_by_the_log_and_the_next_one_passes(topics: Topics) -> None:
    log = topics.new(1)
    with pytest.raises(TooLarge, match=r"max\.message\.bytes"):
        log.send(KEY, b"x" * 1_000_001).result(LONG_S)
    assert log.send(KEY, b"{}").result(LONG_S).offset == 0


def test_what_another_producer_packs_tighter_lands_and_is_judged_by_its_size(topics: Topics) -> None:
    """Kafka bounds a batch as it is sent: a value of 8 MB passes compressed. As it is, none over clean's bound does."""
    log = topics.new(1)
    failed: list[object] = []
    common = {"bootstrap.servers": topics.bootstrap, "message.max.bytes": 20_000_000}
    for kind, size in (("gzip", 8_000_000), ("none", TOPIC_MOST - 1_000), ("none", TOPIC_MOST)):
        producer = Producer({**common, "compression.type": kind})
        producer.produce(
            log.topic, event_of(size, f"{kind} {size}"), KEY, on_delivery=lambda error, _: failed.append(error)
        )
        producer.flush(LONG_S)
    assert [error is None for error in failed] == [True, True, False]
    assert through_clean(log) == ([f"none {TOPIC_MOST - 1_000}"], ["too_large"])
