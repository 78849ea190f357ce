"""One person's document from what changed on some days. Pure, absolute: the same changes give the same document."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import polars as pl

from loginlake.gold import search
from loginlake.gold.agents import DEVICE_DAYS
from loginlake.gold.answers import bounded
from loginlake.gold.people import KEY, PROFILE

Days = dict[str, int]
"""A person's sign-ins by active day, ascending."""


class Change(NamedTuple):
    """What silver now says of a person on some days.

    `days`, `signins` (0: not there) and `devices` go together. `came`: the days on which the person came or went.
    `earliest` and `latest` are the first and last of the days on which the person is there, with what the document
    takes from them.
    """

    person: str
    days: list[str]
    signins: list[int]
    devices: list[str | None]
    came: list[str]
    earliest: str | None
    first: str | None
    latest: str | None
    last: str | None
    provider: str | None
    user_id: str | None
    username: str | None
    email: str | None
    email_verified: bool | None
    picture: str | None
    hosted_domain: str | None

    def plus(self, other: Change) -> Change:
        """Both changes, of other days."""
        begins = min((self, other), key=lambda change: change.earliest or "~")
        ends = max((self, other), key=lambda change: change.latest or "")
        return ends._replace(
            days=self.days + other.days,
            signins=self.signins + other.signins,
            devices=self.devices + other.devices,
            came=self.came + other.came,
            earliest=begins.earliest,
            first=begins.first,
        )


def by_person(changes: pl.DataFrame, at_once: int) -> Iterator[dict[str, Change]]:
    """The changes of each person, some persons at once. The frame is that of people.changes, days ascending."""
    there = pl.col("signins") > 0
    grouped = changes.group_by("person").agg(
        "day",
        "signins",
        "devices",
        pl.col("day").filter("presence").alias("came"),
        pl.col("day").filter(there).first().alias("earliest"),
        pl.col("first").filter(there).first(),
        pl.col("day").filter(there).last().alias("latest"),
        *(pl.col(name).filter(there).last() for name in ("last", *KEY, *PROFILE)),
    )
    for part in grouped.iter_slices(at_once):
        yield {row[0]: Change(*row) for row in part.rows()}


def days_after(stored: Mapping[str, Any] | None, change: Change) -> Days:
    """The person's active days, with the change."""
    changed = zip(change.days, change.signins, strict=True)
    days: Days = dict(sorted({**stored["days"], **dict(changed)}.items())) if stored else dict(sorted(changed))
    return {day: number for day, number in days.items() if number} if 0 in change.signins else days


def days_to_look_up(stored: Mapping[str, Any] | None, change: Change, days: Days) -> set[str]:
    """The days that now are the person's first or last, or within the time of devices, and were not, and whose rows

    are not in hand.
    """
    if not days or not stored:
        return set()
    first, last = next(iter(days)), next(reversed(days))
    before = max(stored["days"])
    begin, begun = device_days_begin(last), device_days_begin(before)
    missing = {day for day in days if begin <= day < begun}.difference(change.days)
    if first not in (change.earliest, min(stored["days"])):
        missing.add(first)
    if last not in (change.latest, before):
        missing.add(last)
    return missing


def next_active(stored: Mapping[str, Any] | None, change: Change, days: Days) -> set[str]:
    """The person's next active day after each one on which it came or went, where that is none of the changed days.

    However far, that one turns from new into resurrected or back. It follows from the state after the change alone,
    so that a refresh done again after a crash finds it again.
    """
    if not stored or not change.came or not days or next(reversed(days)) <= min(change.came):
        return set()
    ascending = list(days)
    places = (bisect_right(ascending, day) for day in change.came)
    return {ascending[at] for at in places if at < len(ascending)}


def device_days_begin(last: str) -> str:
    """The first of the days of which the devices are told."""
    return (date.fromisoformat(last) - timedelta(days=DEVICE_DAYS - 1)).isoformat()


def document(stored: Mapping[str, Any] | None, change: Change, days: Days, generation: int) -> dict[str, Any]:
    """The person's document with the change; `days` (not empty) are those of days_after."""
    first, last = next(iter(days)), next(reversed(days))
    old: Mapping[str, Any] = stored or {}
    latest: Mapping[str, Any] = change._asdict() if change.latest == last else old
    devices = {**old.get("devices", {}), **dict(zip(change.days, change.devices, strict=True))}
    begin = device_days_begin(last)
    return {
        "_id": change.person,
        "provider": latest["provider"],
        "user_id": latest["user_id"],
        **{name: bounded(name, latest[name]) for name in PROFILE},
        **search.keys(latest["username"], latest["email"]),
        "first": change.first if change.earliest == first else old["first"],
        "last": latest["last"],
        "signins": sum(days.values()),
        "active_days": len(days),
        "days": days,
        "devices": {day: devices[day] for day in days if day >= begin and day in devices},
        "generation": generation,
    }
