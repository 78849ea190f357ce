"""publish: silver -> gold. One pass over the days that changed (dirty/), in refreshes of bounded memory.

Gold is a pure function of silver: absolute values, replaced. A day's mark goes only after everything that it reaches is
current, and only if it is still the mark that was seen, so that a crash anywhere is healed by the next pass.
"""

from __future__ import annotations

import logging
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from loginlake.errors import Conflict
from loginlake.gold import days, pointer, search
from loginlake.gold.refresh import Refresh, Refreshed
from loginlake.gold.store import GoldStore
from loginlake.lake import hint, keys
from loginlake.lake.marks import mark
from loginlake.lake.store import ObjectStore
from loginlake.silver import watermark

logger = logging.getLogger(__name__)
INDEXES = (pointer.BY_GENERATION, *search.INDEXES)
KEEP_FOR = timedelta(minutes=15)
MAX_PEOPLE = 200_000


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What a pass did. `days`: the dirty days published; `refreshes`: how many times readers saw something new.

    `corrupt`: objects that cannot be read. Their days stay as they were published, and dirty.
    """

    days: int = 0
    refreshes: int = 0
    rows: int = 0
    users: int = 0
    generation: int = 0
    complete_until: str | None = None
    corrupt: tuple[str, ...] = ()

    def plus(self, refreshed: Refreshed) -> PublishReport:
        """This and one refresh more."""
        named = (error.what.partition(" ")[0] for error in refreshed.damaged.values())
        return replace(
            self,
            corrupt=(*self.corrupt, *named),
            days=self.days + len(refreshed.days),
            refreshes=self.refreshes + bool(refreshed.days),
            rows=self.rows + refreshed.rows_written,
            users=self.users + refreshed.users_written,
            generation=refreshed.generation,
        )


class _Published(msgspec.Struct):
    """The content of watermarks/publish.json."""

    generation: int


_PUBLISHED = msgspec.json.Decoder(_Published)


def publish(
    store: ObjectStore,
    gold: GoldStore,
    *,
    now: Callable[[], datetime],
    keep_for: timedelta = KEEP_FOR,
    max_people: int = MAX_PEOPLE,
    attempts: int = 5,
) -> PublishReport:
    """Publish every dirty day; every day of the lake where gold is new, or older than what was published last.

    One refresh takes days until they hold `max_people` people: that bounds memory. Rows out of use stay for
    `keep_for`, so that a reader may finish. When another publisher is faster, everything is read again, up to
    `attempts` times; then Conflict. A day that cannot be read is left (`corrupt`), and gold is then no
    further complete than it was. A system that does not answer raises; nothing is lost by it.
    """
    gold.prepare(INDEXES)
    for attempt in range(attempts):
        try:
            with store.lock("publish"):
                return _pass(store, gold, now, keep_for, max_people)
        except Conflict:
            logger.info("another publisher was faster", extra={"attempt": attempt})
            if attempt + 1 == attempts:
                raise
            # Two that restart in step would beat each other for ever.
            threading.Event().wait(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311
    raise AssertionError("attempts must be positive")


def _pass(
    store: ObjectStore, gold: GoldStore, now: Callable[[], datetime], keep_for: timedelta, max_people: int
) -> PublishReport:
    said = watermark.read(store)
    complete_until = said.complete_until if said is not None else None
    published = _published(store)  # before the pointer: another publisher's switch comes before what it says here
    current = pointer.read(gold)
    generation = current.generation
    if generation < published:
        logger.warning("Gold is older than what was published last, or new: every day is published again.")
    if generation and current.shape != pointer.SHAPE:
        logger.info("Gold is of another version: it is made anew.")
        for day in days.every_day(store):
            days.forget_people(store, day)
    if generation == 0 or generation < published or current.shape != pointer.SHAPE:
        _mark_every_day(store)
    claims = _claim(store)
    if not claims:
        _idle(gold, complete_until, now(), keep_for)
    report = PublishReport()
    waiting = sorted(claims)
    while waiting:
        refresh = Refresh(store, gold, now=now, keep_for=keep_for)
        until = None if report.corrupt else complete_until
        done = refresh.run(waiting, complete_until=until, max_people=max_people)
        for day in done.clean:
            store.delete(claims[day])
        report = report.plus(done)
        waiting = waiting[len(done.days) + len(done.damaged) :]
        logger.info("published", extra={"days": len(done.days), "left": len(waiting), "generation": done.generation})
    current = pointer.read(gold)
    if current.generation != published:
        store.put(keys.PUBLISH_WATERMARK, msgspec.json.encode(_Published(current.generation)))
    return replace(report, generation=current.generation, complete_until=current.complete_until)


def _published(store: ObjectStore) -> int:
    """The generation that was published last. It may lag; 0 where nobody said it, or it cannot be read."""
    said = hint.read(store, keys.PUBLISH_WATERMARK, _PUBLISHED)
    return 0 if said is None else said.generation


def _marked(store: ObjectStore) -> dict[str, list[str]]:
    """The marks of each dirty day: dirty/day=D, and the claims of publishers that did not end."""
    marks: dict[str, list[str]] = {}
    for entry in store.list("dirty/"):
        marks.setdefault(keys.day_of_dirty(entry.key), []).append(entry.key)
    return marks


def _claim(store: ObjectStore) -> dict[str, str]:
    """Put a claim of our own in place of each day's marks, before the day is read; the claim by day.

    A mark that is written from now on stands for what may not be read here, and nobody removes it by mistake: marks
    have no condition on deletion. A publisher that does not end leaves its claim, which the next one takes for a mark.
    """
    claims = {}
    for day, names in sorted(_marked(store).items()):
        claims[day] = keys.dirty_claim(day, uuid.uuid4().hex)
        store.put(claims[day], b"")
        for name in names:
            store.delete(name)
    return claims


def _mark_every_day(store: ObjectStore) -> None:
    """A new gold store knows nothing: each day of the lake is work. Marked first, so that a crash loses none."""
    marked = _marked(store)
    mark(store, days.every_day(store) - marked.keys())


def _idle(gold: GoldStore, complete_until: str | None, now: datetime, keep_for: timedelta) -> None:
    """Nothing is dirty: tell how far it is complete, and remove what went out of use."""
    seen = pointer.read(gold)
    new = replace(pointer.sweep(gold, seen, now, keep_for), complete_until=complete_until or seen.complete_until)
    if new != seen:
        pointer.switch(gold, seen, new)
