"""What the stages of this process did, counted: Prometheus' counters. No label holds a person's datum."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from loginlake.errors import Stopped
from loginlake.schedule import Step

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)
ENDS = ("kept", "repeated", "rejected", "erased")


class Meter:
    """The counters of one process. Thread-safe. `registry` holds them."""

    def __init__(self, clock: Callable[[], float] = time.time, timer: Callable[[], float] = time.perf_counter) -> None:
        """`clock` gives seconds since 1970, `timer` steady ones."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._clock, self._timer = clock, timer
        self._records = Counter("loginlake_land_records", "Records written to bronze", registry=registry)
        self._objects = Counter("loginlake_land_objects", "Objects written to bronze", registry=registry)
        self._lines = Counter(
            "loginlake_clean_lines", "Lines of bronze judged, by where they ended", ["end"], registry=registry
        )
        self._rejected = Counter(
            "loginlake_clean_rejected", "Lines of bronze rejected, by reason", ["reason"], registry=registry
        )
        self._cleaned = Counter("loginlake_clean_objects", "Objects of bronze cleaned", registry=registry)
        self._damaged = Gauge(
            "loginlake_clean_damaged_objects", "Objects of bronze that the last pass could not read", registry=registry
        )
        self._days = Counter("loginlake_publish_days", "Days published", registry=registry)
        self._refreshes = Counter("loginlake_publish_refreshes", "Times readers saw something new", registry=registry)
        self._seconds = Histogram(
            "loginlake_pass_seconds", "Duration of a stage's pass", ["stage"], buckets=_SECONDS, registry=registry
        )
        self._failures = Counter("loginlake_pass_failures", "Passes that ended early", ["stage"], registry=registry)
        self._succeeded = Gauge(
            "loginlake_pass_success_timestamp_seconds", "When a pass last ended well", ["stage"], registry=registry
        )
        self._written = Counter(
            "loginlake_lake_written_bytes", "Bytes written to the lake, as stored", ["layer"], registry=registry
        )
        self._unavailable = Counter(
            "loginlake_lake_unavailable", "Calls that the lake did not answer", registry=registry
        )
        for end in ENDS:
            self._lines.labels(end)

    def landed(self, records: int) -> None:
        """An object of bronze was written, of so many records."""
        self._objects.inc()
        self._records.inc(records)

    def wrote(self, key: str, size: int) -> None:
        """An object of the lake was written."""
        self._written.labels(key.partition("/")[0]).inc(size)

    def unanswered(self) -> None:
        """A call of the lake was not answered."""
        self._unavailable.inc()

    def step(self, step: Step[Any]) -> Step[Any]:
        """The step, its passes counted."""
        self._failures.labels(step.name)
        self._seconds.labels(step.name)

        def run() -> Any:
            began = self._timer()
            try:
                report = step.run()
            except Stopped:
                raise
            except Exception:
                self._failures.labels(step.name).inc()
                raise
            self._seconds.labels(step.name).observe(self._timer() - began)
            self._succeeded.labels(step.name).set(self._clock())
            self._take(step.name, report)
            return report

        return Step(step.name, run)

    def _take(self, name: str, report: Any) -> None:
        if name == "clean":
            counts = {end: getattr(report, end) for end in ENDS} | {"rejected": report.rejected.total()}
            for end, number in counts.items():
                self._lines.labels(end).inc(number)
            for reason, number in report.rejected.items():
                self._rejected.labels(reason).inc(number)
            self._cleaned.inc(report.objects)
            self._damaged.set(len(report.corrupt))
        elif name == "publish":
            self._days.inc(report.days)
            self._refreshes.inc(report.refreshes)
