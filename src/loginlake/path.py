"""The live side of the path, for the dashboard: where the records are now, and where rows are from. Reads alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import msgspec

from loginlake.bronze import tip
from loginlake.dashboard.source import Origin, Stages
from loginlake.gold import read, search
from loginlake.gold.store import Document, GoldStore
from loginlake.lake import keys, lines
from loginlake.lake.manifest import find_manifest
from loginlake.lake.store import ObjectStore
from loginlake.silver import watermark
from loginlake.stream.log import EventLog

_KEPT_S = 2.0
_OBJECTS = 10_000  # whose rows are counted once a version: who looks at a day asks every few seconds


class _Row(msgspec.Struct):
    log: int
    partition: int
    offset: int
    arrived: str = ""
    time: str = ""
    reason: str = ""


_rows = msgspec.json.Decoder(_Row).decode_lines


_row = msgspec.json.Decoder(_Row).decode


class People:
    """People's documents of gold, as the dashboard asks for them."""

    def __init__(self, gold: GoldStore) -> None:
        self._gold = gold

    def page(self, order: str, *, descending: bool, after: tuple[str, str] | None, limit: int) -> search.Page:
        """The people after `after` in an order."""
        return search.page(self._gold, order, descending=descending, after=after, limit=limit)

    def search(self, words: str, *, emails: bool) -> search.Page:
        """Who begins with the words."""
        return search.search(self._gold, words, emails=emails)

    def person(self, key: str) -> Document | None:
        """One person's document."""
        return read.person_of(self._gold, key)


class _Kept(NamedTuple):
    at: float
    stages: Stages


class LivePath:
    """Counts at the log's ends and the heads of the chains: a handful of reads, kept two seconds for all viewers."""

    def __init__(self, log: EventLog, store: ObjectStore, spooled: Callable[[], int]) -> None:
        self._log, self._store, self._spooled = log, store, spooled
        self._kept: _Kept | None = None
        self._rows_in = lru_cache(_OBJECTS)(self._count_rows)
        self._lock = threading.Lock()

    def stages(self) -> Stages:
        """Where the records are."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept.at > _KEPT_S:
                self._kept = _Kept(time.monotonic(), self._count())
            return self._kept.stages

    def _count(self) -> Stages:
        manifest = find_manifest(self._store)
        number = len(manifest.logs) - 1 if manifest is not None else 0
        heads = tip.all_heads(self._store)
        landed = sum(head.end for head in heads)
        former = sum(head.end for head in heads if head.log != number)
        cleaned = watermark.read(self._store)
        accepted = former + sum(extent.end for extent in self._log.ranges().values())
        return Stages(accepted, self._spooled(), landed, cleaned.complete_until if cleaned else None)

    def rejected(self, days: Iterable[str], limit: int) -> Sequence[Origin]:
        """The latest rejected rows of these arrival days (the last one first), without their content."""
        return list(islice((origin for day in days for origin in self._rejected_on(day)), limit))

    def _rejected_on(self, day: str) -> Iterator[Origin]:
        names = filter(keys.is_rejected, [e.key for e in self._store.list(f"rejected/signins/date={day}/")])
        for name in sorted(names, reverse=True):
            bronze = keys.bronze_of_rejected(name)
            rows = _rows(lines.decode(self._store.get(name).data))
            yield from (Origin(_place(row), bronze, reason=row.reason) for row in reversed(rows))

    def objects(self, day: str) -> Sequence[tuple[str, int]]:
        """The silver objects of a day, with the rows in each."""
        found = list(self._store.list(keys.silver_day("signins", day)))
        return [(entry.key, self._rows_in(entry.key, entry.version)) for entry in found]

    def _count_rows(self, key: str, _version: str) -> int:
        return lines.count(lines.decode(self._store.get(key).data))

    def origins(self, key: str, limit: int) -> Sequence[Origin]:
        """The first rows of a silver object, each with the bronze object that it came in."""
        content = lines.split(lines.decode(self._store.get(key).data))[:limit]
        rows = [_row(line) for line in content]
        return [Origin(_place(row), self._bronze(row), time=row.time) for row in rows]

    def _bronze(self, row: _Row) -> str:
        folder = keys.bronze_partition(row.arrived[:10], int(row.arrived[11:13]), row.log, row.partition)
        return tip.object_at(self._store, folder, row.offset) or folder


def _place(row: _Row) -> str:
    return f"{row.partition}:{row.offset}" if row.log == 0 else f"{row.log}:{row.partition}:{row.offset}"
