"""What the tests of landing share: a log with records, a run, and what is in bronze after it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

from fakes.memory_log import MemoryLog
from fakes.object_store import FakeStore

from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.envelope import decode
from loginlake.bronze.land import Lander, LandReport
from loginlake.lake import keys, lines
from loginlake.lake.manifest import Lake
from loginlake.lake.store import Entry, ObjectStore, Stored

T0 = 1_764_010_800_000  # 2025-11-24T19:00:00Z
HOUR_MS = 3_600_000
LIMITS = BatchLimits(records=4, bytes=1 << 20, age_s=1.0)


def filled(count: int, partitions: int = 1, every_ms: int = 60_000) -> MemoryLog:
    log = MemoryLog(partitions)
    for number in range(count):
        log.append(b'{"n":%d}' % number, timestamp_ms=T0 + number * every_ms, partition=number % partitions)
    return log


def lander(log: MemoryLog, store: ObjectStore, limits: BatchLimits = LIMITS) -> Lander:
    return Lander(log, Lake(store), limits, clock=lambda: T0 + 48 * HOUR_MS, first_pause_s=0.0)


def land(log: MemoryLog, store: ObjectStore, limits: BatchLimits = LIMITS) -> LandReport:
    return lander(log, store, limits).run(threading.Event(), once=True)


def bronze(store: FakeStore) -> dict[str, bytes]:
    return store.content("bronze/")


def landed(store: FakeStore) -> list[tuple[int, int]]:
    """Every (partition, offset) in bronze, in the order of the names; checks names against content on the way."""
    found = []
    for key, data in bronze(store).items():
        name = keys.parse_bronze(key)
        decoded = [decode(line) for line in lines.split(lines.decode(data))]
        assert decoded[0].offset == name.start
        for line in decoded:
            assert line.timestamp.startswith(f"{name.date}T{name.hour:02d}:")
            assert (line.log, line.partition) == (name.log, name.partition)
            found.append((line.partition, line.offset))
    return sorted(found)


def expected(log: MemoryLog) -> list[tuple[int, int]]:
    return [(record.partition, record.offset) for records in log.records for record in records]


def head(store: FakeStore, partition: int = 0) -> dict[str, object]:
    found: dict[str, object] = json.loads(store.get(keys.head(0, partition)).data)
    return found


class BlindStore(FakeStore):
    """A view of a store that shows an old head, and lists nothing: what a lander knows that slept meanwhile."""

    def __init__(self, store: FakeStore, end: int) -> None:
        super().__init__()
        self.objects = store.objects
        self._head = json.dumps({"log": 0, "partition": 0, "end": end, "object": None, "complete_until": None}).encode()

    def get(self, key: str) -> Stored:
        return Stored(self._head, "") if key.startswith("heads/") else super().get(key)

    def list(self, prefix: str, after: str | None = None) -> Iterator[Entry]:
        return iter(())
