"""The Kafka `EventLog`: one topic of Apache Kafka, or of what speaks its protocol (Event Hubs).

See kafka_client (security, errors), kafka_sender (append), kafka_side and kafka_reader (read), kafka_admin and topic
(the topic itself). confluent_kafka comes in by these files alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from loginlake.errors import GiveUp, UnknownLog
from loginlake.stream.kafka_admin import Described, KafkaAdmin
from loginlake.stream.kafka_client import (
    DEFAULT_LIMITS,
    PLAINTEXT,
    Causes,
    Limits,
    Options,
    Security,
    common_options,
    missing_topic,
    parse_url,
)
from loginlake.stream.kafka_reader import KafkaReader
from loginlake.stream.kafka_sender import Sender
from loginlake.stream.kafka_side import Side
from loginlake.stream.log import Headers, Position, Range, Reader, Record


class _Look(NamedTuple):
    """What the readers ask."""

    check: Callable[[], None]
    ranges: Callable[[Iterable[int]], Mapping[int, Range]]


class KafkaLog:
    """See the port `EventLog`. The topic must be there, with LogAppendTime: `ensure_topic` makes and checks it."""

    gaps = True

    def __init__(
        self, bootstrap: str, topic: str, security: Security = PLAINTEXT, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        """Touch nothing yet. `bootstrap` is HOST:PORT[,HOST:PORT]."""
        self.bootstrap, self.topic = bootstrap, topic
        self.security, self._limits = security, limits
        self._admin = KafkaAdmin(bootstrap, security, limits)
        self._sender = Sender(topic, limits, self._options)
        self._side = Side(topic, limits, self._options)
        self._lock = threading.Lock()
        self._readers: list[KafkaReader] = []
        self._first_id: str | None = None
        self._closed = False

    @classmethod
    def from_url(cls, url: str, security: Security = PLAINTEXT, limits: Limits = DEFAULT_LIMITS) -> KafkaLog:
        """Of kafka://HOST:PORT[,HOST:PORT]/TOPIC; Misconfigured for anything else."""
        return cls(*parse_url(url), security, limits)

    def identity(self) -> str:
        """See the port: the topic's id, asked anew each time, so a recreated topic is told."""
        found = self._described().id
        with self._lock:
            self._first_id = self._first_id or found
        return found

    def send(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Future[Position]:
        """See the port. Never waits; a missing topic is an Unavailable that says so (ask `identity` at the start)."""
        return self._sender.put(key, value, headers)

    def flush(self, timeout_s: float) -> None:
        """See the port."""
        self._sender.flush(timeout_s)

    def ranges(self) -> Mapping[int, Range]:
        """See the port. The end is what every replica in sync has."""
        return self._side.ranges(range(self._described().partitions))

    def read(self, position: Position) -> Record | None:
        """See the port."""
        self._check_open()
        return self._side.read(position)

    def scan(self, partition: int, begin: int, end: int, most: int) -> Sequence[Record]:
        """See the port."""
        self._check_open()
        return self._side.scan(partition, begin, end, most)

    def subscribe(self, group: str, start: Callable[[int], int]) -> Reader:
        """See the port. A member that is not heard of for `session_s` loses its partitions."""
        reader = KafkaReader(
            self.topic, group, start, self._limits, self._options, _Look(self._check_same, self._side.ranges)
        )
        with self._lock:
            self._readers = [*(known for known in self._readers if not known.closed), reader]
        return reader

    def committed(self, group: str) -> Mapping[int, int]:
        """See the port."""
        return self._side.committed(group, range(self._described().partitions))

    def close(self) -> None:
        """See the port. Idempotent."""
        with self._lock:
            self._closed = True
            readers, self._readers = self._readers, []
        self._sender.close()
        for reader in readers:
            reader.close()
        self._side.close()

    def _options(self, causes: Causes) -> Options:
        return common_options(self.bootstrap, self.security, self._limits, causes)

    def _described(self) -> Described:
        self._check_open()
        found = self._admin.describe(self.topic)
        if found is None:
            raise missing_topic(self.topic)
        return found

    def _check_same(self) -> None:
        """Raise UnknownLog when the topic is no longer the one of the first look: its offsets mean other records."""
        found = self.identity()
        if found != self._first_id:
            raise UnknownLog(
                f"The topic {self.topic} is another one than before.",
                "It was deleted and made again: its offsets stand for other records.",
                "Start a new lake, or tell the lake of its new log (`loginlake topic --new-log`).",
            )

    def _check_open(self) -> None:
        if self._closed:
            raise GiveUp(f"The log {self.topic} is closed.", "This program closed it.", "Open it again.")
