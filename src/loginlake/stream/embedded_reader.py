"""The embedded log's `Reader`: follows its group, reads in large slices, sleeps until something was appended."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import msgspec

from loginlake.errors import GiveUp, UnknownLog
from loginlake.stream.embedded_file import PLACES, LogFile
from loginlake.stream.embedded_group import Membership
from loginlake.stream.log import Headers, Range, Record

logger = logging.getLogger(__name__)

_OTHER_PROCESS_S = 0.075  # how often to look for what other processes appended: they cannot wake us
_POLL_BYTES = 32 * 1024 * 1024
_SELECT = (
    "SELECT place - ?1, timestamp_ms, key, value, headers FROM records"
    " WHERE place >= ?1 + ?2 AND place < ?1 + ?3 ORDER BY place LIMIT ?4"
)
_HEADERS = msgspec.msgpack.Decoder(tuple[tuple[str, bytes | None], ...])


class Signal:
    """Wakes waiting readers of this process after an append or a change of a group."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._changed = threading.Condition()
        self.count = 0

    def notify(self) -> None:
        """Something happened."""
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait(self, seen: int, timeout_s: float) -> None:
        """Return as soon as `count` is no longer what was seen, or when time runs out."""
        with self._changed:
            self._changed.wait_for(lambda: self.count != seen, timeout_s)


class EmbeddedReader:
    """One member of a group; see the port `Reader`. It beats at poll and commit: poll more often than the time-out."""

    def __init__(
        self,
        file: LogFile,
        group: str,
        start: Callable[[int], int],
        signal: Signal,
        timeout_ms: int,
        clock_ms: Callable[[], int],
    ):
        """`clock_ms` is monotonic and the same for every process of the machine."""
        self._file = file
        self._group = group
        self._start = start
        self._signal = signal
        self._timeout_ms = timeout_ms
        self._clock_ms = clock_ms
        self._lock = threading.Lock()  # only against a close() from another thread
        self._connection: sqlite3.Connection | None = None
        self._member: Membership | None = None
        self._next: dict[int, int] = {}
        self._turn = 0
        self.closed = False

    def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """See the port. Ends with the record that fills 32 MB, whatever `max_records` says."""
        deadline = time.monotonic() + timeout_s
        while True:
            seen = self._signal.count
            with self._lock:
                records = self._poll(max_records)
            left = deadline - time.monotonic()
            if records or left <= 0:
                return records
            self._signal.wait(seen, min(left, _OTHER_PROCESS_S))

    def assigned(self) -> frozenset[int]:
        """See the port; as of the last poll."""
        return self._member.owned if self._member is not None else frozenset()

    def commit(self, ends: Mapping[int, int]) -> None:
        """See the port."""
        with self._lock:
            if ends and self._member is not None and not self.closed:
                self._member.commit(ends, self._clock_ms())

    def close(self) -> None:
        """See the port. Idempotent, and safe from another thread than the polling one."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            try:
                if self._member is not None:
                    self._member.leave()
            except UnknownLog as error:
                logger.warning("The group could not be left. %s", error)
            finally:
                if self._connection is not None:
                    self._connection.close()
        self._signal.notify()

    def _poll(self, max_records: int) -> list[Record]:
        connection, member = self._joined()
        with self._file.errors():
            held = member.owned
            kept = member.tend(self._clock_ms())
            if held != member.owned:
                self._signal.notify()
            self._next = {partition: at for partition, at in self._next.items() if partition in kept}
        for partition in sorted(member.owned - self._next.keys()):
            self._next[partition] = self._begin(connection, partition)
        with self._file.transaction(connection, write=False):
            return self._fetch(connection, max_records)

    def _joined(self) -> tuple[sqlite3.Connection, Membership]:
        if self.closed:
            raise GiveUp("The reader is closed.", "Its log was closed, or it left the group.", "Subscribe again.")
        if self._connection is None:
            self._connection = self._file.connect(durable=False)
        if self._member is None:
            self._member = Membership(self._file, self._connection, self._group, self._timeout_ms)
        return self._connection, self._member

    def _begin(self, connection: sqlite3.Connection, partition: int) -> int:
        at = self._start(partition)
        with self._file.errors():  # asked after the start: another member may have landed what came meanwhile
            end = read_ranges(connection)[partition].end
        if at > end:
            raise GiveUp(
                f"Partition {partition} should be read from offset {at}, but the log ends at {end}.",
                f"{self._file.path} lost its end, or it is another log than the one read before.",
                "Bring the right log back; or start a new lake, or tell the lake of its new log.",
            )
        return at

    def _fetch(self, connection: sqlite3.Connection, max_records: int) -> list[Record]:
        """One slice: the partitions take turns in being first, so that a busy one cannot starve the others."""
        ends = read_ranges(connection)
        order = sorted(self._next)
        self._turn += 1
        first = self._turn % len(order) if order else 0
        records: list[Record] = []
        budget = _POLL_BYTES
        reached = dict(self._next)
        for partition in order[first:] + order[:first]:
            at = max(self._next[partition], ends[partition].begin)
            most = max_records - len(records)
            if at >= ends[partition].end or most <= 0 or budget <= 0:
                continue
            found, budget = read_slice(connection, partition, Range(at, ends[partition].end), most, budget)
            records += found
            if found:
                reached[partition] = found[-1].offset + 1
        self._next = reached  # only now: a slice that failed is read again, whole
        return records


def read_slice(
    connection: sqlite3.Connection, partition: int, extent: Range, most: int, budget: int = _POLL_BYTES
) -> tuple[list[Record], int]:
    """The first records of a part of a partition, until `most`, or the one that fills `budget` bytes; what is left."""
    records: list[Record] = []
    rows = connection.execute(_SELECT, (partition * PLACES, *extent, most))
    for offset, stamp, key, value, headers in rows:
        records.append(Record(partition, offset, stamp, key, value, decode_headers(headers)))
        budget -= len(value) if value else 0
        if budget <= 0:
            break
    rows.close()
    return records, budget


def read_ranges(connection: sqlite3.Connection) -> dict[int, Range]:
    """The readable range of every partition."""
    rows = connection.execute("SELECT partition, first, next FROM ends ORDER BY partition")
    return {partition: Range(first, following) for partition, first, following in rows}


def encode_headers(headers: Headers) -> bytes | None:
    """Headers as they are stored; none as NULL."""
    return msgspec.msgpack.encode(headers) if headers else None


def decode_headers(data: bytes | None) -> Headers:
    """Headers as they were sent. Most records carry the same few, which are decoded once."""
    if data is None:
        return ()
    return _decode_again(data) if len(data) <= 512 else _HEADERS.decode(data)


@lru_cache(maxsize=256)
def _decode_again(data: bytes) -> Headers:
    return _HEADERS.decode(data)
