"""Which way a record goes, to the log or to the spool, and the thread that moves those that do not go straight.

A record goes straight to the log unless its key has one in the spool, or the log failed or was slow lately and the
spool is not empty. A record whose key has one on its way waits behind it. What failed, or is not confirmed within
`slow_s`, goes to the spool with all that waits behind it; a confirmation that comes later takes it out again.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from itertools import islice
from pathlib import Path

from loginlake.errors import LoginlakeError, TooLarge
from loginlake.stream.log import EventLog, Position
from loginlake.stream.spool_drain import Drain
from loginlake.stream.spool_file import Entry, Totals, adopt, make
from loginlake.stream.spool_record import SPOOLED, Outgoing, SpoolLimits, closed, full, too_large

logger = logging.getLogger(__name__)

_BATCH = 5_000
_IDLE_S = 5.0
_Refused = list[tuple[Outgoing, LoginlakeError]]


class Router:
    """Thread-safe. Its thread does the disk's work: one writes, one drains, in turns."""

    def __init__(
        self, log: EventLog, folder: Path, limits: SpoolLimits, clock: Callable[[], int], uptime: Callable[[], float]
    ) -> None:
        """Nothing is opened before `start`."""
        self._log, self._folder, self._limits, self._clock, self._uptime = log, folder, limits, clock, uptime
        self._changed = threading.Condition()
        self._woken = self._closing = self._stopped = False
        self._thread: threading.Thread | None = None
        self.drain = Drain(log, folder, slow_s=limits.slow_s, wake=self._wake, removed=self._removed)
        self._unsettled: set[Future[Position]] = set()
        self._timers: deque[Outgoing] = deque()
        self._busy: dict[bytes, deque[Outgoing]] = {}  # keys on their way to the log, and who waits behind
        self._ready: deque[Outgoing] = deque()
        self._late: deque[tuple[Outgoing, Position | BaseException]] = deque()
        self._spooled: Counter[bytes] = Counter()
        self._appending: deque[Outgoing] = deque()
        self._appending_bytes = 0
        self._away = False
        self._open_at = 0.0

    def start(self) -> None:
        """Take a spool file (a killed process's, if there is one), and run. Idempotent."""
        with self._changed:
            if self._thread is None and not self._closing:
                self._try_open()
                self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
                self._thread.start()

    def send(self, record: Outgoing) -> None:
        """Send a record, one way or the other; its future ends."""
        if self._thread is None:
            self.start()
        refusal: LoginlakeError | None = None
        straight = False
        with self._changed:
            if record.size > self._limits.max_message_bytes:
                refusal = too_large(record.size, self._limits.max_message_bytes)
            elif self._closing:
                refusal = closed()
            elif self._belongs_in_spool(record.key):
                refusal = self._to_spool(record)
            else:
                straight = self._to_log(record)
            if refusal is None:
                self._unsettled.add(record.future)
        if refusal is not None:
            record.end(refusal)
        elif straight:
            self._dispatch(record)

    def unsettled(self) -> set[Future[Position]]:
        """The futures that have not ended."""
        with self._changed:
            return set(self._unsettled)

    def takes(self) -> bool:
        """Whether the spool is open and not as good as full: a tenth is left, or room for the largest record."""
        room = min(self._limits.max_message_bytes, self._limits.max_bytes // 10)
        with self._changed:
            return not self._closing and self.drain.own is not None and self._refusal(room) is None

    def stop(self) -> None:
        """Give what is on its way its bounded time, then end the thread and let go of the files. Idempotent."""
        with self._changed:
            self._closing = True
        if self._thread is None:
            return
        wait(self.unsettled(), 2 * self._limits.slow_s)
        with self._changed:
            self._changed.wait_for(lambda: self.drain.in_flight == 0, self._limits.slow_s)
            self._stopped = True
        self._wake()
        self._thread.join()

    # The way of a record. With the lock held.

    def _belongs_in_spool(self, key: bytes | None) -> bool:
        if key is not None and key in self._spooled:
            return True
        if key is not None and key in self._busy:
            return False  # behind the one on its way, wherever that goes
        return self._away and self._depth() > 0

    def _to_log(self, record: Outgoing) -> bool:
        """Now (True), or after the one of its key that is on its way."""
        if not self._timers:
            self._notify()  # the thread has to learn of the first moment to watch
        self._timers.append(record)
        if record.key is None:
            return True
        if record.key in self._busy:
            self._busy[record.key].append(record)
            return False
        self._busy[record.key] = deque()
        return True

    def _to_spool(self, record: Outgoing) -> LoginlakeError | None:
        refusal = self._refusal(record.size)
        if refusal is not None:
            record.over = True
            return refusal
        record.spooled = True
        if record.key is not None:
            self._spooled[record.key] += 1
        self._appending.append(record)
        self._appending_bytes += record.size
        self._notify()
        return None

    def _divert(self, record: Outgoing) -> _Refused:
        """The log failed a record, or is slow: it and those behind it go to the spool. Gives those that do not fit."""
        behind = self._busy.pop(record.key, deque()) if record.key is not None else deque()
        refused = [(each, self._to_spool(each)) for each in (record, *behind)]
        return [(each, refusal) for each, refusal in refused if refusal is not None]

    def _next(self, key: bytes) -> None:
        """A key's record is in the log: the next one may go."""
        behind = self._busy[key]
        if behind:
            self._ready.append(behind.popleft())
            self._notify()
        else:
            del self._busy[key]

    def _refusal(self, size: int) -> LoginlakeError | None:
        totals = self._totals()
        if totals.size_bytes + self._appending_bytes + size > self._limits.max_bytes:
            return full("the spool is full")
        if totals.oldest_ms is not None and self._clock() - totals.oldest_ms > self._limits.max_age_s * 1000:
            return full("the spool's oldest record is too old")
        return None

    def _totals(self) -> Totals:
        return self.drain.own.file.totals if self.drain.own is not None else Totals()

    def _depth(self) -> int:
        return self._totals().entries + len(self._appending)

    def _notify(self) -> None:
        self._woken = True
        self._changed.notify_all()

    # The log's answers, in whichever thread they come.

    def _dispatch(self, record: Outgoing) -> None:
        with self._changed:
            if record.spooled or record.over:  # whoever was to send it slept so long that the spool has it
                return
            record.sent_at = self._uptime()
        sent = self._log.send(record.key, record.content.value, record.headers)
        sent.add_done_callback(lambda ended: self._ended(record, ended))

    def _ended(self, record: Outgoing, ended: Future[Position]) -> None:
        outcome = ended.exception() or ended.result()
        refused: _Refused = []
        with self._changed:
            straight = False
            if record.spooled or record.over:
                self._late.append((record, outcome))
                self._notify()
            elif isinstance(outcome, LoginlakeError) and not isinstance(outcome, TooLarge):
                record.sent_at = None
                self._away = True
                refused = self._divert(record)
            else:
                straight = record.over = True
                self._unsettled.discard(record.future)
                if record.key is not None:
                    self._next(record.key)
        if straight:
            record.end(outcome)
        for each, refusal in refused:
            self._settle(each, refusal)

    def _settle(self, record: Outgoing, outcome: Position | BaseException) -> None:
        with self._changed:
            record.over = True
            self._unsettled.discard(record.future)
        record.end(outcome)

    # The thread.

    def _wake(self) -> None:
        with self._changed:
            self._notify()

    def _run(self) -> None:
        try:
            while not self._stopped:
                self._turn()
                with self._changed:
                    if self._closing:
                        self._changed.notify_all()  # whoever stops it waits for what is in flight
                    self._changed.wait_for(lambda: self._woken, self._wait_s())
                    self._woken = False
            self._turn()  # what arrived last is removed, too
        finally:  # whatever ends this thread, no future is left hanging
            with self._changed:
                self._closing = True
                rest = [*self._timers, *self._appending, *self._ready]
            for record in rest:
                if not record.future.done():
                    self._settle(record, closed())
            self.drain.close()

    def _turn(self) -> None:
        try:
            self._open_again()
            self._continue()
            self._expire()
            self._hear_late()
            self._write()
            if self.drain.turn(self._uptime(), sending=not self._closing):
                self._away = False
        except LoginlakeError as error:
            logger.warning("the spool's disk failed", extra={"cause": type(error).__name__, "what": error.what})
            self.drain.pause(self._uptime())

    def _wait_s(self) -> float:
        now = self._uptime()
        first = self._timers[0].until - now if self._timers else _IDLE_S
        return max(0.0, min(first, _IDLE_S if self._closing else self.drain.wait_s(now)))

    def _expire(self) -> None:
        """Records that the log has not confirmed in time go to the spool."""
        refused: _Refused = []
        now = self._uptime()
        with self._changed:
            while self._timers and (self._timers[0].over or self._timers[0].spooled or self._timers[0].until <= now):
                record = self._timers.popleft()
                if record.over or record.spooled:
                    continue
                if record.sent_at is not None and now - record.sent_at >= self._limits.slow_s:
                    self._away = True
                    self.drain.log_failed(now)
                refused += self._divert(record)
        for record, refusal in refused:
            self._settle(record, refusal)

    def _continue(self) -> None:
        while self._ready:
            self._dispatch(self._ready.popleft())

    def _hear_late(self) -> None:
        """What the log said of records that the spool had taken meanwhile."""
        while self._late:
            record, outcome = self._late.popleft()
            record.sent_at = None
            if isinstance(outcome, BaseException):
                if record.seq is not None and self.drain.own is not None:
                    self.drain.own.free(record.seq, record.key)
            elif record.seq is None:
                record.position = outcome
            else:
                self.drain.arrived(Entry(record.seq, 0, *record.content), outcome)

    def _write(self) -> None:
        """Put what waits into the spool, in one transaction."""
        while self._appending:
            with self._changed:
                batch = list(islice(self._appending, _BATCH))
            outcomes: list[Position | BaseException]
            try:
                outcomes = self._append(batch)
            except LoginlakeError as error:
                logger.warning("not spooled", extra={"records": len(batch), "cause": type(error).__name__})
                outcomes = [error] * len(batch)
            with self._changed:
                for record in batch:
                    self._appending.popleft()
                    self._appending_bytes -= record.size
                    if record.seq is None and record.key is not None:
                        self._forget(record.key, 1)
            for record, outcome in zip(batch, outcomes, strict=True):
                self._settle(record, outcome)

    def _append(self, batch: Sequence[Outgoing]) -> list[Position | BaseException]:
        wanted = [record for record in batch if record.position is None]
        if wanted:
            if self.drain.own is None:
                self.drain.open_own(make(self._folder))
            assert self.drain.own is not None
            numbers = self.drain.own.file.append([record.content for record in wanted], self._clock())
            for record, seq in zip(wanted, numbers, strict=True):
                record.seq = seq
                if record.sent_at is not None:
                    self.drain.own.hold(seq)
        return [record.position or Position(SPOOLED, record.seq or 0) for record in batch]

    def _removed(self, entries: Sequence[Entry]) -> None:
        with self._changed:
            for entry in entries:
                if entry.key is not None:
                    self._forget(entry.key, 1)

    def _forget(self, key: bytes, number: int) -> None:
        self._spooled[key] -= number
        if self._spooled[key] <= 0:
            del self._spooled[key]

    def _open_again(self) -> None:
        """A disk that failed at the start may be well by now."""
        if self.drain.own is None and not self._closing and self._uptime() >= self._open_at:
            self._try_open()

    def _try_open(self) -> None:
        self._open_at = self._uptime() + _IDLE_S
        try:
            file = adopt(self._folder) or make(self._folder)
            self._spooled.update(file.keys())
            self.drain.open_own(file)
        except LoginlakeError as error:
            logger.warning("no spool", extra={"cause": type(error).__name__, "what": error.what})
