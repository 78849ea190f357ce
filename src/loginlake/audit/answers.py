"""Gold beside silver: every day's document, the latest sign-ins, the totals and every person, computed anew.

The pure parts of publish (answers, windows) are used; what publish stored on the way (people/, its totals) is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from loginlake.audit import people
from loginlake.audit.finding import Finding
from loginlake.audit.spill import Spill
from loginlake.errors import Corrupt
from loginlake.gold import census, cohorts, days, months
from loginlake.gold.answers import Tally, day_facts, day_people, latest, named, recent_items, says_something
from loginlake.gold.people import KEY, persons
from loginlake.gold.read import Snapshot
from loginlake.gold.store import GoldStore
from loginlake.gold.windows import Window, slide
from loginlake.lake.store import ObjectStore

Document = Mapping[str, Any]
Progress = Callable[[int], None]
_PEOPLE_FIELDS = frozenset(("people", "people_7", "people_30", "new", "returning", "resurrected", "dormant"))


@dataclass(slots=True)
class Gold:
    """What gold says, read once: its documents by day, and its other rows."""

    by_day: dict[str, Document]
    recent: list[dict[str, Any]]
    pipeline: dict[str, Any]
    cohorts: dict[str, Any]
    census: dict[str, Any]
    months: dict[str, Document]
    complete_until: str | None
    generation: int

    @classmethod
    def read(cls, gold: GoldStore) -> Gold:
        """Read what the pointer names."""
        snapshot = Snapshot.open(gold)
        documents: dict[str, Document] = {document["day"]: document for document in snapshot.all_days()}
        rows = snapshot.recent(), snapshot.pipeline(), snapshot.cohorts(), snapshot.census()
        return cls(documents, *rows, snapshot.all_months(), snapshot.complete_until, snapshot.generation)


def some_days(store: ObjectStore, gold: Gold, wanted: Iterable[str], open_days: frozenset[str]) -> list[Finding]:
    """Compare what follows from the days' own rows alone; days still to be published are left out."""
    findings = []
    for day in sorted(set(wanted) - open_days):
        read = days.read_day(store, day)
        document = {"day": day, **day_facts(read.tally)}
        if not read.tally.empty or day in gold.by_day:
            found = _differences(gold.by_day.get(day), document | {"people": len(persons_of(read.people))})
            findings += [_finding(f"rows day:{day}", found, day)] if found else []
    return findings


def persons_of(frames: Mapping[int, pl.DataFrame]) -> list[str]:
    """The person keys of a day."""
    return persons({shard: frame.select(KEY) for shard, frame in frames.items()})


@dataclass
class _Silver:
    """Every day of silver, read once each, in order: facts and windows stay, people go to buckets."""

    store: ObjectStore
    spill: Spill
    open_days: frozenset[str]
    progress: Progress
    facts: dict[str, Document] = field(default_factory=dict)
    busy: list[str] = field(default_factory=list)
    recent: pl.DataFrame = field(default_factory=lambda: Tally().recent)

    def people_of(self, day: str) -> list[str]:
        """Read a day; its people."""
        try:
            read = days.read_day(self.store, day)
        except (Corrupt, pl.exceptions.PolarsError):
            if day not in self.open_days:
                raise
            read = days.Day(Tally(), {})  # the hours were compared before, and this one was named
        if day not in self.facts:
            self.facts[day] = day_facts(read.tally)
            self.busy += [] if read.tally.empty else [day]
            self.recent = latest([self.recent, read.tally.recent])
            for frame in read.people.values():
                ordinal = date.fromisoformat(day).toordinal()
                records = people.of_day(frame, ordinal, still_open=day in self.open_days)
                self.spill.add(records, records["person"])
            self.progress(read.tally.signins)
        return persons_of(read.people)


