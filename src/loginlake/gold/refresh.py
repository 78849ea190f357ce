"""One refresh of gold: some days read from silver, everything that they can reach computed, one pointer switched.

The order is the contract: claim a generation, users, rows, switch, people who are gone, people of the days. Whatever
crashes in between, the days are still dirty, and the same again gives the same; until the switch no reader sees a row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from loginlake.errors import Corrupt
from loginlake.event import rfc3339
from loginlake.gold import census, cohorts, days, months, people, persons, pointer, totals
from loginlake.gold.answers import (
    RECENT,
    Tally,
    day_facts,
    day_people,
    latest,
    newest,
    place,
    recent_items,
    says_something,
)
from loginlake.gold.pointer import DAY, PIPELINE, RECENT_KEY, ROWS, TOTALS, USERS
from loginlake.gold.store import Document, GoldStore
from loginlake.gold.windows import REACH, Window, slide
from loginlake.lake.store import ObjectStore

logger = logging.getLogger(__name__)
_CHUNK = 2_000
_DAYS_AT_HAND = 8
_PEOPLE_FIELDS = ("people", "people_7", "people_30", "new", "returning", "resurrected", "dormant")


class Refreshed(NamedTuple):
    """What one refresh did. `clean`: the days whose mark may go. `damaged`: days that cannot be read, and why."""

    generation: int
    days: list[str]
    clean: list[str]
    rows_written: int
    users_written: int
    damaged: dict[str, Corrupt]


class _Touched(NamedTuple):
    """A day read from silver, without its people's profiles."""

    tally: Tally
    people: dict[int, pl.DataFrame]
    contents: dict[int, bytes]
    before: days.StoredPeople


@dataclass
class _Users:
    """What is known of people after their documents were written."""

    census: census.Census
    written: int = 0
    gone: list[str] = field(default_factory=list)
    first_day: dict[str, str] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    weeks: set[str] = field(default_factory=set)


