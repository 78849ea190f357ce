"""Group commit: one thread drains a bounded queue into transactions, and ends the futures after the commit."""

from __future__ import annotations

import itertools
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import NamedTuple

from loginlake.errors import LoginlakeError, Overloaded, Unavailable
from loginlake.stream.embedded_file import PLACES, LogFile
from loginlake.stream.log import Position
from loginlake.stream.partitioner import partition_of

logger = logging.getLogger(__name__)

_BATCH_RECORDS = 5_000
_BATCH_BYTES = 8 * 1024 * 1024
_MOST_AHEAD_MS = 5 * 60_000
_INSERT = "INSERT INTO records (place, timestamp_ms, key, value, headers) VALUES (?, ?, ?, ?, ?)"


class Pending(NamedTuple):
    """A record on its way into the log; `size` in bytes, `headers` encoded."""

    key: bytes | None
    value: bytes | None
    headers: bytes | None
    size: int
    future: Future[Position]


class Writer:
    """The queue and its thread, which starts at the first record. Thread-safe."""

    def __init__(self, file: LogFile, clock: Callable[[], int], max_queue_bytes: int, on_commit: Callable[[], None]):
        """`clock` gives milliseconds since 1970, asked inside the transaction; `on_commit` is called after each."""
        self._file = file
        self._clock = clock
        self._max_queue_bytes = max_queue_bytes
        self._on_commit = on_commit
        # `with` takes this lock, never the condition: a Ctrl-C can come between the condition's taking it and the block
        # that gives it back, and then nobody ever does.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._queue: deque[Pending] = deque()
        self._queued_bytes = 0
        self._sent = 0
        self._done = 0
        self._closing = False
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._keyless = itertools.count()

    def put(self, record: Pending) -> None:
        """Queue a record, or end its future at once: Overloaded when the queue is full, Unavailable after close."""
        with self._lock:
            refusal = self._refusal(record.size)
            if refusal is None:
                self._queue.append(record)
                self._queued_bytes += record.size
                self._sent += 1
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
                    self._thread.start()
                self._changed.notify_all()
        if refusal is not None:
            record.future.set_exception(refusal)

    def flush(self, timeout_s: float) -> None:
        """Wait until every record put so far is durable or has failed; Unavailable when time runs out."""
        with self._lock:
            target = self._sent
            if not self._changed.wait_for(lambda: self._done >= target, timeout_s):
                raise Unavailable(
                    f"{target - self._done} records are not yet durable.",
                    f"The log {self._file.path} did not take them within {timeout_s:g} s.",
                    "Wait longer; look at the disk.",
                )

    def close(self) -> None:
        """Write what is queued, then end the thread. On a failure while closing the rest fails at once."""
        with self._lock:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _refusal(self, size: int) -> LoginlakeError | None:
        if self._closing:
            return Unavailable("The record was not appended.", "The log is closed.", "Send it again after a restart.")
        if self._queue and self._queued_bytes + size > self._max_queue_bytes:
            return Overloaded(
                "The record was not appended.",
                f"{len(self._queue)} records wait for the disk already.",
                "Send it again in a moment.",
            )
        return None

    def _run(self) -> None:
        try:
            while batch := self._take():
                failed = not self._write(batch)
                if failed and self._closing:
                    break
        finally:  # whatever ends this thread, no future is left hanging
            with self._lock:
                self._closing = True
                rest = [record for record in self._queue if record.future.set_running_or_notify_cancel()]
                self._queue.clear()
                self._done = self._sent - len(rest)
            why = Unavailable("The record was not appended.", "The log is closed.", "Send it again after a restart.")
            self._end(rest, why)
            if self._connection is not None:
                self._connection.close()

    def _take(self) -> list[Pending]:
        """The next batch, waiting for one; empty when the log is closed and everything is written."""
        with self._lock:
            self._changed.wait_for(lambda: self._queue or self._closing)
            batch: list[Pending] = []
            size = 0
            while self._queue and len(batch) < _BATCH_RECORDS and size < _BATCH_BYTES:
                record = self._queue.popleft()
                size += record.size
                batch.append(record)
            self._queued_bytes -= size
            return batch

    def _write(self, batch: list[Pending]) -> bool:
        """Append a batch in one transaction and end its futures; False when it failed."""
        live = [record for record in batch if record.future.set_running_or_notify_cancel()]
        positions: list[Position] = []
        error: BaseException | None = None
        try:
            positions = self._append(live)
        except LoginlakeError as known:
            logger.warning("append failed", extra={"records": len(live), "condition": type(known).__name__})
            error = known
        except BaseException as bug:
            error = bug
            raise
        finally:
            self._end(live, error, positions, extra=len(batch) - len(live))
        return error is None

    def _append(self, batch: Sequence[Pending]) -> list[Position]:
        if self._connection is None:
            self._connection = self._file.connect(durable=True)
        connection = self._connection
        positions: list[Position] = []
        with self._file.transaction(connection):
            now = self._clock()
            rows = connection.execute("SELECT partition, next, last_ms FROM ends").fetchall()
            self._check_clock(now, max(last for _, _, last in rows))
            ends = {partition: (following, max(now, last)) for partition, following, last in rows}
            places = []
            for record in batch:
                partition = self._partition(record.key, len(ends))
                offset, stamp = ends[partition]
                ends[partition] = (offset + 1, stamp)
                positions.append(Position(partition, offset))
                places.append((partition * PLACES + offset, stamp, record.key, record.value, record.headers))
            places.sort()  # by partition: neighbours in the file
            connection.executemany(_INSERT, places)
            touched = {position.partition for position in positions}
            after = ((*ends[partition], partition) for partition in touched)
            connection.executemany("UPDATE ends SET next = ?, last_ms = ? WHERE partition = ?", after)
        self._on_commit()
        return positions

    def _check_clock(self, now_ms: int, last_ms: int) -> None:
        """Append times never go back: a small step is waited out, a large one would stamp everything wrong for ever."""
        if last_ms - now_ms <= _MOST_AHEAD_MS:
            return
        last, now = (f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z" for ms in (last_ms, now_ms))
        raise Unavailable(
            f"The record was not appended: the log {self._file.path} has records of {last}, but it is {now}.",
            "This machine's clock is behind, or was ahead when they were appended.",
            "Set the clock right (timedatectl set-ntp true). If it is right now, begin a new log: docs/operations.md.",
        )

    def _partition(self, key: bytes | None, partitions: int) -> int:
        return next(self._keyless) % partitions if key is None else partition_of(key, partitions)

    def _end(
        self,
        batch: Sequence[Pending],
        error: BaseException | None,
        positions: Sequence[Position] = (),
        extra: int = 0,
    ) -> None:
        """End the futures of a batch, all with the error or each with its position; then let flush count them."""
        if error is None:
            for record, position in zip(batch, positions, strict=True):
                record.future.set_result(position)
        else:
            for record in batch:
                record.future.set_exception(error)
        with self._lock:
            self._done += len(batch) + extra
            self._changed.notify_all()
