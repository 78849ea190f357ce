"""Gold's documents -> the figures of the page. Pure: documents, a day, a zone in; plain values out, no words.

Days are UTC days, as gold counts people; hours are shifted to the zone that is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from loginlake.dashboard.photos import Photos, photo

Document = Mapping[str, Any]
OTHERS = "*"  # gold counts names beyond its limit under this one
WINDOW = 31  # days before today that the figures need whatever the range: 30 before, and today


class SameTime(NamedTuple):
    """Sign-ins of today and of the day a week ago, both up to the same full UTC hour; `whole` is that whole day."""

    hour: int
    now: int
    before: int
    whole: int


class Window(NamedTuple):
    """Distinct people of the last days, ending at `at`, and of as many days before (None: gold has no such day)."""

    people: int
    before: int | None
    at: date | None


class Totals(NamedTuple):
    """The figures on top."""

    signins: int
    same_time: SameTime
    people: int
    people_week_ago: int
    week: Window
    month: Window
    refusals: int
    rejected: int
    trend_signins: tuple[int, ...]
    trend_people: tuple[int, ...]


class Day(NamedTuple):
    """A point of the chart by day."""

    day: date
    signins: int
    people: int


class Hour(NamedTuple):
    """A bar of the chart by hour: local hour 0 to 23."""

    hour: int
    signins: int


class Latest(NamedTuple):
    """One of the latest sign-ins. `picture` is None where a photo may not be shown; strings are as they came."""

    time: datetime
    username: str
    email: str
    picture: str | None
    application: str
    device: str
    agent: str


class Path(NamedTuple):
    """What gold holds, and what did not reach it and why. `repeated` None: an older version's gold does not say."""

    signins: int
    people: int
    refusals: int
    repeated: int | None
    rejected: int
    reasons: tuple[tuple[str, int], ...]
    first_day: date | None


def reach(today: date, shown: int) -> tuple[date, date]:
    """The first and last day to read for a range of `shown` days."""
    return today - timedelta(days=max(shown, WINDOW) - 1), today


def _count(document: Document | None, field: str) -> int:
    return int(document[field]) if document else 0


def _window(days: Mapping[date, Document], today: date, length: int) -> Window:
    known = [found for found in days if found <= today]
    if not known:
        return Window(0, None, None)
    at = max(known)
    before = days.get(at - timedelta(days=length))
    field = f"people_{length}"
    return Window(_count(days[at], field), None if before is None else _count(before, field), at)


def _same_time(days: Mapping[date, Document], today: date, hour: int) -> SameTime:
    now, before = days.get(today), days.get(today - timedelta(days=7))
    until = [sum(document["by_hour"][:hour]) if document else 0 for document in (now, before)]
    return SameTime(hour, until[0], until[1], _count(before, "signins"))


def full_hours(complete_until: datetime | None, today: date) -> int:
    """How many whole UTC hours of `today` are complete: 0 to 24."""
    if complete_until is None:
        return 0
    since = complete_until - datetime.combine(today, time(), UTC)
    return min(24, max(0, int(since.total_seconds() // 3600)))


def totals(days: Mapping[date, Document], today: date, hours: int) -> Totals:
    """The figures on top, for today, of which `hours` UTC hours are complete."""
    document = days.get(today)
    fortnight = [days.get(today - timedelta(days=back)) for back in range(13, -1, -1)]
    return Totals(
        signins=_count(document, "signins"),
        same_time=_same_time(days, today, hours),
        people=_count(document, "people"),
        people_week_ago=_count(days.get(today - timedelta(days=7)), "people"),
        week=_window(days, today, 7),
        month=_window(days, today, 30),
        refusals=_count(document, "refusals"),
        rejected=_count(document, "rejected"),
        trend_signins=tuple(_count(found, "signins") for found in fortnight),
        trend_people=tuple(_count(found, "people") for found in fortnight),
    )


def daily(days: Mapping[date, Document], today: date, shown: int) -> list[Day]:
    """Sign-ins and people of each of the last `shown` days; a day without a document is a day without sign-ins."""
    dates = [today - timedelta(days=back) for back in range(shown - 1, -1, -1)]
    return [Day(at, _count(days.get(at), "signins"), _count(days.get(at), "people")) for at in dates]


def hourly(days: Mapping[date, Document], today: date, shown: int, zone: tzinfo) -> list[Hour]:
    """Sign-ins of the last `shown` days by the hour of the zone (summer time counted day by day)."""
    counts = [0] * 24
    first = today - timedelta(days=shown - 1)
    for at, document in days.items():
        if not first <= at <= today:
            continue
        midnight = datetime.combine(at, time(), UTC)
        for hour, signins in enumerate(document["by_hour"]):
            if signins:
                counts[(midnight + timedelta(hours=hour)).astimezone(zone).hour] += signins
    return [Hour(hour, signins) for hour, signins in enumerate(counts)]


def latest(items: Sequence[Document], photos: Photos, limit: int) -> list[Latest]:
    """The latest sign-ins, newest first."""
    return [
        Latest(
            time=datetime.fromisoformat(item["time"]),
            username=str(item.get("username") or ""),
            email=str(item.get("email") or ""),
            picture=photo(item.get("picture"), photos),
            application=host(str(item.get("source") or "")),
            device=str(item.get("device") or ""),
            agent=" · ".join(str(item[name]) for name in ("browser", "system") if item.get(name)),
        )
        for item in items[:limit]
    ]


class Year(NamedTuple):
    """Sign-ins of a person by day, from the Monday 52 weeks before the last day's week on; with their sums."""

    cells: tuple[tuple[date, int], ...]
    signins: int
    active_days: int


def days_of(person: Document) -> dict[date, int]:
    """A person's sign-ins by day."""
    return {date.fromisoformat(day): int(number) for day, number in person["days"].items()}


def devices_of(person: Document) -> list[tuple[str, int, date]]:
    """A person's devices (gold's names of them): on how many days each, and the last one; the latest used first."""
    used: dict[str, list[str]] = {}
    for day, names in person.get("devices", {}).items():
        for name in names.split("\n"):
            used.setdefault(name, []).append(day)
    found = [(name, len(days), date.fromisoformat(max(days))) for name, days in used.items()]
    return sorted(found, key=lambda one: (-one[2].toordinal(), -one[1], one[0]))


def year(days: Mapping[date, int], last: date) -> Year:
    """A person's days up to `last`, week by week."""
    first = last - timedelta(days=last.weekday() + 7 * 52)
    shown = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    since = [number for at, number in days.items() if at >= first]
    return Year(tuple((at, days.get(at, 0)) for at in shown), sum(since), len(since))


def host(source: str) -> str:
    """An application by the host of its URI, where that has one."""
    try:
        return urlsplit(source).netloc.rsplit("@", 1)[-1] or source
    except ValueError:
        return source


def path(pipeline: Document, reasons: int) -> Path:
    """What gold holds; the `reasons` most frequent reasons by name, the others together under OTHERS."""
    counts = {str(item["name"]): int(item["count"]) for item in pipeline["rejected_by_reason"]}
    rest = counts.pop(OTHERS, 0)
    found = list(counts.items())
    rest += sum(count for _, count in found[reasons:])
    shown = (*found[:reasons], *([(OTHERS, rest)] if rest else []))
    first = pipeline.get("first_day")
    return Path(
        signins=int(pipeline["signins"]),
        people=int(pipeline["people"]),
        refusals=int(pipeline["refusals"]),
        repeated=pipeline.get("repeated"),
        rejected=int(pipeline["rejected"]),
        reasons=shown,
        first_day=date.fromisoformat(first) if first else None,
    )