class Refresh:
    """One generation, from claim to switch. Made for one `run`."""

    def __init__(
        self, store: ObjectStore, gold: GoldStore, *, now: Callable[[], datetime], keep_for: timedelta
    ) -> None:
        """Claim the generation. Conflict when another publisher claimed at the same moment."""
        self._store, self._gold, self._now, self._keep_for = store, gold, now, keep_for
        seen = pointer.read(gold)
        self._pointer = pointer.claim(gold, seen, now())
        self._generation = self._pointer.version or 0
        self._before = totals.read(self._row(TOTALS))
        self._totals = dict(self._before)
        self._touched: dict[str, _Touched] = {}
        self._damaged: dict[str, Corrupt] = {}
        self._looked_up: dict[str, dict[int, pl.DataFrame]] = {}

    def run(self, wanted: Sequence[str], *, complete_until: str | None, max_people: int) -> Refreshed:
        """Publish the first of the wanted days (ascending), as many as hold `max_people` people, one at least.

        `complete_until` becomes current when these were all. Conflict: another publisher claimed since; nothing of
        this refresh is seen, and nothing is marked done.
        """
        changes = self._read_days(wanted, max_people)
        if changes is None:
            self._give_back()
            return Refreshed(self._pointer.generation, [], [], 0, 0, self._damaged)
        pointer.still_ours(self._gold, self._pointer)
        users = self._write_users(changes)
        del changes
        rows = self._rows(users)
        written = self._switch(rows, complete_until if len(self._touched) == len(wanted) else None)
        self._gold.delete(USERS, users.gone)
        clean = [
            day
            for day, touched in self._touched.items()
            if days.write_people(self._store, day, touched.contents, touched.before)
        ]
        return Refreshed(self._generation, list(self._touched), clean, written, users.written, self._damaged)

    def _give_back(self) -> None:
        """Nothing is to be written under this generation."""
        swept = pointer.sweep(self._gold, self._pointer, self._now(), self._keep_for)
        claims = tuple(entry for entry in swept.claims if entry[0] != self._generation)
        pointer.switch(self._gold, self._pointer, replace(swept, claims=claims))

    def _read_days(self, wanted: Sequence[str], max_people: int) -> pl.DataFrame | None:
        """Read days from silver; what changed of their people since gold was made from them. None: no day is readable.

        A day that cannot be read is left as it was published.
        """
        changes = []
        number = 0
        for day in wanted:
            if number >= max_people:
                break
            try:
                tally, now_there = days.read_day(self._store, day)
                stored = days.read_people(self._store, day)
            except Corrupt as error:
                logger.error("a day cannot be published: %s", error)  # noqa: TRY400 - a named condition
                self._damaged[day] = error
                continue
            whole = self._pointer.shape == pointer.SHAPE  # else another version wrote the people's documents
            trusted = whole and stored.digest == self._before.get(day, totals.NOTHING).people
            changes.append(people.changes(day, stored.frames(), now_there, trusted=trusted))
            number += changes[-1].height
            contents = {shard: people.encode(frame) for shard, frame in now_there.items()}
            slim = {shard: frame.select(people.KEY) for shard, frame in now_there.items()}
            self._touched[day] = _Touched(tally, slim, contents, stored)
            self._totals[day] = totals.of_day(tally, people.digest(contents))
            if tally.empty:
                del self._totals[day]
        return pl.concat(changes) if changes else None

    def _write_users(self, changes: pl.DataFrame) -> _Users:
        """Replace the documents of the people whose days changed, by chunks."""
        whole = not [entry for entry in self._pointer.claims if entry[0] != self._generation]
        stored = self._row(pointer.CENSUS) if whole else None
        users = _Users(census.Census(self._gold, stored, self._last_busy()))
        for day in changes.filter("presence")["day"].unique():
            users.reached.update(_following(day))
        for chunk in persons.by_person(changes, _CHUNK):
            stored = self._gold.read(USERS, list(chunk))
            new = []
            for person, first_change in chunk.items():
                old = stored.get(person)
                change, active = self._completed(old, first_change)
                users.reached.update(persons.next_active(old, change, active))
                users.weeks.update(_weeks_changed(change, active))
                if not active:
                    users.gone.append(person)
                    continue
                users.first_day[person] = next(iter(active))
                document = persons.document(old, change, active, self._generation)
                if not _equal(document, old):
                    new.append(document)
                    users.census.changed(old, document)
            self._gold.replace_newer(USERS, new)
            users.written += len(new)
        return users

    def _completed(self, old: Document | None, change: persons.Change) -> tuple[persons.Change, persons.Days]:
        """The change, with the days looked up that became first or last because another was taken away (rare)."""
        active = persons.days_after(old, change)
        while needed := persons.days_to_look_up(old, change, active):
            for day in needed:
                rows = people.rows(day, self._people_now(day), [change.person])
                (found,) = persons.by_person(rows, 1)
                change = change.plus(found[change.person])
            active = persons.days_after(old, change)
        return change, active

    def _people_now(self, day: str) -> dict[int, pl.DataFrame]:
        """The people of a day, with profile, as silver has them; the last few days are kept at hand."""
        if day not in self._looked_up:
            while len(self._looked_up) >= _DAYS_AT_HAND:
                del self._looked_up[next(iter(self._looked_up))]
            self._looked_up[day] = days.read_day(self._store, day).people
        return self._looked_up[day]

    def _rows(self, users: _Users) -> dict[str, dict[str, Any] | None]:
        """Every row that the touched days reach, by key; None where there is none any more."""
        reached = self._reached_days(users)
        current = self._current([*(DAY + day for day in reached), RECENT_KEY])
        rows: dict[str, dict[str, Any] | None] = {}
        for window in slide(reached, self._persons_of):
            new = self._count_new(window, users.first_day)
            document = {"day": window.day, **self._facts(window.day, current), **day_people(window, new)}
            rows[DAY + window.day] = document if says_something(document) else None
            if window.day in self._totals:
                self._totals[window.day] = self._totals[window.day]._replace(new=new)
        first, last = min(self._totals, default=""), max(self._totals, default="")
        for key in self._pointer.keys:
            if key.startswith(DAY) and not first <= key.removeprefix(DAY) <= last:
                rows[key] = None
        rows.update(self._months(rows))
        rows[cohorts.COHORTS] = self._cohorts(users)
        rows[pointer.CENSUS] = users.census.row(users.gone)
        rows[TOTALS] = totals.document(self._totals)
        rows[PIPELINE] = totals.pipeline_document(self._totals)
        rows[RECENT_KEY] = self._recent(current.get(RECENT_KEY))
        return rows

    def _months(self, rows: dict[str, dict[str, Any] | None]) -> dict[str, dict[str, Any] | None]:
        """The rows of every month of which a day's document was made anew, or that has none yet."""
        there = {key for key in self._pointer.keys if key.startswith(DAY)}
        known = {key for key in self._pointer.keys if key.startswith(months.MONTH)}
        touched = {_month(key) for key in rows if key.startswith(DAY)}
        touched |= {month for month in map(_month, there) if months.month_key(month) not in known}
        found: dict[str, dict[str, Any] | None] = {}
        for month in sorted(touched):
            names = sorted(key for key in there | rows.keys() if key.startswith(DAY + month))
            current = self._current([key for key in names if key not in rows])
            documents = [document for key in names if (document := rows.get(key) or current.get(key))]
            found.update({key: None for key in known if key.startswith(months.month_key(month))})
            found.update(months.rows(month, documents))
        return found

    def _last_busy(self) -> str | None:
        """The last day with a sign-in."""
        return max((day for day, line in self._totals.items() if line.signins), default=None)

    def _cohorts(self, users: _Users) -> dict[str, Any]:
        """The weeks that are over: those that the touched days reach, and those that have no line yet, anew."""
        kept = cohorts.read(self._row(cohorts.COHORTS))
        over = cohorts.over(day for day, line in self._totals.items() if line.signins)
        weeks: cohorts.Weeks = {}
        for week in sorted(over):
            if week in kept and week not in users.weeks:
                weeks[week] = kept[week]
                continue
            active = {person for day in cohorts.days_of(week) for person in self._persons_of(day)}
            self._look_up_first_days(active, users.first_day)
            weeks[week] = cohorts.of_week(users.first_day[person] for person in active if person in users.first_day)
        return cohorts.document(weeks)

    def _look_up_first_days(self, wanted: Iterable[str], first_day: dict[str, str]) -> None:
        """Complete `first_day`: the first active day of each person, from the documents."""
        unknown = [person for person in wanted if person not in first_day]
        for start in range(0, len(unknown), _CHUNK):
            found = self._gold.read(USERS, unknown[start : start + _CHUNK])
            first_day.update((person, min(document["days"])) for person, document in found.items())

    def _reached_days(self, users: _Users) -> list[str]:
        """The days whose document can change, ascending."""
        if not self._totals:
            return []
        first, last = min(self._totals), max(self._totals)
        reached = self._touched.keys() | users.reached
        if self._before and last > max(self._before):
            reached = reached | set(_following(max(self._before)))
        return sorted(day for day in reached if first <= day <= last)

    def _facts(self, day: str, current: dict[str, Document]) -> dict[str, Any]:
        """The part of a day's document that follows from its own rows: from silver, or as published."""
        if day in self._touched:
            return day_facts(self._touched[day].tally)
        if day not in self._totals:
            return day_facts(Tally())  # nothing happened on it
        document = current.get(DAY + day)
        if document is None:
            raise Corrupt(
                f"Gold has lost the row of {day}.",
                "The pointer and the rows do not fit together.",
                "Publish into a new gold store: it is made from silver anew.",
            )
        return {name: value for name, value in document.items() if name not in (*_PEOPLE_FIELDS, "_id", "generation")}

    def _persons_of(self, day: str) -> list[str]:
        if day in self._touched:
            return people.persons(self._touched[day].people)
        expected = self._totals.get(day, totals.NOTHING).people
        if not expected:
            return []
        stored = days.read_people(self._store, day)
        if stored.digest == expected:
            return people.persons(stored.frames())
        logger.warning("the people of a day are read from silver", extra={"day": day, "reason": "object differs"})
        return people.persons(days.read_day(self._store, day).people)

    def _count_new(self, window: Window, first_day: dict[str, str]) -> int:
        """How many of a day's people were never active before it."""
        self._look_up_first_days(window.others, first_day)
        return sum(first_day.get(person) == window.day for person in window.others)

    def _recent(self, document: Document | None) -> dict[str, Any]:
        """The latest sign-ins: those published of the other days and those of the touched; where that leaves a hole

        (one of them was taken away), from the latest days anew.
        """
        fresh = [item for touched in self._touched.values() for item in recent_items(touched.tally.recent)]
        known: list[dict[str, Any]] = document["items"] if document else []
        kept = [item for item in known if item["time"][:10] not in self._touched]
        merged = newest([*kept, *fresh])
        if len(known) < RECENT or (len(merged) == RECENT and place(merged[-1]) >= place(known[-1])):
            return {"items": merged}
        rows = Tally().recent
        for day in sorted((day for day, line in self._totals.items() if line.signins), reverse=True):
            touched = self._touched.get(day)
            rows = latest([rows, touched.tally.recent if touched else days.read_latest(self._store, day)])
            if rows.height == RECENT:
                break
        return {"items": recent_items(rows)}

    def _switch(self, rows: dict[str, dict[str, Any] | None], complete_until: str | None) -> int:
        """Write the rows that differ under this generation, then make them current."""
        current = self._current(rows)
        changed = {key: row for key, row in rows.items() if not _equal(row, current.get(key))}
        generations = {key: number for key, number in self._pointer.keys.items() if key not in changed}
        generations.update((key, self._generation) for key, row in changed.items() if row is not None)
        retired = [self._pointer.row(key) for key in changed if key in self._pointer.keys]
        written = {key: row for key, row in changed.items() if row is not None}
        if retired:
            written[pointer.RETIRED] = {"items": retired}
        pointer.still_ours(self._gold, self._pointer)
        self._gold.replace(
            ROWS,
            [
                {"_id": pointer.row_id(self._generation, key), "generation": self._generation, **row}
                for key, row in written.items()
            ],
        )
        at = self._now()
        swept = pointer.sweep(self._gold, self._pointer, at, self._keep_for)
        new = replace(
            swept,
            shape=pointer.SHAPE,
            generation=self._generation,
            published_at=rfc3339(at),
            complete_until=complete_until or swept.complete_until,
            keys=generations,
            claims=tuple(entry for entry in swept.claims if entry[0] != self._generation),
            retired=(*swept.retired, (self._generation, rfc3339(at))) if retired else swept.retired,
        )
        pointer.switch(self._gold, self._pointer, new)
        return len(changed)

    def _row(self, key: str) -> Document | None:
        return self._current([key]).get(key)

    def _current(self, wanted: Iterable[str]) -> dict[str, Document]:
        """The current rows of keys, by key."""
        names = {name: key for key in wanted if (name := self._pointer.row(key)) is not None}
        return {names[name]: row for name, row in self._gold.read(ROWS, list(names)).items()}


def _equal(new: Document | None, stored: Document | None) -> bool:
    if new is None or stored is None:
        return new is stored
    ignored = ("_id", "generation")
    return {k: v for k, v in new.items() if k not in ignored} == {k: v for k, v in stored.items() if k not in ignored}


def _month(key: str) -> str:
    return key.removeprefix(DAY)[:7]


def _weeks_changed(change: persons.Change, active: persons.Days) -> set[str]:
    """The weeks whose line can change with a person: those of the changed days; all, when the first day may be new."""
    first_may_be_new = change.came and active and min(change.came) <= next(iter(active))
    return {cohorts.monday(day) for day in (*change.came, *(active if first_may_be_new else ()))}


def _following(day: str) -> list[str]:
    """A day, and those after it that its people count in."""
    start = date.fromisoformat(day)
    return [(start + timedelta(days=number)).isoformat() for number in range(REACH + 1)]
