"""land: the log -> bronze, exactly what arrived. Read, batch, write along the chain, then commit (docs/data.md)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from loginlake.bronze.agreement import check
from loginlake.bronze.batch import (
    Batch,
    BatchLimits,
    Reason,
    closes_after,
    closes_before,
    closes_by_age,
    run_of,
    seconds_left,
)
from loginlake.bronze.chain import Chain
from loginlake.bronze.envelope import Encoder
from loginlake.bronze.idle import HeadKeeper, check_gap, only_gaps
from loginlake.bronze.patience import Patience
from loginlake.bronze.tip import Tip
from loginlake.errors import Retry, Stopped, Unavailable
from loginlake.lake.manifest import Lake
from loginlake.stream.log import EventLog, Range, Reader, Record

logger = logging.getLogger(__name__)
GROUP = "loginlake-land"
_POLL_RECORDS = 1000
_POLL_S = 0.5
_UNASSIGNED_S = 30.0


def now_ms() -> int:
    """The wall clock, in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class LandReport:
    """What a run wrote: records, objects, uncompressed bytes of lines; and the records that had expired."""

    records: int = 0
    objects: int = 0
    bytes: int = 0
    expired: int = 0


class Lander:
    """One member of the group of landers. Any number of them, zombies too, give the same bronze.

    Memory: the open batches hold at most twice `limits.bytes` of values, and the records of one poll.
    """

    def __init__(
        self,
        log: EventLog,
        lake: Lake,
        limits: BatchLimits,
        *,
        clock: Callable[[], int] = now_ms,
        timer: Callable[[], float] = time.monotonic,
        head_refresh_s: float = 15.0,
        first_pause_s: float = 0.2,
    ) -> None:
        """`clock` is the wall clock in ms, `timer` a steady one in seconds. Nothing connects yet."""
        self.log = log
        self.lake = lake
        self.limits = limits
        self.clock = clock
        self.timer = timer
        self.head_refresh_s = head_refresh_s
        self.first_pause_s = first_pause_s

    def run(
        self, stop: threading.Event, *, once: bool = False, on_landed: Callable[[int], None] | None = None
    ) -> LandReport:
        """Land until told to stop; `once`: up to the log's end as it is at the start.

        `on_landed` gets the number of records of each object written. Retry errors are waited for, visibly; UnknownLog,
        Diverged and the other GiveUp errors end the run. What was read but not landed is read again by the next one.
        """
        patience = Patience(stop, first_s=self.first_pause_s)
        session = None
        try:
            number = patience("opening lake and log", lambda: self.lake.log_number(self.log.identity()))
            ends = patience("asking the log's end", self.log.ranges) if once else None
            session = patience("joining the group", lambda: _Session(self, number, patience, on_landed))
            session.run(stop, ends)
        except Stopped:
            logger.info("stopped while waiting; the log keeps what was not landed")
        finally:
            if session is not None:
                session.close()
        return session.report if session is not None else LandReport()


