"""What the verbs of the operator do: settings in, reports out (cli_operate.py prints them)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from loginlake import wiring
from loginlake.bronze.agreement import disagrees
from loginlake.bronze.land import GROUP, now_ms
from loginlake.errors import Misconfigured, ObjectNotFound
from loginlake.event import rfc3339
from loginlake.lake import keys
from loginlake.lake.store import ObjectStore, lookup
from loginlake.observe import audited
from loginlake.settings import Settings
from loginlake.stream.spool_check import counts

if TYPE_CHECKING:
    from loginlake.audit.finding import Report
    from loginlake.audit.scope import Scope
    from loginlake.follow import Followed
    from loginlake.gold.publish import PublishReport
    from loginlake.silver.quarantine import Which
    from loginlake.silver.reclean import RecleanReport


def shards_of(settings: Settings, store: ObjectStore) -> Callable[[str], int]:
    """Into how many shards a day is split."""
    shards = wiring.lake_of(settings, store).manifest().shards
    return lambda _day: shards


def audit(settings: Settings, scope: Scope, progress: Callable[[str, int], None]) -> Report:
    """Audit the path that the settings name."""
    from loginlake.audit import run

    with ExitStack() as stack:
        log = stack.enter_context(closing(wiring.open_log(settings)))
        gold = stack.enter_context(closing(wiring.open_gold(settings)))
        state = stack.enter_context(closing(wiring.web_state(settings)))
        store = wiring.open_lake(settings)
        path = run.Path(
            log=log,
            log_number=wiring.lake_of(settings, store).log_number(log.identity()),
            group=GROUP,
            store=store,
            gold=gold,
            rules=wiring.rules(settings),
            shards=shards_of(settings, store),
            answered=state.counters().get("answered", 0),
            spools=lambda: counts(wiring.spool_folder(settings)),
        )
        report = run.audit(path, scope, progress)
        if scope.whole:
            at = rfc3339(wiring.now())
            audited.keep(store, audited.Audited(at=at, deep=scope.deep, faults=len(report.faults)))
        return report


def new_log(settings: Settings) -> int:
    """Make the log in hand the lake's last one, and give its number: another log, or a copy of it that was put back.

    Nothing changes when the lake's last log it is and both agree.
    """
    with closing(wiring.open_log(settings)) as log:
        store = wiring.open_lake(settings)
        lake, identity = wiring.lake_of(settings, store), log.identity()
        if lake.manifest().logs[-1:] != (identity,):
            return lake.add_log(identity)
        number = lake.log_number(identity)
        return lake.begin_again(number) if disagrees(log, store, number, now_ms()) else number


def rejected(settings: Settings, which: Which) -> dict[str, dict[str, int]]:
    """The number of rejected rows by day and reason."""
    from loginlake.silver import quarantine

    found = quarantine.counts(wiring.open_lake(settings), which)
    if which.reason and not found:  # older rules may have had other reasons
        quarantine.check_reason(which.reason)
    return {day: dict(counts.most_common()) for day, counts in found.items()}


def rejected_rows(settings: Settings, which: Which, limit: int) -> list[dict[str, Any]]:
    """Rejected rows with their messages, at most `limit`."""
    from loginlake.silver import quarantine

    store = wiring.open_lake(settings)
    found = list(islice(quarantine.rows(store, which), limit))
    if which.reason and not found:
        quarantine.check_reason(which.reason)
    return [quarantine.shown(one, quarantine.bronze_line(store, one.object, one.row.offset)) for one in found]


def explain(settings: Settings, place: str) -> dict[str, Any]:
    """What the rules say now of the message at PARTITION:OFFSET (or LOG:PARTITION:OFFSET)."""
    from loginlake.silver import quarantine
    from loginlake.silver.check import Checker
    from loginlake.silver.hours import Owners

    try:
        numbers = [int(part) for part in place.split(":")]
        log, partition, offset = numbers if len(numbers) == 3 else (0, *numbers)
    except ValueError:
        raise Misconfigured(f"{place!r} is no place.", "", "Write PARTITION:OFFSET, as `rejected show` does.") from None
    store = wiring.open_lake(settings)
    key = Owners(store).of((log, partition, offset))
    line = None if key is None else quarantine.bronze_line(store, key, offset)
    if key is None or line is None:
        raise ObjectNotFound(f"Bronze has nothing at {place}.", "", "Look where `loginlake trace` finds it.")
    explained = quarantine.explain(Checker(wiring.rules(settings), shards_of(settings, store)), line)
    return {"place": place, "object": key, **msgspec.to_builtins(explained)}


def replay(settings: Settings, which: Which, objects: Sequence[str], progress: Callable[[int], None]) -> RecleanReport:
    """Clean anew the objects named, or those that have such rejected rows."""
    from loginlake.silver import quarantine
    from loginlake.silver.reclean import reclean

    store = wiring.open_lake(settings)
    for name in objects:
        if not keys.is_bronze(name) or lookup(store, name) is None:
            raise ObjectNotFound(f"Bronze has no object {name}.", "", "Write its name as `loginlake audit` does.")
    chosen = list(objects) or quarantine.objects(store, which)
    return reclean(store, wiring.rules(settings), chosen, shards=shards_of(settings, store), progress=progress)


def rebuild_silver(
    settings: Settings, first: str | None, last: str | None, progress: Callable[[int], None]
) -> RecleanReport:
    """Make days of silver anew from bronze."""
    from loginlake.silver.reclean import rebuild

    store = wiring.open_lake(settings)
    rules = wiring.rules(settings)
    return rebuild(store, rules, shards=shards_of(settings, store), first=first, last=last, progress=progress)


def rebuild_gold(settings: Settings, first: str | None, last: str | None) -> PublishReport:
    """Make days of gold anew from silver."""
    from loginlake.gold.rebuild import rebuild

    with closing(wiring.open_gold(settings)) as gold:
        return rebuild(wiring.open_lake(settings), gold, now=wiring.now, first=first, last=last)


def trace(settings: Settings, what: str) -> list[Followed]:
    """Follow what a person names through every stage."""
    from loginlake.follow import Follower
    from loginlake.silver.check import Checker

    with ExitStack() as stack:
        log = stack.enter_context(closing(wiring.open_log(settings)))
        gold = stack.enter_context(closing(wiring.open_gold(settings)))
        store = wiring.open_lake(settings)
        number = wiring.lake_of(settings, store).log_number(log.identity())
        checker = Checker(wiring.rules(settings), shards_of(settings, store))
        return Follower(log, number, store, gold, checker).follow(what)
