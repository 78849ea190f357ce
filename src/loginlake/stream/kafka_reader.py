"""The Kafka log's `Reader`: a member of a group by the classic protocol, cooperative, that begins where it is told.

librdkafka's callbacks run inside `consume`. They only note what came and went; a partition that came is begun at the
next turn of the loop, where `start` may fail and be asked again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from loginlake.errors import GiveUp, LoginlakeError, Unavailable
from loginlake.stream.kafka_client import NOT_FOUND, Causes, Limits, Options
from loginlake.stream.kafka_side import make_consumer, to_records
from loginlake.stream.log import Range, Record

logger = logging.getLogger(__name__)
_SLICE_S = 0.1
_FETCH_KB = 16 * 1024


class Look(Protocol):
    """What a reader asks about its topic, apart from its group."""

    def check(self) -> None:
        """Raise when the topic is not there, or is another one than at first."""
        ...

    def ranges(self, partitions: Iterable[int]) -> Mapping[int, Range]:
        """The readable ranges of some partitions."""
        ...


class KafkaReader:
    """One member of a group; see the port `Reader`."""

    def __init__(
        self,
        topic: str,
        group: str,
        start: Callable[[int], int],
        limits: Limits,
        options: Callable[[Causes], Options],
        look: Look,
    ) -> None:
        """`options` are those of every client, reporting to the causes given."""
        self._topic, self._group, self._start, self._limits = topic, group, start, limits
        self._options, self._look = options, look
        self._lock = threading.Lock()  # only against a close() from another thread
        self._causes = Causes()
        self._consumer: Consumer | None = None
        self._next: dict[int, int] = {}  # held and begun: the offset after the last record handed out
        self._came: set[int] = set()  # held, not yet begun
        self._astray: set[int] = set()  # begun, but the log has nothing at the offset
        self._error: LoginlakeError | None = None
        self._missing = False  # the topic, says the client
        self.closed = False

    def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """See the port. Returns as soon as there is a record."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._lock:
                consumer = self._joined()
                self._raise_kept()
                self._begin(consumer)
                left = deadline - time.monotonic()
                records = self._records(self._consume(consumer, max_records, max(0.0, min(left, _SLICE_S))))
                if not records and left <= 0:
                    self._raise_kept()
                    self._look_for_brokers()
            if records or left <= 0:
                return records

    def assigned(self) -> frozenset[int]:
        """See the port; as of the last poll."""
        return frozenset(self._next)

    def commit(self, ends: Mapping[int, int]) -> None:
        """See the port."""
        with self._lock:
            held = [TopicPartition(self._topic, number, end) for number, end in ends.items() if number in self._next]
            if held and self._consumer is not None:
                self._commit(self._consumer, held)

    def close(self) -> None:
        """See the port. Idempotent, and safe from another thread than the polling one."""
        with self._lock:
            if not self.closed:
                self.closed = True
                if self._consumer is not None:
                    self._consumer.close()

    def _joined(self) -> Consumer:
        if self.closed:
            raise GiveUp("The reader is closed.", "Its log was closed, or it left the group.", "Subscribe again.")
        if self._consumer is None:
            self._look.check()
            consumer = make_consumer(self._options(self._causes) | self._member_options())
            came, went = self._on_assign, self._on_revoke
            consumer.subscribe([self._topic], on_assign=came, on_revoke=went, on_lost=went)
            self._consumer = consumer
        return self._consumer

    def _member_options(self) -> Options:
        return {
            "group.id": self._group,
            # group.protocol=consumer would hang against brokers with ZooKeeper
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": int(self._limits.session_s * 1000),
            "heartbeat.interval.ms": int(self._limits.session_s * 300),
            "queued.max.messages.kbytes": _FETCH_KB,
        }

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._came.update(place.partition for place in partitions)
        consumer.incremental_assign([])  # or librdkafka would begin at the group's offset by itself

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {place.partition for place in partitions}
        begun = gone & self._next.keys()
        self._came -= gone
        self._astray -= gone
        for number in begun:
            del self._next[number]
        consumer.incremental_unassign([TopicPartition(self._topic, number) for number in sorted(begun)])

    def _begin(self, consumer: Consumer) -> None:
        """Begin what came at `start`, and what strayed (its records expired) at the log's first offset."""
        if not self._came and not self._astray:
            return
        self._look.check()
        # `start` before the range: another member may have landed what came meanwhile.
        at = {number: self._start(number) for number in sorted(self._came)}
        at |= {number: self._next[number] for number in sorted(self._astray)}
        ranges = self._look.ranges(at)
        places = {number: self._inside(number, offset, ranges[number]) for number, offset in at.items()}
        consumer.incremental_unassign([TopicPartition(self._topic, number) for number in sorted(self._astray)])
        consumer.incremental_assign([TopicPartition(self._topic, *place) for place in places.items()])
        self._next |= places
        self._came.clear()
        self._astray.clear()

    def _inside(self, number: int, at: int, found: Range) -> int:
        if at > found.end:
            raise GiveUp(
                f"Partition {number} should be read from offset {at}, but the log ends at {found.end}.",
                f"The topic {self._topic} lost its end, or it is another one than the one read before.",
                "Bring the right topic back; or start a new lake, or tell the lake of its new log.",
            )
        return max(at, found.begin)

    def _consume(self, consumer: Consumer, most: int, timeout_s: float) -> list[Message]:
        """What is there, or the first that comes and what is there then: `consume` alone waits for all it may take."""
        found = consumer.consume(most, 0.0)
        if not found and timeout_s > 0 and not self._came:
            found = consumer.consume(1, timeout_s)
            if found and most > 1:
                found += consumer.consume(most - 1, 0.0)
        return found

    def _records(self, messages: Sequence[Message]) -> list[Record]:
        """The records among them, without those of partitions that went away meanwhile."""
        failed = [message for message in messages if message.error() is not None]
        for message in failed:
            self._keep(message, cast("KafkaError", message.error()))
        records = to_records([message for message in messages if message.error() is None] if failed else messages)
        ends = {record.partition: record.offset + 1 for record in records}  # the last one of each stays
        if not ends.keys() <= self._next.keys():
            records = [record for record in records if record.partition in self._next]
            ends = {partition: end for partition, end in ends.items() if partition in self._next}
        self._next |= ends
        if records:
            self._causes.clear()
        return records

    def _keep(self, message: Message, error: KafkaError) -> None:
        """An error that came instead of a record is raised when no record is in hand."""
        number = message.partition()
        if error.code() in _ASTRAY and number in self._next:
            self._astray.add(number)
        elif error.code() == KafkaError._MAX_POLL_EXCEEDED:
            logger.warning("This reader was busy for too long and lost its partitions; it joins again.")
        elif error.code() in NOT_FOUND:
            self._missing = True
        else:
            self._error = self._causes.error(f"The topic {self._topic} could not be read.", error)

    def _raise_kept(self) -> None:
        if self._missing:
            self._missing = False
            self._look.check()
            raise Unavailable(f"The topic {self._topic} could not be read.", "It has no leader now.", "Look at Kafka.")
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _look_for_brokers(self) -> None:
        """A consumer without brokers just waits: ask, so that the caller hears of it."""
        if self._causes.down:
            self._look.check()
            self._causes.clear()

    def _commit(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        what = f"The group {self._group} could not be told its offsets."
        try:
            done = consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() in _NOT_HELD:
                return
            found = self._causes.error(what, error.args[0])
            raise Unavailable(found.what, found.why, found.next_move) from None
        for place in done or ():
            if place.error is not None and place.error.code() not in _NOT_HELD:
                raise Unavailable(what, place.error.str(), "The next commit covers it.")


_ASTRAY = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})
_NOT_HELD = frozenset(
    {
        KafkaError._NO_OFFSET,
        KafkaError._ASSIGNMENT_LOST,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
    }
)