class _Session:
    """One run: the reader, the tip and the open batch of each assigned partition."""

    def __init__(
        self, lander: Lander, number: int, patience: Patience, on_landed: Callable[[int], None] | None
    ) -> None:
        self._log, self._limits = lander.log, lander.limits
        self._clock, self._timer = lander.clock, lander.timer
        self._patience = patience
        self._on_landed = on_landed
        self._encode = Encoder(number).encode
        self._chain = Chain(lander.lake.store, number, patience, lander.clock)
        tell = partial(lander.lake.tell_partitions, number)
        self._heads = HeadKeeper(self._log, self._chain, lander.head_refresh_s, tell)
        self._tips: dict[int, Tip] = {}
        self._batches: dict[int, Batch] = {}
        self._mean_size = 1.0
        self.report = LandReport()
        self._reader: Reader = self._log.subscribe(GROUP, self._start)

    def run(self, stop: threading.Event, ends: Mapping[int, Range] | None) -> None:
        failures = 0
        waiting_since = self._timer()
        while not stop.is_set():
            try:
                records = self._reader.poll(self._poll_records(), self._poll_seconds())
                failures = 0
            except Retry as error:
                failures += 1
                self._patience.wait("reading the log", error, failures)
                continue
            assigned = self._forget_lost()
            self._take(records)
            self._close_aged()
            if ends is not None and self._has_landed(ends, assigned, quiet=not records):
                break
            if assigned:
                waiting_since = self._timer()
            elif ends is not None and self._timer() - waiting_since > _UNASSIGNED_S:
                logger.warning("No partition was assigned in %.0f s: another lander holds them all.", _UNASSIGNED_S)
                break
            self._heads.refresh(self._idle(), self._clock(), self._timer())
        self._close_all("stop" if stop.is_set() else "end")
        if ends is not None:
            self._heads.refresh(self._idle(), self._clock(), self._timer(), force=True)

    def close(self) -> None:
        """Leave the group; what is open stays in the log."""
        self._reader.close()

    def _start(self, partition: int) -> int:
        """Where the reader begins: the chain's end in the lake, whatever the group's offset says."""
        self._batches.pop(partition, None)
        found = self._chain.find(partition, self._range(partition))
        extent = self._patience("comparing log and bronze", lambda: check(self._log, partition, found))
        tip = self._tips[partition] = found.tip
        if extent.begin > tip.end:
            tip = self._expire(partition, extent.begin)
        logger.info("landing a partition", extra={"partition": partition, "from": tip.end})
        return tip.end

    def _forget_lost(self) -> frozenset[int]:
        """Drop what belongs to partitions that this member lost: their new holder reads it again."""
        assigned = self._reader.assigned()
        for partition in self._tips.keys() - assigned:
            del self._tips[partition]
            self._batches.pop(partition, None)
        return assigned

    def _take(self, records: Sequence[Record]) -> None:
        """Put the records into their partitions' batches, landing each that is full."""
        at, size = 0, 0
        while at < len(records):
            batch = self._batch_for(records[at])
            if batch is None:
                at += 1
                continue
            run = run_of(records, at, batch, self._limits)
            before = batch.size
            batch.add(run, self._encode(run))
            size += batch.size - before
            at += len(run)
            if full := closes_after(batch, self._limits):
                self._land(batch, full)
        self._mean_size = max(1.0, size / max(1, len(records)))
        self._bound_memory()

    def _batch_for(self, record: Record) -> Batch | None:
        """The batch that the record joins; None when the record is landed, expired or another member's."""
        partition = record.partition
        if partition not in self._tips or record.offset < self._next(partition):
            return None
        if record.offset > self._next(partition):
            self._jump(record)
        batch = self._batches.get(partition)
        if batch is not None and (reason := closes_before(batch, record)):
            self._land(batch, reason)
            batch = None
        if record.offset < self._next(partition):
            return None
        if batch is None:
            batch = self._batches[partition] = Batch.opened_by(record, self._timer())
        return batch

    def _next(self, partition: int) -> int:
        """The offset after the last record in hand or landed."""
        batch = self._batches.get(partition)
        return batch.end if batch is not None else self._tips[partition].end

    def _jump(self, record: Record) -> None:
        """A record that is not the next: after a legal gap, or after records that expired before they landed."""
        partition = record.partition
        extent = self._range(partition)
        if extent.begin > self._next(partition):
            if partition in self._batches:
                self._land(self._batches[partition], "end")
            # Another lander may have landed them before they expired: look again before they are called lost.
            found = self._chain.find(partition, extent).tip
            if found.end > self._tips[partition].end:
                self._tips[partition] = found
            self._expire(partition, min(extent.begin, record.offset))
        if record.offset > self._next(partition):
            check_gap(self._log, partition, Range(self._next(partition), record.offset))

    def _range(self, partition: int) -> Range:
        return self._patience("asking the log's range", self._log.ranges)[partition]

    def _expire(self, partition: int, to: int) -> Tip:
        before = self._tips[partition]
        tip = self._tips[partition] = self._chain.expire(partition, before, to)
        self._count(expired=max(0, tip.end - before.end))
        return tip

    def _land(self, batch: Batch, reason: Reason) -> None:
        """1. todo, 2. object, 3. head (all in the chain), 4. the group's offset."""
        partition = batch.partition
        del self._batches[partition]
        written = self._chain.write(batch, self._tips[partition])
        self._tips[partition] = written.tip
        self._count(written.records, written.objects, written.bytes)
        logger.info(
            "landed",
            extra={"object": written.tip.object, "records": written.records, "size": written.bytes, "reason": reason},
        )
        try:
            self._reader.commit({partition: written.tip.end})
        except Unavailable as error:
            logger.warning("The group's offset was not told; the next one covers it. %s", error)
        if self._on_landed is not None and written.records:
            self._on_landed(written.records)

    def _close_aged(self) -> None:
        now = self._timer()
        for batch in list(self._batches.values()):
            if reason := closes_by_age(batch, self._limits, now):
                self._land(batch, reason)

    def _close_all(self, reason: Reason) -> None:
        for batch in list(self._batches.values()):
            self._land(batch, reason)

    def _bound_memory(self) -> None:
        while sum(batch.size for batch in self._batches.values()) > 2 * self._limits.bytes:
            self._land(max(self._batches.values(), key=lambda batch: batch.size), "memory")

    def _has_landed(self, ends: Mapping[int, Range], assigned: frozenset[int], *, quiet: bool) -> bool:
        """Whether every assigned partition is read up to its end, or nothing but a gap is left; then close it."""
        for partition in assigned:
            position = self._next(partition)
            end = ends[partition].end if partition in ends else 0
            if position < end and not (quiet and self._only_gaps(partition, Range(position, end))):
                return False
        return bool(assigned)

    def _only_gaps(self, partition: int, extent: Range) -> bool:
        return self._patience("reading the log", lambda: only_gaps(self._log, partition, extent))

    def _idle(self) -> dict[int, Tip]:
        return {partition: tip for partition, tip in self._tips.items() if partition not in self._batches}

    def _poll_records(self) -> int:
        return max(1, min(_POLL_RECORDS, self._limits.records, int(self._limits.bytes / self._mean_size)))

    def _poll_seconds(self) -> float:
        return seconds_left(self._batches.values(), self._limits, self._timer(), _POLL_S)

    def _count(self, records: int = 0, objects: int = 0, size: int = 0, *, expired: int = 0) -> None:
        was = self.report
        self.report = LandReport(was.records + records, was.objects + objects, was.bytes + size, was.expired + expired)
