"""Every person's document in gold beside the person's days in silver, by hashes and in buckets: memory stays flat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from loginlake.audit.finding import Finding
from loginlake.audit.spill import Records, Spill
from loginlake.gold import cohorts
from loginlake.gold.agents import DEVICE_DAYS
from loginlake.gold.answers import LONGEST
from loginlake.gold.people import KEY, PROFILE
from loginlake.gold.store import GoldStore, Index

DAY = np.dtype(
    [
        *(("person", "<u8"), ("day", "<u4"), ("signins", "<u4"), ("first", "<u8"), ("last", "<u8")),
        *(("devices", "<u4"), ("profile", "<u8"), ("open", "u1")),
    ]
)
"""A person on a day; `open`: the day is still to be published."""
DOCUMENT = np.dtype(
    [
        *(("person", "<u8"), ("days", "<u8"), ("signins", "<u8"), ("active", "<u8"), ("first", "<u8")),
        *(("last", "<u8"), ("devices", "<u8"), ("profile", "<u8"), ("open", "u1")),
    ]
)
_PROFILE_TYPES = {name: pl.Boolean if name == "email_verified" else pl.String for name in PROFILE}


def _bounded(name: str) -> pl.Expr:
    """What gold holds of a value, as answers.bounded says it of one."""
    column = pl.col(name)
    if _PROFILE_TYPES[name] != pl.String:
        return column
    cut = pl.lit(None, pl.String) if name == "picture" else column.str.head(LONGEST - 1) + "…"
    return pl.when(column.str.len_chars() > LONGEST).then(cut).otherwise(column).alias(name)


USERS = "users"
_BY_ID = Index(USERS, ())
_PAGE = 2_000
_32_BITS = 0xFFFFFFFF


def of_day(frame: pl.DataFrame, day: int, *, still_open: bool) -> Records:
    """The people of a day (gold.people.of_day) as records; `day` is its ordinal."""
    hashed = frame.select(
        pl.concat_str(*KEY, separator="|").hash(1).alias("person"),
        pl.col("signins"),
        pl.col("first").hash(1),
        pl.col("last").hash(1),
        pl.col("devices").hash(1) & _32_BITS,
        pl.struct(*map(_bounded, PROFILE)).hash(1).alias("profile"),
    )
    records = np.zeros(frame.height, DAY)
    for name in hashed.columns:
        records[name] = hashed[name].to_numpy()
    records["day"], records["open"] = day, still_open
    return records


def expected(days: Records) -> Records:
    """The documents that follow from some persons' days, ascending by person."""
    days = days[np.lexsort((days["day"], days["person"]))]
    starts = np.flatnonzero(np.r_[True, days["person"][1:] != days["person"][:-1]]) if len(days) else np.empty(0, int)
    found = np.zeros(len(starts), DOCUMENT)
    if not len(starts):
        return found
    ends = np.r_[starts[1:], len(days)] - 1
    found["person"] = days["person"][starts]
    found["days"] = np.add.reduceat(_mixed(days["day"], days["signins"]), starts)
    found["signins"] = np.add.reduceat(days["signins"].astype(np.uint64), starts)
    found["active"] = ends - starts + 1
    found["first"], found["last"] = days["first"][starts], days["last"][ends]
    told = np.repeat(days["day"][ends], np.diff(np.r_[starts, len(days)])) - days["day"] < DEVICE_DAYS
    found["devices"] = np.add.reduceat(np.where(told, _mixed(days["day"], days["devices"]), 0), starts)
    found["profile"] = days["profile"][ends]
    found["open"] = np.maximum.reduceat(days["open"], starts)
    return found


def documents(gold: GoldStore, open_days: frozenset[str]) -> Iterator[Records]:
    """Every person's document in gold as records, a page at a time."""
    after: tuple[str] | None = None
    while page := gold.page(_BY_ID, after=after, limit=_PAGE):
        after = (page[-1]["_id"],)
        schema = {"_id": pl.String, "first": pl.String, "last": pl.String, **_PROFILE_TYPES}
        frame = pl.DataFrame([{name: one.get(name) for name in schema} for one in page], schema=schema)
        hashed = frame.select(
            pl.col("_id").hash(1).alias("person"),
            pl.col("first").hash(1),
            pl.col("last").hash(1),
            pl.struct(*PROFILE).hash(1).alias("profile"),
        )
        records = np.zeros(len(page), DOCUMENT)
        for name in hashed.columns:
            records[name] = hashed[name].to_numpy()
        records["signins"] = [one["signins"] for one in page]
        records["active"] = [one["active_days"] for one in page]
        records["days"] = _digests([one["days"] for one in page])
        records["devices"] = _devices([one.get("devices", {}) for one in page])
        records["open"] = [not open_days.isdisjoint(one["days"]) for one in page]
        yield records


