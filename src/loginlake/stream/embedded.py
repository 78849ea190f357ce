"""The embedded `EventLog`: one SQLite file with Kafka's semantics, for one machine, any number of processes.

Fsynced group commit, offsets without gaps, LogAppendTime, consumer groups. Not for network folders (SQLite's WAL needs
shared memory). See embedded_file (tables, errors), embedded_writer (append), embedded_reader and embedded_group (read).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loginlake.errors import GiveUp, TooLarge
from loginlake.stream.embedded_file import PLACES, LogFile
from loginlake.stream.embedded_group import landed_until, read_commits
from loginlake.stream.embedded_reader import EmbeddedReader, Signal, encode_headers, read_ranges, read_slice
from loginlake.stream.embedded_writer import Pending, Writer
from loginlake.stream.log import Headers, Position, Range, Reader, Record

logger = logging.getLogger(__name__)

_TRIM_RECORDS = 20_000


def now_ms() -> int:
    """The wall clock, in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def uptime_ms() -> int:
    """A clock that never jumps, the same for every process of this machine: who is alive is told by it."""
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds: bytes that may wait for the disk, seconds until a silent member or a held lock is given up."""

    max_queue_bytes: int = 64 * 1024 * 1024
    member_timeout_s: float = 10.0
    busy_timeout_s: float = 5.0


class EmbeddedLog:
    """See the port `EventLog`. An existing file keeps its own number of partitions."""

    gaps = False

    def __init__(
        self,
        path: Path,
        *,
        partitions: int,
        clock: Callable[[], int] = now_ms,
        max_message_bytes: int = 1_048_576,
        limits: Limits = Limits(),
        uptime: Callable[[], int] = uptime_ms,
    ):
        """Touch nothing yet: the first call makes or opens the file. `clock` is the log's append time."""
        self._path = path
        self._max_message_bytes = max_message_bytes
        self._limits = limits
        self._uptime = uptime
        self._file = LogFile(path, partitions, limits.busy_timeout_s)
        self._signal = Signal()
        self._writer = Writer(self._file, clock, limits.max_queue_bytes, self._signal.notify)
        self._lock = threading.Lock()
        self._side: sqlite3.Connection | None = None
        self._readers: list[EmbeddedReader] = []
        self._closed = False

    def identity(self) -> str:
        """See the port: a uuid made with the file."""
        with self._connection() as connection:
            found: str = connection.execute("SELECT identity FROM meta").fetchone()[0]
            return found

    def send(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Future[Position]:
        """See the port. Kafka's partition for a key (murmur2), in turn without one. Overloaded: the queue is full."""
        future: Future[Position] = Future()
        encoded = encode_headers(headers)
        size = len(key or b"") + len(value or b"") + len(encoded or b"")
        if size > self._max_message_bytes:
            future.set_exception(
                TooLarge(
                    f"A record of {size} bytes was not appended.",
                    f"The log takes {self._max_message_bytes} at most.",
                    "Send less in one record.",
                )
            )
        else:
            self._writer.put(Pending(key, value, encoded, size, future))
        return future

    def flush(self, timeout_s: float) -> None:
        """See the port."""
        self._writer.flush(timeout_s)

    def ranges(self) -> Mapping[int, Range]:
        """See the port. end - begin is the number of records."""
        with self._connection() as connection:
            return read_ranges(connection)

    def read(self, position: Position) -> Record | None:
        """See the port."""
        partition, offset = position
        return next(iter(self.scan(partition, offset, offset + 1, 1)), None)

    def scan(self, partition: int, begin: int, end: int, most: int) -> Sequence[Record]:
        """See the port. Ends with the record that fills 32 MB."""
        extent = Range(max(begin, 0), min(end, PLACES))
        with self._connection() as connection:
            return read_slice(connection, partition, extent, most)[0]

    def subscribe(self, group: str, start: Callable[[int], int]) -> Reader:
        """See the port. A member that neither polls nor commits for `member_timeout_s` loses its partitions."""
        timeout_ms = int(self._limits.member_timeout_s * 1000)
        reader = EmbeddedReader(self._file, group, start, self._signal, timeout_ms, self._uptime)
        with self._lock:
            self._check_open()
            self._readers = [*(known for known in self._readers if not known.closed), reader]
        return reader

    def committed(self, group: str) -> Mapping[int, int]:
        """See the port."""
        with self._connection() as connection:
            return read_commits(connection, group)

    def trim(self, before_ms: int) -> int:
        """Drop the records appended before a moment; returns how many.

        Safer than Kafka's retention: never past the committed offset of any group that ever committed or is reading
        now, so nothing expires before it landed; without such a group nothing is dropped. The file does not shrink,
        its space is used again.
        """
        with self._connection() as connection:
            floor = landed_until(connection)
            ranges = read_ranges(connection)
            cuts = {
                partition: min(floor(partition), _first_at(connection, partition, found, before_ms))
                for partition, found in ranges.items()
            }
        return sum(self._drop(partition, offset) for partition, offset in cuts.items())

    def delete_before(self, partition: int, offset: int) -> int:
        """Drop a partition's records before an offset (at most its end), landed or not, as Kafka's DeleteRecords."""
        return self._drop(partition, offset)

    def close(self) -> None:
        """See the port. Idempotent; may be called again after a Ctrl-C."""
        self._writer.close()
        with self._lock:
            self._closed = True
            readers, self._readers = self._readers, []
            side, self._side = self._side, None
        for reader in readers:
            reader.close()
        if side is not None:
            side.close()

    def _check_open(self) -> None:
        if self._closed:
            raise GiveUp(f"The log {self._path} is closed.", "This program closed it.", "Open it again.")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """The connection of the short calls, one at a time."""
        with self._lock:
            self._check_open()
            if self._side is None:
                self._side = self._file.connect(durable=True)
            with self._file.errors():
                self._file.check_same()
                yield self._side

    def _drop(self, partition: int, before: int) -> int:
        """In slices, so that appends are never kept waiting for long."""
        dropped = 0
        while True:
            with self._connection() as connection, self._file.transaction(connection):
                begin, end = read_ranges(connection)[partition]
                until = min(before, end, begin + _TRIM_RECORDS)
                if until <= begin:
                    return dropped
                base = partition * PLACES
                connection.execute("DELETE FROM records WHERE place >= ? AND place < ?", (base + begin, base + until))
                connection.execute("UPDATE ends SET first = ? WHERE partition = ?", (until, partition))
                dropped += until - begin


def _first_at(connection: sqlite3.Connection, partition: int, found: Range, moment_ms: int) -> int:
    """The first offset appended at or after a moment. Append times never go back, so halving finds it."""
    low, high = found
    while low < high:
        middle = (low + high) // 2
        row = connection.execute("SELECT timestamp_ms FROM records WHERE place=?", (partition * PLACES + middle,))
        if row.fetchone()[0] < moment_ms:
            low = middle + 1
        else:
            high = middle
    return low
