"""Retention: of the people who first signed in during one week, how many signed in during a later one. Pure.

The row `cohorts`: {"weeks": [[monday, people, [[first monday, people], ...]], ...]}, a line for each week that is over:
its distinct people by the week of their first sign-in. Weeks are ISO weeks of UTC days. A week is over when a later
one has a sign-in: the row follows from silver alone, not from a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

COHORTS = "cohorts"
Weeks = dict[str, list[list[Any]]]
"""The people of each week that is over (by its Monday), by first week."""


@lru_cache(maxsize=4096)
def monday(day: str) -> str:
    """The Monday of a day's week."""
    found = date.fromisoformat(day)
    return (found - timedelta(days=found.weekday())).isoformat()


def days_of(week: str) -> list[str]:
    """The seven days of a week."""
    first = date.fromisoformat(week)
    return [(first + timedelta(days=number)).isoformat() for number in range(7)]


def read(document: Mapping[str, Any] | None) -> Weeks:
    """The lines of the row by week."""
    return {week: by_first for week, _, by_first in (document["weeks"] if document else ())}


def document(weeks: Weeks) -> dict[str, Any]:
    """The row."""
    return {"weeks": [[week, sum(n for _, n in line), line] for week, line in sorted(weeks.items()) if line]}


def of_week(first_days: Iterable[str]) -> list[list[Any]]:
    """A week's line from the first active day of each of its people."""
    counted = Counter(monday(day) for day in first_days)
    return [[week, number] for week, number in sorted(counted.items())]


def over(busy: Iterable[str]) -> set[str]:
    """The weeks of these days that are over: all but the last."""
    weeks = {monday(day) for day in busy}
    return weeks - {max(weeks, default="")}
