"""The producing side of the Kafka log: one idempotent producer, whose delivery reports end the futures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from loginlake.errors import LoginlakeError, Overloaded, TooLarge, Unavailable
from loginlake.stream.kafka_client import Causes, Limits, Options
from loginlake.stream.log import Headers, Position

logger = logging.getLogger(__name__)
_WHAT = "The record was not confirmed by Kafka."
_POLL_S = 0.1
_BATCH_BYTES = 1_000_000


class Sender:
    """Thread-safe. Nothing connects before the first record."""

    def __init__(self, topic: str, limits: Limits, options: Callable[[Causes], Options]) -> None:
        """`options` are those of every client, reporting to the causes given."""
        self._topic, self._limits, self._options = topic, limits, options
        self._lock = threading.RLock()  # `with` takes it, never the condition: see embedded_writer
        self._changed = threading.Condition(self._lock)
        self._lane: _Lane | None = None
        self._sent = self._done = 0
        self._closed = False

    def put(self, key: bytes | None, value: bytes | None, headers: Headers) -> Future[Position]:
        """Hand a record to the producer; it never waits."""
        future: Future[Position] = Future()
        future.set_running_or_notify_cancel()  # a caller that stops waiting must not stop the record
        try:
            with self._lock:
                lane = self._usable_lane()
                lane.produce(self._topic, key, value, headers, partial(self._settle, future, lane.causes))
                self._sent += 1
        except LoginlakeError as error:
            future.set_exception(error)
        return future

    def flush(self, timeout_s: float) -> None:
        """See the port."""
        with self._lock:
            target = self._sent
            if not self._changed.wait_for(lambda: self._done >= target, timeout_s):
                left = target - self._done
                why = f"Kafka did not confirm them within {timeout_s:g} s."
                raise Unavailable(f"{left} records are not yet durable.", why, "Wait longer; look at the brokers.")

    def close(self) -> None:
        """Wait for what was sent (each record ends within `delivery_s`), then end the producer. Idempotent."""
        with self._lock:
            self._closed = True
            lane = self._lane
            self._changed.wait_for(lambda: self._done >= self._sent, self._limits.delivery_s + 1.0)
        if lane is not None:
            lane.close()

    def _usable_lane(self) -> _Lane:
        """The producer; a new one after a fatal error, which ends a producer for good."""
        if self._closed:
            raise Unavailable("The record was not sent.", "The log is closed.", "Send it after a restart.")
        if self._lane is not None and self._lane.causes.fatal:
            logger.error("Kafka's producer failed for good and is replaced.")
            self._lane.abandon()
            self._lane = None
        if self._lane is None:
            causes = Causes()
            self._lane = _Lane(self._options(causes) | self._producer_options(), causes)
        return self._lane

    def _producer_options(self) -> Options:
        size = self._limits.max_message_bytes
        return {
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 5,
            "partitioner": "murmur2_random",  # the Java client's rule: other producers keep users together with us
            "message.timeout.ms": int(self._limits.delivery_s * 1000),
            "topic.metadata.propagation.max.ms": int(min(10.0, self._limits.delivery_s / 2) * 1000),  # a missing topic
            "message.max.bytes": size,
            "batch.size": min(_BATCH_BYTES, size),  # a batch over the topic's limit would fail as a whole
            "queue.buffering.max.kbytes": max(1, self._limits.max_queue_bytes // 1024),
        }

    def _settle(
        self, future: Future[Position], causes: Causes, error: KafkaError | None, message: Message | None
    ) -> None:
        """End a future by its delivery report."""
        if error is None and message is not None:
            causes.clear()
            future.set_result(Position(message.partition() or 0, message.offset() or 0))
        else:
            future.set_exception(_refused(causes.error(_WHAT, error)))
        with self._lock:
            self._done += 1
            self._changed.notify_all()


class _Lane:
    """A producer and the thread that serves its reports."""

    def __init__(self, options: Options, causes: Causes) -> None:
        self.causes = causes
        try:
            self._producer = Producer(options)
        except KafkaException as error:
            raise causes.error("Kafka's producer could not be made.", error.args[0]) from None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-delivery", daemon=True)
        self._thread.start()

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        report: Callable[[KafkaError | None, Message | None], None],
    ) -> None:
        """Raises Overloaded, TooLarge or Unavailable for what the producer does not take."""
        try:
            self._producer.produce(topic, value, key, headers=list(headers), on_delivery=report)
        except BufferError:
            raise Overloaded("The record was not sent.", "Too many wait for Kafka.", "Send it later.") from None
        except KafkaException as error:
            raise _refused(self.causes.error("The record was not sent.", error.args[0])) from None

    def abandon(self) -> None:
        """Give up what waits; its thread tells so and ends."""
        self._producer.purge()
        self._ending.set()

    def close(self) -> None:
        """End it, and what it still holds."""
        self.abandon()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set() or len(self._producer):
            self._producer.poll(_POLL_S)


def _refused(error: LoginlakeError) -> LoginlakeError:
    """What a future may end with: TooLarge, or a reason to try again, whatever it is that somebody has to mend."""
    if isinstance(error, TooLarge | Overloaded | Unavailable):
        return error
    return Unavailable(error.what, error.why, error.next_move)
