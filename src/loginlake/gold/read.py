"""The reader's side of gold: a snapshot of the totals that never mixes two refreshes, and a person's own document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from loginlake.errors import Conflict
from loginlake.event import person_key
from loginlake.gold import census, cohorts, months, pointer
from loginlake.gold.pointer import DAY, PIPELINE, RECENT_KEY, USERS, Pointer
from loginlake.gold.store import Document, GoldStore

_EMPTY_PIPELINE: dict[str, Any] = {
    **dict.fromkeys(("signins", "refusals", "repeated", "rejected", "people", "days"), 0),
    "rejected_by_reason": [],
    "first_day": None,
    "last_day": None,
}
_INTERNAL = ("_id", "generation")


class Snapshot:
    """Gold as one refresh left it. Good for 15 minutes; then Conflict says to open a new one."""

    def __init__(self, gold: GoldStore, current: Pointer) -> None:
        """Use `Snapshot.open`."""
        self._gold = gold
        self._pointer = current

    @classmethod
    def open(cls, gold: GoldStore) -> Snapshot:
        """Read the pointer, once. Without one the snapshot is empty."""
        return cls(gold, pointer.read(gold))

    @property
    def complete_until(self) -> str | None:
        """The arrival time (RFC 3339) up to which every sign-in is in these answers."""
        return self._pointer.complete_until

    @property
    def published_at(self) -> str | None:
        """When this refresh became current (RFC 3339)."""
        return self._pointer.published_at

    @property
    def generation(self) -> int:
        """The number of this refresh; 0 before the first. A person's `generation` may be one refresh ahead."""
        return self._pointer.generation

    def days(self, first: str, last: str) -> list[dict[str, Any]]:
        """The documents of the days from `first` to `last`, inclusive, ascending; a day without one is left out."""
        names = [key for key in self._pointer.keys if key.startswith(DAY) and first <= key.removeprefix(DAY) <= last]
        return self._rows(sorted(names))

    def all_days(self) -> list[dict[str, Any]]:
        """The documents of every day, ascending."""
        return self.days("", "~")

    def months(self, first: str, last: str, app: str = "") -> list[dict[str, Any]]:
        """The rows of the months (YYYY-MM) from `first` to `last`, inclusive, ascending: of an application or all."""
        held = {key.removeprefix(months.MONTH).partition(":") for key in self._pointer.keys if _is_month(key)}
        wanted = sorted(month for month, _, of in held if of == app and first <= month <= last)
        return self._rows(months.month_key(month, app) for month in wanted)

    def all_months(self) -> dict[str, Document]:
        """Every month's rows, of each application and of all, by key."""
        held = sorted(filter(_is_month, self._pointer.keys))
        return dict(zip(held, self._rows(held), strict=True))

    def cohorts(self) -> dict[str, Any]:
        """Retention: the people of each week that is over, by the week of their first sign-in."""
        rows = self._rows([cohorts.COHORTS])
        return rows[0] if rows else cohorts.document({})

    def census(self) -> dict[str, Any]:
        """People by number of sign-ins, and how many are silent."""
        rows = self._rows([pointer.CENSUS])
        return rows[0] if rows else census.row(None, [], {})

    def recent(self) -> list[dict[str, Any]]:
        """The latest sign-ins, the newest first."""
        rows = self._rows([RECENT_KEY])
        items: list[dict[str, Any]] = rows[0]["items"] if rows else []
        return items

    def pipeline(self) -> dict[str, Any]:
        """The totals of everything."""
        rows = self._rows([PIPELINE])
        return rows[0] if rows else {**_EMPTY_PIPELINE}

    def _rows(self, wanted: Iterable[str]) -> list[dict[str, Any]]:
        names = [name for key in wanted if (name := self._pointer.row(key)) is not None]
        found = self._gold.read(pointer.ROWS, names)
        if len(found) < len(names):
            raise Conflict(
                "These answers are no longer kept.", "The snapshot was opened too long ago.", "Open a new one."
            )
        return [_shown(found[name]) for name in names]


def person(gold: GoldStore, provider: str, user_id: str) -> dict[str, Any] | None:
    """A person's document, or None. It may be one refresh ahead of a snapshot, and says in which it was written."""
    return person_of(gold, person_key(provider, user_id))


def person_of(gold: GoldStore, key: str) -> dict[str, Any] | None:
    """The same by the person's key."""
    document = gold.read(USERS, [key]).get(key)
    return None if document is None else {key: value for key, value in document.items() if key != "_id"}


def _is_month(key: str) -> bool:
    return key.startswith(months.MONTH)


def _shown(document: Document) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in _INTERNAL}
