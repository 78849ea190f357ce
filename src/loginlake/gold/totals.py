"""The row `totals`: a line a day, so that absolute totals follow from the touched days alone. Pure.

{"days": [[day, signins, refusals, new people, digest of its people, [[rejected reason, count], ...], repeats], ...]}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from loginlake.gold.answers import Tally, named


class DayTotal(NamedTuple):
    """What a day adds to the totals. `people`: the digest of the day's people that gold was made from."""

    signins: int
    refusals: int
    new: int
    people: str
    rejected: tuple[tuple[str, int], ...]
    repeated: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing happened on the day."""
        return not (self.signins or self.refusals or self.rejected)


Totals = Mapping[str, DayTotal]
NOTHING = DayTotal(0, 0, 0, "", ())


def of_day(tally: Tally, digest: str) -> DayTotal:
    """A day's line, its new people still to be counted."""
    rejected = tuple(sorted((reason, number) for reason, number in tally.rejected.items() if number))
    return DayTotal(tally.signins, tally.refusals.total(), 0, digest, rejected, tally.repeated)


def read(document: Mapping[str, Any] | None) -> dict[str, DayTotal]:
    """The lines by day; none without a document. An older version's lines end before the repeats."""
    return {
        day: DayTotal(signins, refusals, new, digest, tuple((reason, number) for reason, number in rejected), *repeated)
        for day, signins, refusals, new, digest, rejected, *repeated in (document["days"] if document else [])
    }


def document(totals: Totals) -> dict[str, Any]:
    """The row."""
    lines = []
    for day, line in sorted(totals.items()):
        lines.append([day, *line[:4], [list(pair) for pair in line.rejected], line.repeated])
    return {"days": lines}


def pipeline_document(totals: Totals) -> dict[str, Any]:
    """The totals of everything in gold. `days`: on how many days something happened."""
    rejected: Counter[str] = Counter()
    for line in totals.values():
        rejected.update(dict(line.rejected))
    return {
        "signins": sum(line.signins for line in totals.values()),
        "refusals": sum(line.refusals for line in totals.values()),
        "repeated": sum(line.repeated for line in totals.values()),
        "rejected": rejected.total(),
        "rejected_by_reason": named(rejected.items()),
        "people": sum(line.new for line in totals.values()),
        "first_day": min(totals, default=None),
        "last_day": max(totals, default=None),
        "days": len(totals),
    }
