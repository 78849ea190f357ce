"""What a shallow audit found in order, as the marks of its checkpoint."""

from __future__ import annotations

from loginlake.audit import scope as scopes
from loginlake.audit.checkpoint import Day, HourMark, ObjectMark
from loginlake.audit.listing import Listing
from loginlake.audit.objects import Facts
from loginlake.lake import keys


class Kept:
    """Marks by day: of an object by its arrival, of an hour by its events."""

    def __init__(self, listing: Listing, rules: int) -> None:
        """The versions are those of the listing: what changed since is read again."""
        self._listing, self._rules = listing, rules
        self.days: dict[str, Day] = {}

    def object(self, facts: Facts, before: ObjectMark | None) -> None:
        """Keep a settled object whose end is known; as it was, when it was believed."""
        if facts.end is None or not facts.settled:
            return
        self._day(keys.parse_bronze(facts.key).date).objects[facts.key] = before or ObjectMark(
            versions=scopes.versions_of(self._listing, facts.key),
            end=facts.end,
            lines=facts.lines,
            erased=facts.erased,
            rejected=dict(facts.rejected),
            hours={keys.silver(slot): count for slot, count in facts.slots.items()},
        )

    def hour(self, slot: keys.Slot, mark: HourMark) -> None:
        """Keep an hour as it was."""
        self._day(slot.date).hours[keys.silver(slot)] = mark

    def counted(self, slot: keys.Slot, rows: int, repeats: int) -> None:
        """Keep an hour that was compared."""
        self.hour(slot, HourMark(versions=scopes.hour_versions(self._listing, slot), rows=rows, repeats=repeats))

    def _day(self, date: str) -> Day:
        return self.days.setdefault(date, Day(rules=self._rules, objects={}, hours={}))
