"""Rebuild: gold made anew from silver, in place. Readers keep the totals that are current until each switch.

What publish keeps of a day (people/) is forgotten, so that it looks at every person of the day again; the day is put
on its list; then it does its usual work. After a crash `publish` goes on with what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from loginlake.errors import Conflict
from loginlake.event import person_key
from loginlake.gold import days, people, pointer
from loginlake.gold.publish import PublishReport, publish
from loginlake.gold.read import Snapshot
from loginlake.gold.store import GoldStore, Index
from loginlake.lake.marks import mark
from loginlake.lake.store import ObjectStore

USERS = "users"
_PAGE = 1_000


def rebuild(
    store: ObjectStore,
    gold: GoldStore,
    *,
    now: Callable[[], datetime],
    first: str | None = None,
    last: str | None = None,
) -> PublishReport:
    """Make the days `first` to `last` anew (all of them without; then people without any sign-in go as well)."""
    gold.prepare((pointer.BY_GENERATION,))
    known = days.every_day(store) | {document["day"] for document in Snapshot.open(gold).all_days()}
    for day in sorted(day for day in known if (first or "") <= day <= (last or "~")):
        mark(store, [day])
        days.forget_people(store, day)
    _count_everybody(gold, now())
    report = publish(store, gold, now=now)
    if first is None and last is None and _remove_strangers(store, gold) and known:
        mark(store, [max(known)])
        publish(store, gold, now=now)  # without them
    return report


def _count_everybody(gold: GoldStore, now: datetime) -> None:
    """Make a claim that is never switched: until it is swept, the census is counted from the documents themselves."""
    while True:
        try:
            pointer.claim(gold, pointer.read(gold), now)
        except Conflict:
            continue  # another publisher claimed at that moment
        return


def _remove_strangers(store: ObjectStore, gold: GoldStore) -> int:
    """Remove the documents of people who have no sign-in on any day, and were not written since; how many."""
    removed = 0
    generation = pointer.read(gold).generation
    known = {
        hash(person)
        for day in days.every_day(store)
        for person in people.persons(days.read_people(store, day).frames())
    }
    after: tuple[str] | None = None
    while page := gold.page(Index(USERS, ()), after=after, limit=_PAGE):
        after = (page[-1]["_id"],)
        strangers = [
            document["_id"]
            for document in page
            if hash(person_key(document["provider"], document["user_id"])) not in known
            and document["generation"] <= generation
        ]
        if strangers:
            gold.delete(USERS, strangers)
            removed += len(strangers)
    return removed
