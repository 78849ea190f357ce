"""`SpooledLog`: an `EventLog` before another one, so that nobody waits for the log to sign in.

What the log does not confirm in time is fsynced in this process's spool file instead, and goes to the log when it is
back. Three rules keep a key's records in order within a process: one of a key at a time is on its way to the log; a key
with a spooled entry goes to the spool (spool_route); the spool is sent in order (spool_backlog). At least once: an
entry is removed after the log's confirmation, so a crash in between repeats it. Processes share nothing: each has its
own file (spool_file), and takes over that of a killed one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from pathlib import Path

from loginlake.errors import Unavailable
from loginlake.stream.embedded import now_ms
from loginlake.stream.log import EventLog, Headers, Position, Range, Reader, Record
from loginlake.stream.spool_file import survey
from loginlake.stream.spool_record import SPOOLED, Outgoing, SpoolLimits, SpoolState
from loginlake.stream.spool_route import Router

_LIMITS = SpoolLimits()


class SpooledLog:
    """See the port. A spooled record's position is (SPOOLED, number): no partition has it."""

    def __init__(
        self,
        log: EventLog,
        folder: Path,
        *,
        limits: SpoolLimits = _LIMITS,
        clock: Callable[[], int] = now_ms,
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        """Touch nothing yet. `folder` is on a disk of this machine; `clock` in ms since 1970, `uptime` in seconds."""
        self._log, self._folder, self._limits, self._clock, self._uptime = log, folder, limits, clock, uptime
        self._router = Router(log, folder, limits, clock, uptime)

    def start(self) -> None:
        """Begin to send what is spooled. The first `send` does it, too."""
        self._router.start()

    @property
    def gaps(self) -> bool:
        """See the port: the log's."""
        return self._log.gaps

    def identity(self) -> str:
        """See the port: the log's."""
        return self._log.identity()

    def send(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Future[Position]:
        """See the port. It ends within about `slow_s`, with a position in the log or in the spool.

        Overloaded: the log is away and the spool is full. Unavailable: and the disk under the spool fails.
        """
        record = Outgoing(key, value, headers, self._uptime() + self._limits.slow_s)
        self._router.send(record)
        return record.future

    def flush(self, timeout_s: float) -> None:
        """See the port. Durable in the spool is durable."""
        if wait(self._router.unsettled(), timeout_s).not_done:
            raise Unavailable("Some records are not yet durable.", "Log and disk are slow.", "Wait longer.")

    def ranges(self) -> Mapping[int, Range]:
        """See the port: the log's."""
        return self._log.ranges()

    def read(self, position: Position) -> Record | None:
        """See the port. Of a spooled one: its record in the log, if this process sent it there (10,000 remembered)."""
        if position.partition != SPOOLED:
            return self._log.read(position)
        found = self._router.drain.place(position.offset)
        return None if found is None else self._log.read(found)

    def scan(self, partition: int, begin: int, end: int, most: int) -> Sequence[Record]:
        """See the port: the log's."""
        return self._log.scan(partition, begin, end, most)

    def subscribe(self, group: str, start: Callable[[int], int]) -> Reader:
        """See the port: the log's."""
        return self._log.subscribe(group, start)

    def committed(self, group: str) -> Mapping[int, int]:
        """See the port: the log's."""
        return self._log.committed(group)

    def state(self) -> SpoolState:
        """What waits in the folder's spools now, all processes' together."""
        totals, unreadable = survey(self._folder)
        oldest_s = 0.0 if totals.oldest_ms is None else max(0.0, (self._clock() - totals.oldest_ms) / 1000)
        return SpoolState(totals.entries, totals.size_bytes, oldest_s, self._router.takes(), tuple(unreadable))

    def stop(self) -> None:
        """End the spool's work, not the log's: what is on its way gets a bounded time. Idempotent."""
        self._router.stop()

    def close(self) -> None:
        """See the port: stop, then close the log."""
        self.stop()
        self._log.close()
