"""The chain: the bronze objects of one log, a partition each, one after the other without overlap (docs/data.md).

The order of the writes is the contract: todo, object (create-only), head. A name that is taken is read, compared and
gone past; so whoever writes, and however often, each record is in bronze once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from loginlake.bronze.batch import Batch
from loginlake.bronze.compare import End, end_of_equal
from loginlake.bronze.envelope import timestamp
from loginlake.bronze.patience import Patience
from loginlake.bronze.tip import Expired, Found, Head, Tip, find_tip, read_expired
from loginlake.errors import ObjectExists, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.stream.log import Range

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Written:
    """What one write did: where the chain ends now, the records and uncompressed bytes that this call added."""

    tip: Tip
    records: int = 0
    objects: int = 0
    bytes: int = 0


class Chain:
    """The chains of one log's partitions. Every call waits for the store with patience; GiveUp errors pass through."""

    def __init__(self, store: ObjectStore, log: int, patience: Patience, clock: Callable[[], int]) -> None:
        """`log` is the log's number in the lake; `clock` the wall clock, in ms."""
        self._store = store
        self._log = log
        self._patience = patience
        self._clock = clock

    def find(self, partition: int, extent: Range) -> Found:
        """Where the chain ends (see `find_tip`). `extent` is the log's own range."""
        return self._patience(
            "looking for the end of bronze",
            lambda: find_tip(self._store, self._log, partition, extent, self._clock()),
        )

    def write(self, batch: Batch, tip: Tip) -> Written:
        """Make the batch durable after the tip: its own object, or the parts that others have not written yet."""
        written = Written(tip)
        rest = batch.since(tip.end)
        while rest is not None:
            written = self._write_next(rest, written)
            self.write_head(batch.partition, written.tip)
            rest = rest.since(written.tip.end)
        return written

    def expire(self, partition: int, tip: Tip, to: int) -> Tip:
        """Record that the log dropped everything from the tip up to `to` before it was landed. Loud."""
        while tip.end < to:
            found = self._expired(partition, tip.end) or self._create_expired(partition, tip.end, to)
            tip = Tip(found.to, tip.object, tip.complete_until)
            self.write_head(partition, tip)
        return tip

    def write_head(self, partition: int, tip: Tip) -> None:
        """Say where the chain ends. Only a hint: it may lag, so an older writer does no harm."""
        self._patience("writing a head", lambda: self.try_head(partition, tip))

    def try_head(self, partition: int, tip: Tip) -> None:
        """Write a head without patience: Retry errors come out. Complete until now at most: a log's clock may lead."""
        until = tip.complete_until and min(tip.complete_until, timestamp(self._clock()))
        body = msgspec.json.encode(Head(self._log, partition, tip.end, tip.object, until))
        self._store.put(keys.head(self._log, partition), body)

    def _write_next(self, batch: Batch, written: Written) -> Written:
        """One step along the chain: write the batch, or go past what is there already."""
        tip = written.tip
        key = batch.key(self._log)
        self._list(keys.todo(key))
        expired = self._expired(batch.partition, tip.end)
        if expired is not None:
            # A lander that slept through the expiry of what it holds: the chain says these records are gone.
            written.tip = Tip(expired.to, tip.object, tip.complete_until)
            return written
        data = batch.packed.end()
        try:
            self._patience("writing bronze", lambda: self._store.create(key, data))
        except ObjectExists:
            end = self._meet(key, batch)
            written.tip = Tip(end.offset, key, end.timestamp)
            return written
        return Written(
            Tip(batch.end, key, timestamp(batch.last_ms)),
            written.records + len(batch.offsets),
            written.objects + 1,
            written.bytes + batch.packed.size,
        )

    def _list(self, entry: str) -> None:
        """Put an object on clean's work list. What stands there already may tell how its cleaning began: it stays."""
        try:
            self._patience("writing the work list", lambda: self._store.create(entry, b""))
        except ObjectExists:
            logger.debug("on the work list already", extra={"object": entry})

    def _meet(self, key: str, batch: Batch) -> End:
        stored = self._patience("reading bronze", lambda: self._store.get(key))
        end = end_of_equal(key, lines.decode(stored.data), batch)
        logger.info("met an object of the same records", extra={"object": key, "end": end.offset})
        return end

    def _expired(self, partition: int, start: int) -> Expired | None:
        key = keys.expired(self._log, partition, start)
        try:
            return self._patience("reading an outcome", lambda: read_expired(self._store, key))
        except ObjectNotFound:
            return None

    def _create_expired(self, partition: int, start: int, to: int) -> Expired:
        outcome = Expired(self._log, partition, start, to)
        key = keys.expired(self._log, partition, start)
        try:
            body = msgspec.json.encode(outcome)
            self._patience("writing an outcome", lambda: self._store.create(key, body))
        except ObjectExists:
            return self._patience("reading an outcome", lambda: read_expired(self._store, key))
        logger.error(
            "Records %d to %d of partition %d expired before they were landed. The log kept them too short, or the "
            "lander was away too long. They are counted as expired; lengthen the log's retention.",
            start,
            to - 1,
            partition,
            extra={"outcome": key, "records": to - start},
        )
        return outcome
