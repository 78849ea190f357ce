"""How far each layer is: what waits before it, until when it is complete, when it last ran. Costs the new data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from loginlake.bronze.land import GROUP
from loginlake.gold.read import Snapshot
from loginlake.gold.store import GoldStore
from loginlake.lake import marks
from loginlake.lake.store import ObjectStore
from loginlake.observe import audited
from loginlake.silver import watermark
from loginlake.stream.log import EventLog


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Waiting: events in the spool, records by partition, objects, days. Until: arrival times (RFC 3339)."""

    spooled: int
    lag: dict[int, int]
    to_clean_objects: int
    to_publish_days: int
    landed_until: str | None
    cleaned_until: str | None
    published_until: str | None
    published_at: str | None
    audited: audited.Audited | None


def read(log: EventLog, store: ObjectStore, gold: GoldStore, spooled: Callable[[], int]) -> Standing:
    """Ask each system."""
    committed, snapshot, cleaned = log.committed(GROUP), Snapshot.open(gold), watermark.read(store)
    lag = {at: max(0, end - max(begin, committed.get(at, 0))) for at, (begin, end) in sorted(log.ranges().items())}
    return Standing(
        spooled=spooled(),
        lag=lag,
        to_clean_objects=sum(1 for _ in marks.to_clean(store)),
        to_publish_days=len(marks.to_publish(store)),
        landed_until=watermark.landed_until(store),
        cleaned_until=cleaned.complete_until if cleaned is not None else None,
        published_until=snapshot.complete_until,
        published_at=snapshot.published_at,
        audited=audited.read(store),
    )


def table(standing: Standing, now: datetime) -> str:
    """A line a layer."""

    def until(moment: str | None) -> str:
        return f"complete until {moment} ({_ago(moment, now)} ago)" if moment else "not complete yet"

    last, most = standing.audited, max(standing.lag.values(), default=0)
    verdict = (
        f"{'deep' if last.deep else 'shallow'}, {last.faults} wrong, {_ago(last.at, now)} ago" if last else "never"
    )
    published = f"; published {_ago(standing.published_at, now)} ago" if standing.published_at else ""
    rows = (
        ("spool", f"{standing.spooled:,} to send"),
        ("log", f"{sum(standing.lag.values()):,} to land, at most {most:,} in one of {len(standing.lag)} partitions"),
        ("bronze", f"{until(standing.landed_until)}; {standing.to_clean_objects:,} objects to clean"),
        ("silver", f"{until(standing.cleaned_until)}; {standing.to_publish_days:,} days to publish"),
        ("gold", f"{until(standing.published_until)}{published}"),
        ("audit", verdict),
    )
    return "\n".join(f"{name:>14}  {said}" for name, said in rows)


def _ago(moment: str, now: datetime) -> str:
    seconds = max(0.0, (now - datetime.fromisoformat(moment)).total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
