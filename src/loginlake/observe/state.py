"""Where the path stands, read from its systems when somebody asks: lag, work lists, watermarks, the last audit.

It is true whichever process runs the stages, and costs the new data, not the history.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from loginlake.bronze.land import GROUP
from loginlake.bronze.tip import read_expired
from loginlake.errors import LoginlakeError
from loginlake.gold.read import Snapshot
from loginlake.gold.store import GoldStore
from loginlake.lake import marks
from loginlake.lake.store import ObjectStore
from loginlake.observe import audited
from loginlake.silver import watermark
from loginlake.stream.log import EventLog, Position

EVERY_S = 5.0


class PathState:
    """A collector. Asked again within `every_s` seconds it says the same; a system that is away is named."""

    def __init__(
        self,
        *,
        log: EventLog | None = None,
        store: ObjectStore | None = None,
        gold: GoldStore | None = None,
        clock: Callable[[], float] = time.time,
        every_s: float = EVERY_S,
    ) -> None:
        """What is None is not told of: each stage that runs alone tells its own."""
        self._log, self._store, self._gold = log, store, gold
        self._clock, self._every_s = clock, every_s
        self._lock = threading.Lock()
        self._said: list[Metric] = []
        self._next = 0.0

    def collect(self) -> Iterator[Metric]:
        """Each gauge."""
        with self._lock:
            if self._clock() >= self._next:
                self._said = list(self._ask())
                self._next = self._clock() + self._every_s
            yield from self._said

    def _ask(self) -> Iterator[Metric]:
        away = GaugeMetricFamily("loginlake_metrics_away", "Whether a system did not answer", labels=["system"])
        log, store, gold = self._log, self._store, self._gold
        parts: dict[str, Callable[[], Iterator[Metric]]] = {}
        if log is not None:
            parts["log"] = lambda: self._lag(log)
        if store is not None:
            parts["lake"] = lambda: _lists(store)
        if gold is not None:
            parts["gold"] = lambda: _answers(gold)
        for system, part in parts.items():
            try:
                found = list(part())
            except LoginlakeError:
                found = []
            away.add_metric([system], 0 if found else 1)
            yield from found
        yield away

    def _lag(self, log: EventLog) -> Iterator[Metric]:
        lag = GaugeMetricFamily("loginlake_land_lag_records", "Records not yet in bronze", labels=["partition"])
        oldest = GaugeMetricFamily(
            "loginlake_land_oldest_seconds", "Age of the oldest record not yet in bronze", labels=["partition"]
        )
        committed = log.committed(GROUP)
        for partition, (begin, end) in sorted(log.ranges().items()):
            at = max(begin, committed.get(partition, 0))
            lag.add_metric([str(partition)], max(0, end - at))
            record = log.read(Position(partition, at)) if at < end else None
            age = 0.0 if record is None else max(0.0, self._clock() - record.timestamp_ms / 1000)
            oldest.add_metric([str(partition)], age)
        yield from (lag, oldest)


def _lists(store: ObjectStore) -> Iterator[Metric]:
    waiting = sum(1 for _ in marks.to_clean(store))
    yield _gauge("loginlake_clean_waiting_objects", "Objects of bronze on clean's work list", waiting)
    yield _gauge("loginlake_publish_waiting_days", "Days on publish's work list", len(marks.to_publish(store)))
    outcomes = [read_expired(store, entry.key) for entry in store.list("expired/")]
    lost = sum(outcome.to - outcome.start for outcome in outcomes)
    yield _gauge("loginlake_land_expired_records", "Records that the log dropped before they were landed", lost)
    said = watermark.read(store)
    if said is not None and said.complete_until is not None:
        until = _seconds(said.complete_until)
        yield _gauge("loginlake_clean_complete_until_timestamp_seconds", "Silver has all that arrived before", until)
    last = audited.read(store)
    if last is not None:
        yield _gauge("loginlake_audit_faults", "Faults that the last audit found", last.faults)
        yield _gauge("loginlake_audit_timestamp_seconds", "When the last audit ended", _seconds(last.at))


def _answers(gold: GoldStore) -> Iterator[Metric]:
    snapshot = Snapshot.open(gold)
    until = snapshot.complete_until
    if until is not None:
        yield _gauge("loginlake_complete_until_timestamp_seconds", "Gold has all that arrived before", _seconds(until))
    told = snapshot.pipeline()
    records = GaugeMetricFamily("loginlake_gold_records", "What gold tells its readers", labels=["kind"])
    for kind in ("signins", "refusals", "rejected"):
        records.add_metric([kind], told[kind])
    yield records


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
