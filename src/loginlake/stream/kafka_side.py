"""Short questions to the Kafka log, apart from any group: the range of a partition, records, a group's offsets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, KafkaException, Message, TopicPartition

from loginlake.errors import LoginlakeError, Misconfigured, Unavailable
from loginlake.stream.kafka_client import NOT_FOUND, Causes, Limits, Options
from loginlake.stream.log import Position, Range, Record

_PAUSE_S = 0.1
# A partition that was just made, or is changing its leader: it passes in a moment.
_MOVING = NOT_FOUND | {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.OFFSET_NOT_AVAILABLE,
}
SIDE_GROUP = "loginlake-side"  # joins nothing, commits nothing


class Side:
    """One consumer that belongs to no group, used by one thread at a time. Connects at the first question."""

    def __init__(self, topic: str, limits: Limits, options: Callable[[Causes], Options]) -> None:
        """`options` are those of every client, reporting to the causes given."""
        self._topic, self._limits, self._options = topic, limits, options
        self._lock = threading.Lock()
        self._causes = Causes()
        self._consumer: Consumer | None = None

    def ranges(self, partitions: Iterable[int]) -> dict[int, Range]:
        """The readable range of each."""
        with self._lock:
            deadline = time.monotonic() + self._limits.call_s
            return {number: self._range(self._client(), number, deadline) for number in partitions}

    def read(self, position: Position) -> Record | None:
        """The record at a position; None where there is none."""
        partition, offset = position
        return next(iter(self.scan(partition, offset, offset + 1, 1)), None)

    def scan(self, partition: int, begin: int, end: int, most: int) -> list[Record]:
        """The first records of a partition from an offset up to, without, another."""
        with self._lock:
            consumer = self._client()
            deadline = time.monotonic() + self._limits.call_s
            first, last = self._range(consumer, partition, deadline)
            begin, end = max(begin, first), min(end, last)
            if begin >= end:
                return []
            consumer.assign([TopicPartition(self._topic, partition, begin)])
            try:
                return self._await(consumer, end, most, deadline)
            finally:
                consumer.unassign()

    def committed(self, group: str, partitions: Iterable[int]) -> dict[int, int]:
        """What a group has committed. (Admin's own call for it can kill the process: librdkafka issue 5040.)"""
        causes = Causes()
        consumer = make_consumer(self._options(causes) | {"group.id": group})
        asked = [TopicPartition(self._topic, number) for number in partitions]
        try:
            found = consumer.committed(asked, timeout=self._limits.call_s)
            for place in found:
                if place.error is not None:
                    raise KafkaException(place.error)
        except KafkaException as error:
            consumer.poll(0)
            raise causes.error(f"The offsets of the group {group} could not be read.", error.args[0]) from None
        finally:
            consumer.close()
        return {place.partition: place.offset for place in found if place.offset >= 0}

    def close(self) -> None:
        """Let the consumer go."""
        with self._lock:
            if self._consumer is not None:
                self._consumer.close()
                self._consumer = None

    def _client(self) -> Consumer:
        if self._consumer is None:
            own = {"group.id": SIDE_GROUP, "enable.partition.eof": True, "fetch.wait.max.ms": 10}
            self._consumer = make_consumer(self._options(self._causes) | own)
        return self._consumer

    def _range(self, consumer: Consumer, partition: int, deadline: float) -> Range:
        """Asked of the partition's leader, until a moment (monotonic)."""
        what = f"The range of partition {partition} of {self._topic} could not be read."
        place = TopicPartition(self._topic, partition)
        while True:
            left = max(0.1, deadline - time.monotonic())
            try:
                found = consumer.get_watermark_offsets(place, timeout=left, cached=False)
            except KafkaException as error:
                if error.args[0].code() in _MOVING and left > _PAUSE_S:
                    time.sleep(_PAUSE_S)
                    continue
                consumer.poll(0)  # error_cb is called by this alone
                raise self._untold(what, error.args[0]) from None
            if found is None:
                raise self._causes.error(what)
            self._causes.clear()
            return Range(*found)

    def _untold(self, what: str, error: KafkaError) -> LoginlakeError:
        """Whether the topic is there is asked before; here it only has no leader."""
        if error.code() in _MOVING:
            return Unavailable(what, "It has no leader now.", "Look at the brokers.")
        return self._causes.error(what, error)

    def _await(self, consumer: Consumer, end: int, most: int, deadline: float) -> list[Record]:
        """What comes from where the consumer is, until the end, the number, or the moment (monotonic) is reached."""
        records: list[Record] = []
        while time.monotonic() < deadline:
            found = consumer.consume(1, 0.1)  # the first alone: `consume` waits for all that it may take
            for message in [*found, *consumer.consume(most - 1, 0.0)] if most > 1 else found:
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise self._untold(_unread(self._topic), error)
                if error is not None or cast("int", message.offset()) >= end:
                    return records
                records += to_records([message])
                if len(records) == most or records[-1].offset == end - 1:
                    return records
        if records:
            return records
        raise self._causes.error(_unread(self._topic))


def make_consumer(options: Options) -> Consumer:
    """A consumer that commits nothing and chooses no offset by itself; Misconfigured for options it does not take."""
    fixed: Options = {"enable.auto.commit": False, "enable.auto.offset.store": False, "auto.offset.reset": "error"}
    try:
        return Consumer(options | fixed)
    except KafkaException as error:
        raise Causes().error("Kafka's consumer could not be made.", error.args[0]) from None


def to_records(messages: Sequence[Message]) -> list[Record]:
    """Messages as the port has them; Misconfigured for a topic whose timestamps are not the log's own."""
    stamps = [message.timestamp() for message in messages]
    if any(kind != TIMESTAMP_LOG_APPEND_TIME for kind, _ in stamps):
        raise Misconfigured(
            f"The topic {messages[0].topic()} keeps its producers' times, not the time of arrival.",
            "Its message.timestamp.type is not LogAppendTime.",
            "Look at it with `loginlake topic`, set it, and land what comes after.",
        )
    return [
        Record(one.partition(), one.offset(), timestamp_ms, one.key(), one.value(), one.headers() or ())  # type: ignore[arg-type]
        for one, (_, timestamp_ms) in zip(messages, stamps, strict=True)
    ]


def _unread(topic: str) -> str:
    return f"A record of {topic} could not be read."
