"""The heads of quiet partitions: a partition read to the log's end is complete until that moment."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from loginlake.bronze.agreement import check_end
from loginlake.bronze.chain import Chain
from loginlake.bronze.envelope import timestamp
from loginlake.bronze.tip import Tip
from loginlake.errors import Corrupt, Retry
from loginlake.stream.log import EventLog, Range

logger = logging.getLogger(__name__)
# A record is stamped a moment before it can be read; the log's clock and ours differ a little.
_SETTLED_MS = 1000


class HeadKeeper:
    """Rewrites the heads of partitions where nothing waits, at most every `every_s` seconds."""

    def __init__(self, log: EventLog, chain: Chain, every_s: float, tell_partitions: Callable[[int], None]) -> None:
        """The first refresh is due at once. `tell_partitions` gets the log's number of partitions, whenever it grew."""
        self._log = log
        self._chain = chain
        self._tell_partitions = tell_partitions
        self._partitions = 0
        self._every_s = every_s
        self._last: float | None = None

    def refresh(self, idle: Mapping[int, Tip], now_ms: int, timer_s: float, *, force: bool = False) -> None:
        """Write the heads of the idle partitions that are read to the end. `now_ms` was read before this call.

        A failure is put off to the next time: a head is a hint. Diverged when the log lost its end meanwhile.
        """
        if not force and self._last is not None and timer_s - self._last < self._every_s:
            return
        self._last = timer_s
        try:
            ranges = self._log.ranges()
            if len(ranges) > self._partitions:  # before any head says that its partition is complete
                self._tell_partitions(len(ranges))
                self._partitions = len(ranges)
            for partition, tip in idle.items():
                check_end(partition, tip, ranges[partition])
                if only_gaps(self._log, partition, Range(tip.end, ranges[partition].end)):
                    self._chain.try_head(partition, _complete(tip, now_ms))
        except Retry as error:
            logger.warning("The heads were not refreshed; later. %s", error)


def only_gaps(log: EventLog, partition: int, extent: Range) -> bool:
    """Whether the log has no record in a part of a partition: nothing, a legal gap, or expired."""
    if extent.begin >= extent.end:
        return True
    if log.scan(partition, *extent, most=1):
        return False
    if log.ranges()[partition].begin <= extent.begin:
        check_gap(log, partition, extent)
    return True


def check_gap(log: EventLog, partition: int, extent: Range) -> None:
    """Corrupt when a log that never skips an offset has no records in a part of a partition."""
    if not log.gaps:
        raise Corrupt(
            f"The log has no records {extent.begin} to {extent.end - 1} of partition {partition}.",
            "It never skips an offset: they were lost from it, or not read.",
            "Start land again: it begins where bronze ends. If it stops again, the log is damaged: docs/operations.md.",
        )


def _complete(tip: Tip, now_ms: int) -> Tip:
    until = timestamp(now_ms - _SETTLED_MS)
    return replace(tip, complete_until=max(until, tip.complete_until or until))
