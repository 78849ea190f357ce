"""One person's document from what changed on some days. Pure, absolute: the same changes give the same document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from loginlake.gold.people import PROFILE


class DayRow(NamedTuple):
    """A person's day as silver has it now; signins 0: not there."""

    day: str
    presence: bool
    provider: str
    user_id: str
    signins: int
    first: str
    last: str
    username: str
    email: str
    email_verified: bool | None
    picture: str
    hosted_domain: str | None


Change = dict[str, DayRow]
"""A person's changed days, by day."""


def by_person(changes: pl.DataFrame) -> Iterator[tuple[str, Change]]:
    """The changes of each person; the frame is that of people.changes, of any number of days."""
    person: str | None = None
    change: Change = {}
    for name, *values in changes.sort("person").iter_rows():
        if name != person:
            if person is not None:
                yield person, change
            person, change = name, {}
        row = DayRow(*values)
        change[row.day] = row
    if person is not None:
        yield person, change


def days_after(stored: Mapping[str, Any] | None, change: Change) -> dict[str, int]:
    """The person's sign-ins by active day, with the change."""
    days: dict[str, int] = dict(stored["days"]) if stored else {}
    for day, row in change.items():
        if row.signins:
            days[day] = row.signins
        else:
            days.pop(day, None)
    return dict(sorted(days.items()))


def days_to_look_up(stored: Mapping[str, Any] | None, change: Change) -> set[str]:
    """The days that now are the person's first or last and were not, and whose rows are not in hand."""
    days = days_after(stored, change)
    if not days:
        return set()
    before = stored["days"] if stored else {}
    ends = {(min, min(days)), (max, max(days))}
    return {day for end, day in ends if day not in change and day != end(before)}


def document(person: str, stored: Mapping[str, Any] | None, change: Change, generation: int) -> dict[str, Any] | None:
    """The person's document with the change; None when no active day is left."""
    days = days_after(stored, change)
    if not days:
        return None
    first, last = change.get(min(days)), change.get(max(days))
    old: Mapping[str, Any] = stored or {}
    latest: Mapping[str, Any] = last._asdict() if last else old
    return {
        "_id": person,
        "provider": latest["provider"],
        "user_id": latest["user_id"],
        **{name: latest[name] for name in PROFILE},
        "first": first.first if first else old["first"],
        "last": latest["last"],
        "signins": sum(days.values()),
        "active_days": len(days),
        "days": days,
        "generation": generation,
    }
