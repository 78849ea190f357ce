"""Month rows of gold -> numbers over some days. Pure: rows, days, a zone in; plain values out, no words."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from operator import add
from typing import Any, NamedTuple

Row = Mapping[str, Any]
OTHERS = "*"


class Bar(NamedTuple):
    """A name with its number; `change` is the same name's numbers of the days compared: now, and before."""

    name: str
    number: int
    change: tuple[int, int] | None = None


class Series:
    """The days `first` to `last` of some month rows. A day that has no figures counts as 0."""

    def __init__(self, rows: Sequence[Row], first: date, last: date) -> None:
        self.first, self.last = first, last
        self.days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        self._given = rows
        self._place: dict[date, tuple[Row, int]] = {}
        self._rows: list[tuple[Row, int, int, list[int]]] = []
        low, high = first.isoformat(), last.isoformat()
        for row in rows:
            begin, end = bisect_left(row["days"], low), bisect_right(row["days"], high)
            dates = [date.fromisoformat(day) for day in row["days"][begin:end]]
            self._place.update({day: (row, at) for at, day in enumerate(dates, begin)})
            if dates:
                self._rows.append((row, begin, end, [(day - first).days for day in dates]))

    def until(self, last: date) -> Series:
        """The same figures of the days up to `last`."""
        return self if last >= self.last else Series(self._given, self.first, last)

    @property
    def known(self) -> bool:
        """Whether gold has any of these days."""
        return bool(self._place)

    def daily(self, figure: str) -> list[int]:
        """A figure of each day."""
        found = [0] * len(self.days)
        for row, begin, end, places in self._rows:
            for place, number in zip(places, row.get(figure, ())[begin:end], strict=False):
                found[place] = int(number)
        return found

    def on(self, day: date, figure: str) -> int:
        """A figure of one day."""
        placed = self._place.get(day)
        return int(placed[0][figure][placed[1]]) if placed and figure in placed[0] else 0

    def total(self, figure: str) -> int:
        """A figure added up. Not for people: they do not add up."""
        return sum(self.daily(figure))

    def latest(self, figure: str) -> tuple[int, date] | None:
        """A figure on the last day that has one."""
        day = max(self._place, default=None)
        return None if day is None else (self.on(day, figure), day)

    def names(self, field: str) -> Counter[str]:
        """The numbers by name, over all the days."""
        found: Counter[str] = Counter()
        for row, begin, end, _ in self._rows:
            for name, numbers in row.get(field, ()):
                found[name] += sum(numbers[begin:end])
        return +found

    def by_name(self, field: str, names: Sequence[str]) -> list[list[int]]:
        """For each day, the numbers of these names; what is left comes last."""
        table = []
        for day in self.days:
            placed = self._place.get(day)
            counts = {name: numbers[placed[1]] for name, numbers in placed[0].get(field, ())} if placed else {}
            shown = [counts.get(name, 0) for name in names]
            table.append([*shown, sum(counts.values()) - sum(shown)])
        return table

    def documents(self) -> dict[date, dict[str, Any]]:
        """The figures of each day that has some, as the documents of days have them."""
        names = ("signins", "people", "people_7", "people_30", "refusals", "rejected", "by_hour")
        return {day: {name: row[name][at] for name in names} for day, (row, at) in self._place.items()}

    def heat(self, zone: tzinfo) -> list[list[int]]:
        """Sign-ins by weekday (Monday first) and hour of the zone, summer time counted hour by hour."""
        table = [[0] * 24 for _ in range(7)]
        alike: dict[tuple[int, int], list[int]] = {}
        for day, (row, at) in self._place.items():
            midnight = datetime.combine(day, time(), UTC)
            began, ended = midnight.astimezone(zone), (midnight + timedelta(hours=24)).astimezone(zone)
            if began.utcoffset() == ended.utcoffset():
                kind = began.weekday(), began.hour
                alike[kind] = list(map(add, alike.get(kind, [0] * 24), row["by_hour"][at]))
                continue
            for hour, number in enumerate(row["by_hour"][at]):
                local = (midnight + timedelta(hours=hour)).astimezone(zone)
                table[local.weekday()][local.hour] += number
        for (weekday, begin), numbers in alike.items():
            for hour, number in enumerate(numbers, begin):
                later, local_hour = divmod(hour, 24)
                table[(weekday + later) % 7][local_hour] += number
        return table


def bars(now: Series, field: str, most: int, pair: tuple[Series, Series] | None = None) -> list[Bar]:
    """The largest names, with what they are in the `pair` of days that is compared; all the others under OTHERS."""
    counts = now.names(field)
    rest = counts.pop(OTHERS, 0)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    later, earlier = (one.names(field) for one in pair) if pair else (None, None)
    shown = [
        Bar(name, n, None if later is None or earlier is None else (later[name], earlier[name]))
        for name, n in ordered[:most]
    ]
    rest += sum(number for _, number in ordered[most:])
    return [*shown, Bar(OTHERS, rest)] if rest else shown


def by_week(days: Sequence[date], numbers: Sequence[int]) -> list[tuple[date, int]]:
    """Numbers added up by week, by its Monday."""
    found: dict[date, int] = {}
    for day, number in zip(days, numbers, strict=True):
        monday = day - timedelta(days=day.weekday())
        found[monday] = found.get(monday, 0) + number
    return sorted(found.items())


def stickiness(series: Series) -> int | None:
    """People a day, on average, of the people in 30 days at the end: per cent."""
    latest = series.latest("people_30")
    if latest is None or not latest[0]:
        return None
    people = [series.on(day, "people") for day in series.days if day <= latest[1]][-30:]
    return round(100 * sum(people) / len(people) / latest[0])


class Cohort(NamedTuple):
    """The people who came in a week (by its Monday), and how many of them were active that many weeks later."""

    week: date
    people: int
    active: tuple[int, ...]


def cohorts(row: Row, most: int) -> list[Cohort]:
    """The latest `most` cohorts, the earliest first. Weeks without a line had nobody."""
    lines = {date.fromisoformat(week): dict(by_first) for week, _, by_first in row["weeks"]}
    if not lines:
        return []
    last = max(lines)
    weeks = [last - timedelta(weeks=back) for back in range(most - 1, -1, -1)]
    found = []
    for week in weeks:
        active = []
        at = week
        while at <= last:
            active.append(int(lines.get(at, {}).get(week.isoformat(), 0)))
            at += timedelta(weeks=1)
        if active[0]:
            found.append(Cohort(week, active[0], tuple(active)))
    return found


def curve(found: Sequence[Cohort]) -> list[tuple[int, int, int]]:
    """For each number of weeks later: active people and people, of all the cohorts that are that old."""
    longest = max((len(cohort.active) for cohort in found), default=0)
    return [
        (
            age,
            sum(cohort.active[age] for cohort in found if len(cohort.active) > age),
            sum(cohort.people for cohort in found if len(cohort.active) > age),
        )
        for age in range(longest)
    ]
