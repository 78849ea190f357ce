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
from loginlake.gold.months import MOST_NAMES
from loginlake.gold.windows import Window

MOST_APPS = 20
MOST_NAMES_OF_AN_APP = 50
RECENT = 100
SIGNINS = {
    name: pl.Boolean if name == "email_verified" else pl.String
    for name in (
        *("time", "source", "id", "provider", "user_id", "username", "email", "email_verified", "picture"),
        *("hosted_domain", "method", "user_agent"),
    )
}
"""The columns of silver/signins that gold needs."""
REFUSALS = {"source": pl.String, "reason": pl.String}
_ORDER = ("time", "source", "id")
_RECENT_FIELDS = ("time", "source", "id", "provider", "user_id", "username", "email", "picture", "method")
LONGEST = 2_000  # characters of a value in gold
_DOMAIN = pl.col("email").str.split("@").list.last().str.to_lowercase().alias("domain")


Counts = Counter[tuple[str, str]]
"""A number by (source, name)."""


@dataclass
class Tally:
    """What is counted of one day, from its own rows alone: each by application (source), which adds up to the day."""

    hours: Counts = field(default_factory=Counter)
    methods: Counts = field(default_factory=Counter)
    domains: Counts = field(default_factory=Counter)
    agents: Counts = field(default_factory=Counter)
    refusals: Counts = field(default_factory=Counter)
    repeated: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    recent: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SIGNINS))
    people: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"source": pl.String, "person": pl.UInt64})
    )

    def add_signins(self, rows: pl.DataFrame) -> None:
        """Count some of the day's sign-ins (columns: SIGNINS)."""
        self.hours.update(_counts(rows, pl.col("time").str.slice(11, 2)))
        self.methods.update(_counts(rows, pl.col("method")))
        self.domains.update(_counts(rows, _DOMAIN))
        self.agents.update(_counts(rows, pl.col("user_agent")))
        self.recent = latest([self.recent, rows])
        person = pl.struct("provider", "user_id").hash(1).alias("person")
        self.people = pl.concat([self.people, rows.select("source", person)]).unique()

    def add_refusals(self, rows: pl.DataFrame) -> None:
        """Count refusals (columns: REFUSALS)."""
        self.refusals.update(_counts(rows, pl.col("reason")))

    @property
    def signins(self) -> int:
        """The day's sign-ins."""
        return self.hours.total()

    @property
    def empty(self) -> bool:
        """Whether nothing at all happened."""
        return not (self.hours or self.refusals.total() or self.rejected.total())


def latest(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The latest `RECENT` sign-ins of all the parts, the newest last."""
    ends = [part.tail(RECENT) if part.height > RECENT else part for part in parts]
    return pl.concat(ends).sort(_ORDER).tail(RECENT)


def day_facts(tally: Tally) -> dict[str, Any]:
    """The part of a day's document that follows from the day's own rows."""
    sources: Counter[str] = Counter()
    for (source, _), number in tally.hours.items():
        sources[source] += number
    return {
        **_facts(tally, None, MOST_NAMES),
        "repeated": tally.repeated,
        "rejected": tally.rejected.total(),
        "by_source": named(sources.items()),
        "rejected_by_reason": named(tally.rejected.items()),
        "apps": _apps(tally, sources),
    }


def _facts(tally: Tally, source: str | None, most: int) -> dict[str, Any]:
    """What is counted of one application, or of all."""

    def of(counts: Counts) -> list[tuple[str, int]]:
        return [(name, number) for (at, name), number in counts.items() if source in (None, at)]

    hours = [0] * 24
    for hour, number in of(tally.hours):
        hours[int(hour)] += number
    agents = [(agent(name), number) for name, number in of(tally.agents)]
    refused = of(tally.refusals)
    return {
        "signins": sum(hours),
        "refusals": sum(number for _, number in refused),
        "by_hour": hours,
        "by_method": named(of(tally.methods), most),
        "by_device": named(((kind.device, number) for kind, number in agents), most),
        "by_browser": named(((kind.browser, number) for kind, number in agents), most),
        "by_system": named(((kind.system, number) for kind, number in agents), most),
        "by_domain": named(of(tally.domains), most),
        "refused_by_reason": named(refused, most),
    }


def _apps(tally: Tally, sources: Counter[str]) -> list[dict[str, Any]]:
    """The day of each application by itself: the largest few, by name."""
    people = dict(tally.people.group_by("source").len().iter_rows())
    everyone = {*sources, *(source for source, _ in tally.refusals)}
    largest = sorted(everyone, key=lambda source: (-sources[source], source))[:MOST_APPS]
    return [
        {
            "name": bounded("name", source),
            "people": people.get(source, 0),
            **_facts(tally, source, MOST_NAMES_OF_AN_APP),
        }
        for source in sorted(largest)
    ]


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


def named(counts: Iterable[tuple[str, int]], most: int = MOST_NAMES) -> list[dict[str, Any]]:
    """Counts by name as charts read them; equal names are added up."""
    total: Counter[str] = Counter()
    for name, number in counts:
        total[bounded("name", name)] += number
    ordered = sorted((pair for pair in total.items() if pair[1]), key=lambda pair: (-pair[1], pair[0]))
    shown = [{"name": name, "count": number} for name, number in ordered[:most]]
    rest = sum(number for _, number in ordered[most:])
    return [*shown, {"name": "*", "count": rest}] if rest else shown


def _counts(rows: pl.DataFrame, column: pl.Expr) -> dict[tuple[str, str], int]:
    named_ = rows.select("source", column.fill_null("").alias("name"))
    return {(source, name): number for source, name, number in named_.group_by("source", "name").len().iter_rows()}