def every_day(
    store: ObjectStore,
    store_of_gold: GoldStore,
    gold: Gold,
    open_days: frozenset[str],
    buckets: int,
    progress: Progress,
) -> list[Finding]:
    """Compare everything. What open days can reach is left out: it is still to be published."""
    known = days.every_day(store)
    with Spill(people.DAY, buckets) as spill, Spill(people.DOCUMENT, buckets) as documents:
        silver = _Silver(store, spill, open_days, progress)
        windows = list(slide(_calendar(known), silver.people_of))
        for records in people.documents(store_of_gold, open_days):
            documents.add(records, records["person"])
        findings, seen = people.compare(spill, documents)
    first_open = min(open_days, default="~")
    wanted = list(_documents(windows, silver.facts, seen.new))
    for document in wanted:
        day = document["day"]
        found = _differences(gold.by_day.get(day), document if says_something(document) else None)
        if day in open_days:
            continue
        if day >= first_open:
            found = {name: pair for name, pair in found.items() if name not in _PEOPLE_FIELDS and name != "document"}
        findings += [_finding(f"rows day:{day}", found, day)] if found else []
    for day in sorted(gold.by_day.keys() - set(_calendar(known)) - open_days):
        findings.append(_finding(f"rows day:{day}", {"document": ("there", "none")}, day))
    if open_days:
        return findings
    return [*findings, *_months(gold, wanted), *_totals(gold, silver, seen)]


def _months(gold: Gold, days: Iterable[Document]) -> Iterable[Finding]:
    """Compare the month rows with what the days give."""
    by_month: dict[str, list[Document]] = {}
    for document in filter(says_something, days):
        by_month.setdefault(document["day"][:7], []).append(document)
    wanted = {key: row for month, of in by_month.items() for key, row in months.rows(month, of).items()}
    for key in sorted(gold.months.keys() | wanted.keys()):
        if found := _differences(gold.months.get(key), wanted.get(key)):
            yield _finding(f"rows {key}", found)


def _documents(windows: list[Window], facts: Mapping[str, Document], new: Counter[int]) -> Iterable[Document]:
    for window in windows:
        first_time = new[date.fromisoformat(window.day).toordinal()]
        yield {"day": window.day, **facts[window.day], **day_people(window, first_time)}


def _calendar(known: Iterable[str]) -> list[str]:
    """Every day from the first to the last of these."""
    found = sorted(known)
    if not found:
        return []
    first, last = date.fromisoformat(found[0]), date.fromisoformat(found[-1])
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]


def _totals(gold: Gold, silver: _Silver, seen: people.Seen) -> list[Finding]:
    busy = sorted(silver.busy)
    rejected = Counter[str]()
    for facts in silver.facts.values():
        rejected.update({pair["name"]: pair["count"] for pair in facts["rejected_by_reason"]})
    pipeline = {
        "signins": sum(facts["signins"] for facts in silver.facts.values()),
        "refusals": sum(facts["refusals"] for facts in silver.facts.values()),
        "repeated": sum(facts["repeated"] for facts in silver.facts.values()),
        "rejected": rejected.total(),
        "rejected_by_reason": named(rejected.items()),
        "people": seen.new.total(),
        "first_day": busy[0] if busy else None,
        "last_day": busy[-1] if busy else None,
        "days": len(busy),
    }
    findings = []
    if found := _differences(gold.pipeline, pipeline):
        findings.append(_finding("rows pipeline", found))
    last = max((day for day in busy if silver.facts[day]["signins"]), default=None)
    for name, stored, row in (
        ("cohorts", gold.cohorts, cohorts.document(seen.lines(last))),
        ("census", gold.census, census.of_people(last, seen.lasts())),
    ):
        if found := _differences(stored, row):
            findings.append(_finding(f"rows {name}", found))
    if gold.recent != recent_items(silver.recent):
        findings.append(_finding("rows recent", {"items": ("another list", "other sign-ins")}))
    return findings


def _differences(stored: Document | None, wanted: Document | None) -> dict[str, tuple[Any, Any]]:
    """Field by field: what gold has and what silver gives."""
    if stored is None or wanted is None:
        return {} if stored is wanted else {"document": ("there" if stored else "none", "there" if wanted else "none")}
    return {name: (stored.get(name), value) for name, value in wanted.items() if stored.get(name) != value}


def _finding(where: str, found: Mapping[str, tuple[Any, Any]], day: str | None = None) -> Finding:
    said = [
        f"{name} is {stored}, silver gives {wanted}" if not isinstance(stored, list) else f"{name} differs"
        for name, (stored, wanted) in list(found.items())[:4]
    ]
    more = f" and {len(found) - 4} fields more" if len(found) > 4 else ""
    span = f" --from {day} --to {day}" if day else ""
    move = f"loginlake rebuild gold{span}"
    return Finding(fault="gold_differs", where=where, what=f"{'; '.join(said)}{more}.", next_move=move, date=day)
