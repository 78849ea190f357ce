"""Which objects and hours an audit reads: everything, some days, or what changed since the checkpoint. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from loginlake.audit.checkpoint import Day, HourMark, ObjectMark
from loginlake.audit.listing import Listing, slot_of
from loginlake.lake import keys


@dataclass(frozen=True, slots=True)
class Scope:
    """What was asked for: days (of events in silver and gold, of arrival in bronze), None for all; deep or shallow."""

    first: str | None = None
    last: str | None = None
    deep: bool = False

    @property
    def whole(self) -> bool:
        """Whether every day is meant."""
        return self.first is None and self.last is None

    def has(self, day: str) -> bool:
        """Whether a day is meant."""
        return (self.first or "") <= day <= (self.last or "~")

    def may_feed(self, arrived: str) -> bool:
        """Whether what arrived on a day can have rows in the days that are meant: no later than a day before them."""
        return self.first is None or arrived >= (date.fromisoformat(self.first) - timedelta(days=1)).isoformat()


def versions_of(listing: Listing, key: str) -> tuple[str, str | None, str | None]:
    """The versions of a bronze object, its receipt and its rejected rows."""
    return (
        listing.bronze[key],
        listing.receipts.get(keys.receipt(key)),
        listing.rejected.get(keys.rejected(key)),
    )


def hour_versions(listing: Listing, slot: keys.Slot) -> tuple[str | None, str | None]:
    """The versions of an hour's silver and repeated."""
    return listing.silver.get(keys.silver(slot)), listing.repeated.get(keys.repeated(slot))


def listed_slots(listing: Listing) -> set[keys.Slot]:
    """Every hour and shard that silver or repeated has."""
    return {slot for key in (*listing.silver, *listing.repeated) if (slot := slot_of(key)) is not None}


def believed_objects(listing: Listing, days: Mapping[str, Day]) -> dict[str, ObjectMark]:
    """The settled objects that are as the checkpoint has them."""
    marks = {key: mark for day in days.values() for key, mark in day.objects.items()}
    return {
        key: mark
        for key, mark in marks.items()
        if key in listing.bronze
        and keys.receipt(key) in listing.receipts
        and mark.versions == versions_of(listing, key)
    }


def believed_hours(listing: Listing, days: Mapping[str, Day]) -> dict[keys.Slot, HourMark]:
    """The hours that are as the checkpoint has them."""
    marks = {slot: mark for day in days.values() for key, mark in day.hours.items() if (slot := slot_of(key))}
    return {slot: mark for slot, mark in marks.items() if mark.versions == hour_versions(listing, slot)}


def feeding(objects: Mapping[str, ObjectMark], slots: Iterable[keys.Slot]) -> set[str]:
    """The believed objects that have rows in any of these hours."""
    wanted = {keys.silver(slot) for slot in slots}
    return {key for key, mark in objects.items() if not wanted.isdisjoint(mark.hours)}
