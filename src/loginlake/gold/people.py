"""The people of a day: one row a person active that day, as frames and as objects of the lake. Pure.

    people/date=D/shard=00.jsonl.gz    {"provider","user_id","signins","first","last","check"}, by (provider, user_id)

`check` is a hash of all that a person's document takes from the day (profile and devices as well), so that two states
of a day can be compared without keeping them here. It says "equal" or "look again", no more: another version of the
hash costs a look, never a wrong answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import polars as pl

from loginlake.gold.agents import device_name

KEY = ("provider", "user_id")
PROFILE = ("username", "email", "email_verified", "picture", "hosted_domain")
_COUNTS = {"signins": pl.Int64, "first": pl.String, "last": pl.String}
_STORED = {"provider": pl.String, "user_id": pl.String, **_COUNTS, "check": pl.String}
_PROFILE_TYPES = {name: pl.Boolean if name == "email_verified" else pl.String for name in PROFILE}
_SCHEMA = {**_STORED, "devices": pl.String, **_PROFILE_TYPES}
_PERSON = pl.concat_str(*KEY, separator="|").alias("person")
_DEVICES = (pl.col("devices").min(), pl.col("devices").max().alias("greatest"))
Frames = Mapping[int, pl.DataFrame]


def of_rows(signins: pl.DataFrame) -> pl.DataFrame:
    """The people of some sign-ins, which are in order of (time, source, id). `devices`: a name (agents.py) a line."""
    agents = signins["user_agent"].unique().to_list()
    named = pl.col("user_agent").replace_strict(agents, list(map(device_name, agents)), return_dtype=pl.String)
    rows = signins.with_columns(named.alias("devices"))
    people = rows.group_by(KEY).agg(
        pl.len().cast(pl.Int64).alias("signins"),
        pl.col("time").first().alias("first"),
        pl.col("time").last().alias("last"),
        *_DEVICES,
        *(pl.col(name).last() for name in PROFILE),
    )
    return _all_devices(people, rows)


def of_day(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The people of a day from those of its parts, the earliest first; with the profile of each one's last sign-in."""
    if not parts:
        return pl.DataFrame(schema=_SCHEMA)
    whole = pl.concat(parts)
    people = whole.group_by(KEY, maintain_order=True).agg(
        pl.col("signins").sum(),
        pl.col("first").first(),
        pl.col("last").last(),
        *_DEVICES,
        *(pl.col(name).last() for name in PROFILE),
    )
    check = pl.struct("signins", "first", "last", "devices", *PROFILE).hash(1).cast(pl.String).alias("check")
    return _all_devices(people, whole).with_columns(check).select(*_SCHEMA).sort(KEY)


def _all_devices(people: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """People with all their devices. Most have one, which is seen at once; lists of names are made of the others."""
    several = people.filter(pl.col("devices") != pl.col("greatest")).select(KEY)
    people = people.drop("greatest")
    if several.is_empty():
        return people
    names = pl.col("devices").str.split("\n").explode().unique().sort().str.join("\n")
    listed = rows.join(several, on=KEY, how="semi").group_by(KEY).agg(names)
    return people.update(listed, on=KEY, how="left")


def encode(people: pl.DataFrame) -> bytes:
    """The uncompressed lines of a shard's object."""
    return people.select(*_STORED).write_ndjson().encode()


def decode(content: bytes) -> pl.DataFrame:
    """The people of a shard's uncompressed lines, without profile."""
    return pl.read_ndjson(content, schema=_STORED) if content else pl.DataFrame(schema=_STORED)


def digest(contents: Mapping[int, bytes]) -> str:
    """What tells one state of a day's people from another; empty without any."""
    if not any(contents.values()):
        return ""
    running = hashlib.sha256()
    for shard, content in sorted(contents.items()):
        running.update(b"%d:%d:" % (shard, len(content)))
        running.update(content)
    return running.hexdigest()[:16]


def persons(frames: Frames) -> list[str]:
    """The person keys of a day (event.person_key), every one once: a person lives in one shard."""
    return [name for frame in frames.values() for name in frame.select(_PERSON).to_series().to_list()]


def changes(day: str, old: Frames, new: Frames, *, trusted: bool) -> pl.DataFrame:
    """The rows that differ, with the person's key, the day, the new values (signins 0 for who is gone) and `presence`:

    whether the person came or went, so that windows change. Without `trusted`, old only names people to look at again.
    """
    before = _together(old, _STORED).select(*KEY, pl.col("check").alias("before"))
    after = _together(new, _SCHEMA)
    both = after.join(before, on=KEY, how="full", coalesce=True)
    if trusted:
        both = both.filter(pl.col("check").ne_missing(pl.col("before")))
        presence = pl.col("check").is_null() | pl.col("before").is_null()
    else:
        presence = pl.lit(True)
    return both.select(
        _PERSON,
        pl.lit(day).alias("day"),
        presence.alias("presence"),
        *KEY,
        pl.col("signins").fill_null(0),
        "first",
        "last",
        "devices",
        *PROFILE,
    )


def rows(day: str, frames: Frames, wanted: Sequence[str]) -> pl.DataFrame:
    """The rows of some persons on a day as `changes` gives them: what is, with signins 0 for who was not there."""
    known = _together(frames, _SCHEMA).with_columns(_PERSON)
    chosen = pl.DataFrame({"person": list(wanted)}, schema={"person": pl.String}).join(known, on="person", how="left")
    return chosen.select(
        "person",
        pl.lit(day).alias("day"),
        pl.lit(False).alias("presence"),
        *KEY,
        pl.col("signins").fill_null(0),
        "first",
        "last",
        "devices",
        *PROFILE,
    )


def _together(frames: Frames, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    parts = [frame.select(*schema) for frame in frames.values()]
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)