@dataclass(slots=True)
class Seen:
    """What the persons' days come to, days by their ordinals.

    `new`: who signed in for the first time on a day. `weeks`: who was active in a week, by first week (Mondays).
    `people`: how many have so many sign-ins and that last day.
    """

    new: Counter[int] = field(default_factory=Counter)
    weeks: Counter[tuple[int, int]] = field(default_factory=Counter)
    people: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, rows: Records) -> None:
        """Count some persons, with all their days."""
        if not len(rows):
            return
        rows = rows[np.lexsort((rows["day"], rows["person"]))]
        _, starts = np.unique(rows["person"], return_index=True)
        first, last = rows["day"][starts], rows["day"][np.r_[starts[1:], len(rows)] - 1]
        signins = np.add.reduceat(rows["signins"].astype(np.int64), starts)
        self.new.update(first.tolist())
        self.people.update(zip(signins.tolist(), last.tolist(), strict=True))
        first_of_row = np.repeat(first, np.diff(np.r_[starts, len(rows)]))
        weeks = np.unique(np.stack([rows["person"], _monday(rows["day"]), _monday(first_of_row)]), axis=1)
        self.weeks.update(zip(weeks[1].tolist(), weeks[2].tolist(), strict=True))

    def lasts(self) -> dict[tuple[int, str], int]:
        """`people` with days as they are written."""
        return {(signins, date.fromordinal(last).isoformat()): n for (signins, last), n in self.people.items()}

    def lines(self, last: str | None) -> cohorts.Weeks:
        """`weeks` as gold keeps them: those before the week of the last day with a sign-in."""
        found: cohorts.Weeks = {}
        for (week, first), number in sorted(self.weeks.items()):
            monday, began = date.fromordinal(week).isoformat(), date.fromordinal(first).isoformat()
            if last is not None and monday < cohorts.monday(last):
                found.setdefault(monday, []).append([began, number])
        return found


def compare(days: Spill, stored: Spill) -> tuple[list[Finding], Seen]:
    """The findings, bucket by bucket, and what the persons' days come to."""
    seen = Seen()
    missing = surplus = differing = 0
    for bucket in range(days.buckets):
        rows = days.take(bucket)
        seen.add(rows)
        ours, theirs = expected(rows), stored.take(bucket)
        theirs = theirs[np.argsort(theirs["person"])]
        moving = np.union1d(ours["person"][ours["open"] > 0], theirs["person"][theirs["open"] > 0])
        ours, theirs = (side[~np.isin(side["person"], moving)] for side in (ours, theirs))
        if np.array_equal(ours, theirs):
            continue
        missing += len(np.setdiff1d(ours["person"], theirs["person"]))
        surplus += len(np.setdiff1d(theirs["person"], ours["person"]))
        _, mine, other = np.intersect1d(ours["person"], theirs["person"], return_indices=True)
        differing += int((ours[mine] != theirs[other]).sum())
    if not (missing or surplus or differing):
        return [], seen
    what = f"{missing} people have no document, {surplus} documents no sign-ins, {differing} differ from silver."
    return [Finding(fault="users_differ", where=USERS, what=what, next_move="loginlake rebuild gold")], seen


def _monday(day: Records) -> Records:
    """The Monday of each day's week: ordinal 1 is one."""
    ordinal = day.astype(np.uint64)
    found: Records = ordinal - (ordinal - np.uint64(1)) % np.uint64(7)
    return found


def _mixed(day: Records, signins: Records) -> Records:
    number = (day.astype(np.uint64) << np.uint64(32)) | signins.astype(np.uint64)
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Records = number ^ (number >> np.uint64(31))
    return mixed


def _digests(of_each: list[dict[str, int]]) -> Records:
    """The digest of each person's days, as `expected` makes it; 0 of none."""
    counts = [len(days) for days in of_each]
    ordinals = np.fromiter((_ordinal(day) for days in of_each for day in days), np.uint32, sum(counts))
    signins = np.fromiter((number for days in of_each for number in days.values()), np.uint32, sum(counts))
    ends = np.cumsum(counts)
    running = np.r_[np.zeros(1, np.uint64), np.cumsum(_mixed(ordinals, signins))]
    found: Records = running[ends] - running[ends - counts]
    return found


def _devices(of_each: list[dict[str, str]]) -> Records:
    """The digest of each person's devices by day, as `expected` makes it; 0 of none."""
    names = pl.Series([name for devices in of_each for name in devices.values()], dtype=pl.String)
    hashed = iter((names.hash(1) & _32_BITS).to_list())
    return _digests([{day: next(hashed) for day in devices} for devices in of_each])


@lru_cache(maxsize=4096)
def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()
