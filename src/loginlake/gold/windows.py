"""Exact distinct people over days: 1, 7 and 30 days back, and who came back or fell silent. Pure.

People are numbered as they appear; for each number the last active day is kept, and one pass over the days, the
earliest first, answers every question by comparing that vector. It never sees more than the days it is asked about
and the 30 before each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

REACH = 30
"""A day's people count in the windows and in the lifecycle of that many days after it."""
_NEVER = -(1 << 30)
_Numbers = npt.NDArray[np.int32]


class Window(NamedTuple):
    """A day's figures. `others`: who is active and was not in the 30 days before: new or resurrected, by history."""

    day: str
    people: int
    people_7: int
    people_30: int
    returning: int
    dormant: int
    others: list[str]


def slide(days: Sequence[str], people_of: Callable[[str], Sequence[str]]) -> Iterator[Window]:
    """The window of each of `days` (ascending). `people_of` gives the distinct persons of any day."""
    pass_ = _Pass(people_of)
    reached: int | None = None
    for day in days:
        today = date.fromisoformat(day).toordinal()
        start = today - REACH
        if reached is not None and start <= reached + 1:
            start = reached + 1
        else:
            pass_ = _Pass(people_of)
        for earlier in range(start, today):
            pass_.enter(earlier)
        reached = today
        yield pass_.window(today)


class _Pass:
    def __init__(self, people_of: Callable[[str], Sequence[str]]) -> None:
        self._people_of = people_of
        self._number: dict[str, int] = {}
        self._last = np.empty(0, np.int32)

    def enter(self, today: int) -> tuple[Sequence[str], _Numbers]:
        """Mark a day's people active; who they are, and when each was active before."""
        persons = self._people_of(date.fromordinal(today).isoformat())
        number = self._number
        numbers = np.fromiter((number.setdefault(p, len(number)) for p in persons), np.int64, len(persons))
        if len(number) > len(self._last):
            room = max(2 * len(self._last), len(number))
            self._last = np.append(self._last, np.full(room - len(self._last), _NEVER, np.int32))
        before = self._last[numbers]
        self._last[numbers] = today
        return persons, before

    def window(self, today: int) -> Window:
        persons, before = self.enter(today)
        returning = before >= today - REACH
        last = self._last
        return Window(
            date.fromordinal(today).isoformat(),
            people=len(persons),
            people_7=int(np.count_nonzero(last > today - 7)),
            people_30=int(np.count_nonzero(last > today - 30)),
            returning=int(np.count_nonzero(returning)),
            dormant=int(np.count_nonzero(last == today - REACH)),
            others=[persons[place] for place in np.flatnonzero(~returning).tolist()],
        )
