"""check: is each system there, does it let us in, may we write, is it what we need, is its clock ours? A line each.

Ports come as arguments, and whatever they cannot be asked (a topic's settings, a storage account's clock) as functions.
Each system is tried at the same time as the others, with what its stage will really do to it, and left as it was found.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NamedTuple

from loginlake.errors import Conflict, Corrupt, LoginlakeError, ObjectExists
from loginlake.gold.store import GoldStore, Index
from loginlake.lake import keys
from loginlake.lake.store import ObjectStore, lookup
from loginlake.stream.log import EventLog

MOST_SKEW_S = 30.0
Clock = Callable[[], datetime | None]
Probe = Callable[[], str]


class Line(NamedTuple):
    """One system: well or not, what was seen or what is wrong and why, and what to do when it is not well."""

    system: str
    well: bool
    said: str
    next_move: str = ""

    def __str__(self) -> str:
        """As a terminal shows it."""
        return f"{'ok  ' if self.well else 'FAIL'} {self.system:<5} {self.said} {self.next_move}".rstrip()


def check(probes: Mapping[str, Probe]) -> list[Line]:
    """Ask every system, all at once, each by its probe: a function that tells what it saw, or raises what is wrong."""
    with ThreadPoolExecutor(max(1, len(probes))) as pool:
        lines = {system: pool.submit(_line, system, probe) for system, probe in probes.items()}
        return [line.result() for line in lines.values()]


def log_probe(log: EventLog, topic: Probe | None = None) -> Probe:
    """A log answers, and says how many partitions and records it has. `topic`, where it has one, is asked before."""

    def probe() -> str:
        asked = f"{topic()}; " if topic is not None else ""
        log.identity()
        ranges = log.ranges()
        records = sum(found.end - found.begin for found in ranges.values())
        return f"{asked}{len(ranges)} partitions, {records} records."

    return probe


def lake_probe(
    store: ObjectStore,
    *,
    create: Callable[[], bool] | None = None,
    clock: Clock | None = None,
    now: Clock | None = None,
) -> Probe:
    """A lake takes, gives back, guards and removes an object. `create` makes its container where it is missing."""

    def probe() -> str:
        created = create() if create is not None else False
        _try_store(store)
        _compare_clocks("The storage", clock, now)
        known = "a lake" if lookup(store, keys.LAKE) is not None else "no lake yet"
        return f"reads, writes, compares and removes; {'container created; ' if created else ''}{known}."

    return probe


def gold_probe(
    gold: GoldStore, indexes: Iterable[Index], *, clock: Clock | None = None, now: Clock | None = None
) -> Probe:
    """A gold store has its indexes, and takes, compares, gives back and removes a document."""

    def probe() -> str:
        gold.prepare(indexes)
        name = f"check:{uuid.uuid4().hex}"
        first = gold.compare_and_set("pointer", {"_id": name, "version": 1}, None)
        try:
            again = gold.compare_and_set("pointer", {"_id": name, "version": 9}, None)
            if not first or again or gold.read("pointer", [name])[name]["version"] != 1:
                raise _unfit("The gold store does not compare before it sets.")
        finally:
            gold.delete("pointer", [name])
        _compare_clocks("The gold store", clock, now)
        return f"reads, writes, compares and removes; indexes are there; {gold.count('users')} people."

    return probe


def _line(system: str, probe: Probe) -> Line:
    try:
        return Line(system, True, probe())
    except LoginlakeError as error:
        return Line(system, False, " ".join(part for part in (error.what, error.why) if part), error.next_move)


def _try_store(store: ObjectStore) -> None:
    """Every kind of call that the stages make, on a name of our own."""
    name, data = f"checks/{uuid.uuid4().hex}", b"loginlake check"
    store.create(name, data)
    try:
        if not _refused(lambda: store.create(name, b"other")):
            raise _unfit("The lake does not keep a name that is taken.")
        seen = store.get(name)
        listed = [entry.version for entry in store.list("checks") if entry.key == name]
        if seen.data != data or listed != [seen.version]:
            raise _unfit("The lake does not give back what was written.")
        store.replace(name, b"second", seen.version)
        if not _refused(lambda: store.replace(name, b"third", seen.version)):
            raise _unfit("The lake replaces an object that has changed.")
    finally:
        store.delete(name)


def _refused(write: Callable[[], None]) -> bool:
    try:
        write()
    except (ObjectExists, Conflict):
        return True
    return False


def _compare_clocks(whose: str, clock: Clock | None, now: Clock | None) -> None:
    if clock is None or (told := clock()) is None:
        return
    ours = (now or _utc_now)()
    skew = abs((told - (ours or told)).total_seconds())
    if skew > MOST_SKEW_S:
        raise LoginlakeError(
            f"{whose} and this machine disagree about the time by {skew:.0f} s.",
            "Signatures expire, and days and watermarks would be wrong.",
            "Set this machine's clock by NTP (timedatectl set-ntp true).",
        )


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _unfit(what: str) -> Corrupt:
    return Corrupt(what, "Without that, records could be lost or counted twice.", "Use a store that does.")
