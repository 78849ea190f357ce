"""Everybody counted: people by number of sign-ins, and those who have not signed in for long.

    {"day", "people", "by_signins": [[least, people], ...], "silent": [[days, people], ...]}

`least` are the lower ends of the classes; `silent` counts who has had no sign-in on the last that many days, `day` (the
last day with
one) included.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from loginlake.gold.pointer import USERS
from loginlake.gold.store import Document, GoldStore, Index

CLASSES = (1, 2, 5, 10, 20, 50, 100, 200)
SILENCES = (30, 60, 90)
BY_SIGNINS = Index(USERS, ("signins",))
BY_LAST = Index(USERS, ("last",))


def bounds(day: str) -> list[tuple[int, str]]:
    """For each silence, the day before which the last sign-in of a silent person was."""
    at = date.fromisoformat(day)
    return [(days, (at - timedelta(days=days - 1)).isoformat()) for days in SILENCES]


class Census:
    """The row after one refresh: the stored one with what changed, where that is known to be whole, else counted anew.

    It is whole on the same day when nobody has begun a refresh since and not ended it: then its people's documents
    may be written and not yet be in the row. And while a document is to be removed nobody knows whether it was.
    """

    def __init__(self, gold: GoldStore, stored: Document | None, day: str | None) -> None:
        """`stored` is None where it is not to be trusted."""
        self._gold, self._day = gold, day
        self._stored = stored if stored and stored["day"] == day else None
        self._classes: Counter[int] = Counter()
        self._silent: Counter[int] = Counter()

    def changed(self, old: Document | None, new: Document) -> None:
        """A person's document was replaced (None: there was none)."""
        if self._day is None:
            return
        for document, number in ((old, -1), (new, 1)):
            if document is not None:
                self._classes[bisect_right(CLASSES, document["signins"]) - 1] += number
                self._silent.update({days: number for days, first in bounds(self._day) if document["last"] < first})

    def row(self, gone: Sequence[str]) -> dict[str, Any]:
        """The row. `gone`: the documents whose removal is still to come."""
        if self._day is None:
            return row(None, [], {})
        if self._stored is not None and not gone:
            classes = [number + self._classes[at] for at, (_, number) in enumerate(self._stored["by_signins"])]
            return row(self._day, classes, {days: n + self._silent[days] for days, n in self._stored["silent"]})
        above = [self._gold.count_from(BY_SIGNINS, least) for least in CLASSES]
        classes = [more - fewer for more, fewer in zip(above, [*above[1:], 0], strict=True)]
        silent = {days: above[0] - self._gold.count_from(BY_LAST, first) for days, first in bounds(self._day)}
        for old in self._gold.read(USERS, gone).values() if gone else ():
            classes[bisect_right(CLASSES, old["signins"]) - 1] -= 1
            silent.update({days: silent[days] - 1 for days, first in bounds(self._day) if old["last"] < first})
        return row(self._day, classes, silent)


def of_people(day: str | None, people: Mapping[tuple[int, str], int]) -> dict[str, Any]:
    """The same from how many people have so many sign-ins and that last day: what an audit compares it with."""
    if day is None:
        return row(None, [], {})
    classes = Counter[int]()
    for (signins, _), number in people.items():
        classes[bisect_right(CLASSES, signins) - 1] += number
    silent = {days: sum(n for (_, last), n in people.items() if last < first) for days, first in bounds(day)}
    return row(day, [classes[at] for at in range(len(CLASSES))], silent)


def row(day: str | None, classes: Sequence[int], silent: Mapping[int, int]) -> dict[str, Any]:
    """The row."""
    return {
        "day": day,
        "people": sum(classes),
        "by_signins": [[least, number] for least, number in zip(CLASSES, classes, strict=False)],
        "silent": [[days, number] for days, number in silent.items()],
    }
