"""Spooled entries on their way to the log: in order a key, at least once, once as far as the log's answers arrive.

While the log fails, one entry at a time asks whether it is back, after growing pauses.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from loginlake.errors import LoginlakeError, TooLarge
from loginlake.stream.embedded_reader import decode_headers
from loginlake.stream.log import EventLog, Position
from loginlake.stream.spool_backlog import Backlog
from loginlake.stream.spool_file import Entry, SpoolFile, adopt

logger = logging.getLogger(__name__)

_IN_FLIGHT = 1000
_REMEMBERED = 10_000
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class _Sending:
    backlog: Backlog
    entry: Entry
    since: float


class Drain:
    """One thread uses it (but for `place`), again and again by `turn`. `wake` may be called from any thread."""

    def __init__(
        self,
        log: EventLog,
        folder: Path,
        *,
        slow_s: float,
        wake: Callable[[], None],
        removed: Callable[[Sequence[Entry]], None],
    ) -> None:
        """`wake`: there is more to do. `removed`: these entries of the own file are in the log and out of the file."""
        self._log, self._folder, self._slow_s, self._wake, self._removed = log, folder, slow_s, wake, removed
        self.own: Backlog | None = None
        self._adopted: list[Backlog] = []
        self._ended: deque[tuple[_Sending, Future[Position]]] = deque()
        self._in_flight = 0
        self._asking = False  # the log failed last: one at a time
        self._pause_s, self._pause_until, self._look_at = _FIRST_PAUSE_S, 0.0, 0.0
        self._moved: OrderedDict[int, Position] = OrderedDict()

    def open_own(self, file: SpoolFile) -> None:
        """The file of this process."""
        self.own = Backlog(file)

    def place(self, seq: int) -> Position | None:
        """Where the log has an entry that went there lately."""
        return self._moved.get(seq)

    @property
    def in_flight(self) -> int:
        """Entries on their way to the log, by this drain or since before they were spooled."""
        return self._in_flight + (self.own.held if self.own is not None else 0)

    def arrived(self, entry: Entry, position: Position) -> None:
        """The first sending of an entry of the own file ended well, late: it is in the log."""
        assert self.own is not None
        self._remember(entry.seq, position)
        self.own.arrived(entry)
        self._asking = False

    def log_failed(self, now: float) -> None:
        """The log failed elsewhere: ask carefully."""
        if not self._asking:
            self._asking, self._pause_s = True, _FIRST_PAUSE_S
            self._pause_until = now + self._pause_s

    def turn(self, now: float, *, sending: bool) -> bool:
        """Hear what ended, remove what arrived, send what may go. True when the log took an entry quickly."""
        quick = self._hear(now)
        for backlog in self._backlogs():
            gone = backlog.settle()
            if gone and backlog is self.own:
                self._removed(gone)
        self._let_go()
        if sending:
            self._look(now)
            self._send(now)
        return quick

    def wait_s(self, now: float) -> float:
        """Seconds until there is something to do that no `wake` tells."""
        waits = [self._look_at - now]
        if any(not backlog.idle for backlog in self._backlogs()) and self._pause_until > now:
            waits.append(self._pause_until - now)
        return max(0.0, min(waits))

    def pause(self, now: float) -> None:
        """A disk failed: do nothing for a moment."""
        self._pause_until = max(self._pause_until, now + 1.0)

    def close(self) -> None:
        """Let go of every file; what is in them is found again."""
        for backlog in self._backlogs():
            backlog.file.close()
        self.own, self._adopted = None, []

    def _backlogs(self) -> list[Backlog]:
        return [*([self.own] if self.own is not None else []), *self._adopted]

    def _send(self, now: float) -> None:
        if now < self._pause_until:
            return
        for backlog in self._backlogs():
            room = (1 if self._asking else _IN_FLIGHT) - self._in_flight
            for entry in self._heads(backlog, room):
                self._in_flight += 1
                sending = _Sending(backlog, entry, now)
                future = self._log.send(entry.key, entry.value, decode_headers(entry.headers))
                future.add_done_callback(partial(self._end, sending))

    def _heads(self, backlog: Backlog, room: int) -> list[Entry]:
        try:
            return backlog.heads(room) if room > 0 else []
        except LoginlakeError as error:
            if backlog is self.own:
                raise
            logger.warning("a spool cannot be read", extra={"spool": backlog.file.path.name, "what": error.what})
            self._adopted.remove(backlog)
            backlog.file.close()  # whoever looks next tries again
            return []

    def _end(self, sending: _Sending, future: Future[Position]) -> None:
        self._ended.append((sending, future))
        self._wake()

    def _hear(self, now: float) -> bool:
        quick = False
        while self._ended:
            sending, future = self._ended.popleft()
            self._in_flight -= 1
            error = future.exception()
            if error is None:
                sending.backlog.arrived(sending.entry)
                self._remember(sending.entry.seq, future.result())
                self._asking, self._pause_s, self._pause_until = False, _FIRST_PAUSE_S, 0.0
                quick = now - sending.since < self._slow_s
            elif isinstance(error, TooLarge):
                logger.error("a spooled event is too large for the log and stays", extra={"seq": sending.entry.seq})
                sending.backlog.refused(sending.entry)
            else:
                self._missed(sending, error, now)
                quick = False
        return quick

    def _missed(self, sending: _Sending, error: BaseException, now: float) -> None:
        if not isinstance(error, LoginlakeError):
            logger.error("the log failed in an unknown way", exc_info=error)
        sending.backlog.failed(sending.entry)
        if now >= self._pause_until:  # one pause for all that failed together
            why = str(error) if isinstance(error, LoginlakeError) else type(error).__name__
            logger.warning("the log is away: %s", why, extra={"pause_s": self._pause_s})
            self._asking = True
            self._pause_until = now + self._pause_s
            self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s)

    def _remember(self, seq: int, position: Position) -> None:
        self._moved[seq] = position
        if len(self._moved) > _REMEMBERED:
            self._moved.popitem(last=False)

    def _look(self, now: float) -> None:
        """Pick up a spool that its process left behind, one at a time."""
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_S
        if all(backlog.idle for backlog in self._adopted):
            found = adopt(self._folder)
            if found is not None:
                logger.info("spool picked up", extra={"spool": found.path.name, "entries": found.totals.entries})
                self._adopted.append(Backlog(found))

    def _let_go(self) -> None:
        for backlog in [backlog for backlog in self._adopted if backlog.empty]:
            backlog.file.close()
            self._adopted.remove(backlog)
            self._look_at = 0.0  # there may be another
