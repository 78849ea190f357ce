"""The pointer: which generation of each row is current. Claimed, then switched, by compare-and-set.

    {"_id":"current","version","shape","generation","published_at","complete_until","keys":[[key, generation]...],
     "claims":[[generation, at]...],"retired":[[generation, at]...]}

`version` rises with every claim and every switch, so that a switch succeeds only when nobody claimed since: of two
publishers the later claim wins, and the other starts again. A row is `<generation>:<key>`; the row "retired" of a
generation names the rows that it put out of use. `claims` are generations begun and never switched: what they wrote is
nobody's. Both are removed after a while, when no reader can still hold them. `shape` says which fields the documents
have (SHAPE): another version of this program may have written others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from loginlake.errors import Conflict, Corrupt
from loginlake.event import rfc3339
from loginlake.gold.store import GoldStore, Index

COLLECTION = "pointer"
ROWS = "rows"
USERS = "users"
DAY, RECENT_KEY, PIPELINE, TOTALS, CENSUS = "day:", "recent", "pipeline", "totals", "census"
BY_GENERATION = Index(ROWS, ("generation",))
RETIRED = "retired"
SHAPE = 3
"""Raise it when publish writes other fields: gold of another shape is made anew."""
_ID = "current"
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Pointer:
    """What is current. `version` None: nothing was ever published here."""

    version: int | None = None
    shape: int = 0
    generation: int = 0
    published_at: str | None = None
    complete_until: str | None = None
    keys: Mapping[str, int] = field(default_factory=dict)
    claims: tuple[tuple[int, str], ...] = ()
    retired: tuple[tuple[int, str], ...] = ()

    def row(self, key: str) -> str | None:
        """The _id of a key's current row."""
        generation = self.keys.get(key)
        return None if generation is None else row_id(generation, key)


def row_id(generation: int, key: str) -> str:
    """The _id of a row."""
    return f"{generation}:{key}"


def read(gold: GoldStore) -> Pointer:
    """The pointer, in one read. Corrupt when it is no pointer."""
    try:
        found = gold.read(COLLECTION, [_ID]).get(_ID)
        return Pointer() if found is None else _pointer(found)
    except (KeyError, TypeError, ValueError) as error:  # ValueError: a decoder's too
        raise Corrupt(
            f"Gold's pointer cannot be read (the document {_ID!r} of {COLLECTION}).",
            f"It was changed or damaged ({type(error).__name__}).",
            "Move the gold store away, or name a new one: publish fills it from silver.",
        ) from error


def _pointer(found: Mapping[str, Any]) -> Pointer:
    return Pointer(
        version=found["version"],
        shape=found.get("shape", 0),
        generation=found["generation"],
        published_at=found["published_at"],
        complete_until=found["complete_until"],
        keys=dict(found["keys"]),
        claims=tuple((generation, at) for generation, at in found["claims"]),
        retired=tuple((generation, at) for generation, at in found["retired"]),
    )


def claim(gold: GoldStore, seen: Pointer, now: datetime) -> Pointer:
    """Take the next generation: the version of the pointer returned. Conflict when another publisher was faster."""
    number = (seen.version or 0) + 1
    return _set(gold, seen, replace(seen, claims=(*seen.claims, (number, rfc3339(now)))))


def switch(gold: GoldStore, claimed: Pointer, new: Pointer) -> Pointer:
    """Make `new` current. Conflict when anybody claimed since: then nothing of it is seen, ever."""
    return _set(gold, claimed, new)


def still_ours(gold: GoldStore, claimed: Pointer) -> None:
    """Conflict when another publisher has claimed since: what we would write is not wanted any more."""
    if read(gold).version != claimed.version:
        raise _beaten()


def sweep(gold: GoldStore, pointer: Pointer, now: datetime, keep_for: timedelta) -> Pointer:
    """Remove the rows that went out of use, or were never in use, `keep_for` ago; the pointer without them, to be set.

    To do it twice does no harm, so a crash before the pointer is set loses nothing.
    """
    before = rfc3339(now - keep_for)
    for generation, at in pointer.retired:
        if at <= before:
            name = row_id(generation, RETIRED)
            row = gold.read(ROWS, [name]).get(name)
            gold.delete(ROWS, [*row["items"], name] if row else [name])
    for generation, at in pointer.claims:
        if at <= before and generation != pointer.version:
            _remove_generation(gold, generation)
    return replace(
        pointer,
        claims=tuple(entry for entry in pointer.claims if entry[1] > before or entry[0] == pointer.version),
        retired=tuple(entry for entry in pointer.retired if entry[1] > before),
    )


def _remove_generation(gold: GoldStore, generation: int) -> None:
    while page := gold.page(BY_GENERATION, prefix=(generation,), limit=_PAGE):
        gold.delete(ROWS, [document["_id"] for document in page])


def _set(gold: GoldStore, seen: Pointer, new: Pointer) -> Pointer:
    version = (seen.version or 0) + 1
    document = {
        "_id": _ID,
        "version": version,
        "shape": new.shape,
        "generation": new.generation,
        "published_at": new.published_at,
        "complete_until": new.complete_until,
        "keys": [list(pair) for pair in sorted(new.keys.items())],
        "claims": [list(entry) for entry in new.claims],
        "retired": [list(entry) for entry in new.retired],
    }
    if not gold.compare_and_set(COLLECTION, document, seen.version):
        raise _beaten()
    return replace(new, version=version)


def _beaten() -> Conflict:
    return Conflict("Another publisher claimed the next generation.", "Two publish at once.", "It is tried again.")
