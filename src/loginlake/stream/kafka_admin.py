"""Asks a Kafka cluster about topics, and makes them. Every answer comes within `Limits.call_s`, with its cause."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclOperation,
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicDescription,
)

from loginlake.errors import LoginlakeError, Misconfigured
from loginlake.stream.kafka_client import DEFAULT_LIMITS, PLAINTEXT, Causes, Limits, Security, common_options

_Answer = TypeVar("_Answer")
_SLICE_S = 0.05
_NO_ID = "A" * 22
_NEEDED = {"read": AclOperation.READ, "write": AclOperation.WRITE}
_REFUSED = frozenset(
    {KafkaError.INVALID_REPLICATION_FACTOR, KafkaError.INVALID_PARTITIONS, KafkaError.INVALID_CONFIG}
    | {KafkaError.POLICY_VIOLATION, KafkaError.INVALID_REQUEST, KafkaError.TOPIC_EXCEPTION}
)


@dataclass(frozen=True, slots=True)
class Described:
    """A topic as it is: its unchanging id, partitions, the fewest replicas of one, whether all have leaders."""

    id: str
    partitions: int
    replication: int
    led: bool


class KafkaAdmin:
    """Thread-safe; connects at the first call. Raises Unavailable, Denied or Misconfigured."""

    def __init__(self, bootstrap: str, security: Security = PLAINTEXT, limits: Limits = DEFAULT_LIMITS) -> None:
        """Touch nothing yet."""
        self._bootstrap, self._security, self._limits = bootstrap, security, limits
        self._causes = Causes()
        self._lock = threading.Lock()
        self._client: AdminClient | None = None

    def describe(self, topic: str) -> Described | None:
        """The topic; None when there is none. Makes none, whatever the brokers' settings."""
        what = f"The topic {topic} could not be looked up."
        asked = self._admin().describe_topics(TopicCollection([topic]), request_timeout=self._limits.call_s)
        try:
            found: TopicDescription = self._wait(what, asked[topic])
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            raise self._causes.error(what, error.args[0]) from None
        replicas = [len(partition.replicas) for partition in found.partitions]
        return Described(
            id=self._identity(topic, str(found.topic_id)),
            partitions=len(replicas),
            replication=min(replicas, default=0),
            led=all(partition.leader is not None for partition in found.partitions),
        )

    def settings(self, topic: str) -> dict[str, str]:
        """The topic's settings, defaults included."""
        what = f"The settings of the topic {topic} could not be read."
        resource = ConfigResource(ResourceType.TOPIC, topic)
        asked = self._admin().describe_configs([resource], request_timeout=self._limits.call_s)
        entries = self._translated(what, asked[resource])
        return {name: str(entry.value) for name, entry in entries.items()}

    def lacking(self, topic: str) -> list[str]:
        """What this user may not do with the topic, of "read" and "write"; nothing where the brokers do not tell."""
        what = f"The rights to the topic {topic} could not be looked up."
        asked = self._admin().describe_topics(
            TopicCollection([topic]), include_authorized_operations=True, request_timeout=self._limits.call_s
        )
        told = self._translated(what, asked[topic]).authorized_operations
        return [name for name, operation in _NEEDED.items() if operation not in told] if told else []

    def create(self, topic: str, partitions: int, replication: int, settings: Mapping[str, str]) -> bool:
        """Make a topic; False when it is there already."""
        what = f"The topic {topic} could not be made."
        new = NewTopic(topic, partitions, replication, config=dict(settings))
        asked = self._admin().create_topics([new], request_timeout=self._limits.call_s)
        try:
            self._wait(what, asked[topic])
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            if error.args[0].code() in _REFUSED:
                raise Misconfigured(what, f"Kafka says: {error.args[0].str()}", "Choose what it takes.") from None
            raise self._causes.error(what, error.args[0]) from None
        self._await_leaders(topic)
        return True

    def delete(self, topic: str) -> None:
        """Remove a topic and every record in it. Only tests do."""
        asked = self._admin().delete_topics([topic], request_timeout=self._limits.call_s)
        self._translated(f"The topic {topic} could not be deleted.", asked[topic])

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Drop a partition's records before an offset. Only tests do."""
        place = TopicPartition(topic, partition, offset)
        asked = self._admin().delete_records([place], request_timeout=self._limits.call_s)
        self._translated(f"Records of the topic {topic} could not be deleted.", asked[place])

    def _admin(self) -> AdminClient:
        with self._lock:
            if self._client is None:
                options = common_options(self._bootstrap, self._security, self._limits, self._causes)
                self._client = AdminClient(options)
            return self._client

    def _await_leaders(self, topic: str) -> None:
        """Until every partition takes records, but no longer than an answer may take."""
        deadline = time.monotonic() + self._limits.call_s
        while time.monotonic() < deadline:
            found = self.describe(topic)
            if found is not None and found.led:
                return
            time.sleep(_SLICE_S)

    def _identity(self, topic: str, given: str) -> str:
        """Kafka's topic id. Where the cluster has none (Event Hubs), its own id and the topic's name."""
        if given != _NO_ID:
            return given
        return f"{self._admin().cluster_id(self._limits.call_s)}/{topic}"

    def _translated(self, what: str, future: Future[_Answer]) -> _Answer:
        try:
            return self._wait(what, future)
        except KafkaException as error:
            raise self._causes.error(what, error.args[0]) from None

    def _wait(self, what: str, future: Future[_Answer]) -> _Answer:
        """The answer, or as soon as it is known why none will come; then the next call is made by a new client.

        A client asks the broker that it took for the controller, for minutes after that broker was lost.
        """
        try:
            return self._answer(what, future)
        except KafkaException as error:
            if error.args[0].code() < 0:  # the client's own word, no broker's
                self._forget()
            raise
        except LoginlakeError:
            self._forget()
            raise

    def _forget(self) -> None:
        with self._lock:
            self._client = None

    def _answer(self, what: str, future: Future[_Answer]) -> _Answer:
        since = time.monotonic()
        deadline = since + self._limits.call_s + 1.0  # librdkafka's own time-out comes first
        while not wait([future], _SLICE_S).done:
            self._admin().poll(0)  # error_cb is called by this alone
            if reason := self._causes.hopeless(what, since):
                raise reason
            if time.monotonic() > deadline:
                raise self._causes.error(what)
        self._admin().poll(0)
        answer = future.result()
        self._causes.clear()
        return answer
