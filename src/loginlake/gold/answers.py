"""Rows of silver -> documents of gold, shaped like the charts that read them. Pure.

Counts by a word are lists of {"name", "count"}, the largest first, then by name; what is not known has the name "".
Beyond `MOST_NAMES` the smallest are counted together under "*", so that no document grows without bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from loginlake.gold.agents import agent
from loginlake.gold.windows import Window

MOST_NAMES = 500
RECENT = 100
SIGNINS = {
    name: pl.Boolean if name == "email_verified" else pl.String
    for name in (
        *("time", "source", "id", "provider", "user_id", "username", "email", "email_verified", "picture"),
        *("hosted_domain", "method", "user_agent"),
    )
}
"""The columns of silver/signins that gold needs."""
REFUSALS = {"reason": pl.String}
_ORDER = ("time", "source", "id")
_RECENT_FIELDS = ("time", "source", "id", "provider", "user_id", "username", "email", "picture", "method")
LONGEST = 2_000  # characters of a value in gold
_DOMAIN = pl.col("email").str.split("@").list.last().str.to_lowercase().alias("domain")


@dataclass
class Tally:
    """What is counted of one day, from its own rows alone."""

    by_hour: list[int] = field(default_factory=lambda: [0] * 24)
    by_source: Counter[str] = field(default_factory=Counter)
    by_method: Counter[str] = field(default_factory=Counter)
    by_domain: Counter[str] = field(default_factory=Counter)
    by_agent: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    recent: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SIGNINS))

    def add_signins(self, rows: pl.DataFrame) -> None:
        """Count some of the day's sign-ins (columns: SIGNINS)."""
        for hour, number in _counts(rows, pl.col("time").str.slice(11, 2)).items():
            self.by_hour[int(hour)] += number
        self.by_source.update(_counts(rows, pl.col("source")))
        self.by_method.update(_counts(rows, pl.col("method")))
        self.by_domain.update(_counts(rows, _DOMAIN))
        self.by_agent.update(_counts(rows, pl.col("user_agent")))
        self.recent = latest([self.recent, rows])

    def add_refusals(self, rows: pl.DataFrame) -> None:
        """Count refusals (columns: reason)."""
        self.refused.update(_counts(rows, pl.col("reason")))

    @property
    def signins(self) -> int:
        """The day's sign-ins."""
        return sum(self.by_hour)

    @property
    def empty(self) -> bool:
        """Whether nothing at all happened."""
        return not (self.signins or self.refused.total() or self.rejected.total())


def latest(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The latest `RECENT` sign-ins of all the parts, the newest last."""
    ends = [part.tail(RECENT) if part.height > RECENT else part for part in parts]
    return pl.concat(ends).sort(_ORDER).tail(RECENT)


def day_facts(tally: Tally) -> dict[str, Any]:
    """The part of a day's document that follows from the day's own rows."""
    agents = [(agent(name), number) for name, number in tally.by_agent.items()]
    return {
        "signins": tally.signins,
        "refusals": tally.refused.total(),
        "rejected": tally.rejected.total(),
        "by_hour": tally.by_hour,
        "by_source": named(tally.by_source.items()),
        "by_method": named(tally.by_method.items()),
        "by_device": named((kind.device, number) for kind, number in agents),
        "by_browser": named((kind.browser, number) for kind, number in agents),
        "by_system": named((kind.system, number) for kind, number in agents),
        "by_domain": named(tally.by_domain.items()),
        "refused_by_reason": named(tally.refused.items()),
        "rejected_by_reason": named(tally.rejected.items()),
    }


def day_people(window: Window, new: int) -> dict[str, Any]:
    """The part of a day's document that follows from who was active on it and before."""
    return {
        "people": window.people,
        "people_7": window.people_7,
        "people_30": window.people_30,
        "new": new,
        "returning": window.returning,
        "resurrected": len(window.others) - new,
        "dormant": window.dormant,
    }


def says_something(day: Mapping[str, Any]) -> bool:
    """Whether a day's document has a figure: a day on which nothing happened and nothing shows has no document."""
    return any(day[name] for name in ("signins", "refusals", "rejected", "people_30", "dormant"))


def recent_items(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """The latest of these sign-ins as the dashboard shows them, the newest first."""
    items = []
    for row in latest([rows]).reverse().iter_rows(named=True):
        kind = agent(row["user_agent"])
        items.append({**{name: bounded(name, row[name]) for name in _RECENT_FIELDS}, **kind._asdict()})
    return items


def bounded(name: str, value: Any) -> Any:
    """A value as gold holds it: an endless name is cut, an endless picture left out. Silver keeps it whole."""
    if not isinstance(value, str) or len(value) <= LONGEST:
        return value
    return None if name == "picture" else value[: LONGEST - 1] + "…"


def newest(items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The latest `RECENT` items, the newest first."""
    return [dict(item) for item in sorted(items, key=place, reverse=True)[:RECENT]]


def place(item: Mapping[str, Any]) -> tuple[str, str, str]:
    """Where a sign-in is in the order of all."""
    return item["time"], item["source"], item["id"]


def named(counts: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    """Counts by name as charts read them; equal names are added up."""
    total: Counter[str] = Counter()
    for name, number in counts:
        total[bounded("name", name)] += number
    ordered = sorted((pair for pair in total.items() if pair[1]), key=lambda pair: (-pair[1], pair[0]))
    shown = [{"name": name, "count": number} for name, number in ordered[:MOST_NAMES]]
    rest = sum(number for _, number in ordered[MOST_NAMES:])
    return [*shown, {"name": "*", "count": rest}] if rest else shown


def _counts(rows: pl.DataFrame, column: pl.Expr) -> dict[str, int]:
    counted = rows.select(column.fill_null("").alias("name")).group_by("name").len()
    return dict(counted.iter_rows())
