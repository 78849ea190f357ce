"""Begun: what an entry of a work list (todo/, replay/) says of an object whose cleaning began and may not have ended.

Empty: nothing was written yet. Else the fingerprints of the rules by which it was begun, and the hours that may have
rows of it. It is written before the first of the object's ends: whoever finds other rules there than its own clears
those hours of what the others left.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from loginlake.lake import keys
from loginlake.lake.store import ObjectStore, lookup

REPLAY = "replay/"


class Begun(msgspec.Struct, frozen=True):
    """The content of an entry: fingerprints of rules, and hours and shards, both sorted."""

    rules: list[str]
    hours: list[keys.Slot]

    def plus(self, other: Begun | None) -> Begun:
        """Both."""
        if other is None:
            return self
        return of((*self.rules, *other.rules), (*self.hours, *other.hours))


_begun = msgspec.json.Decoder(Begun).decode


def of(rules: Iterable[str], hours: Iterable[keys.Slot]) -> Begun:
    """Begun by these rules, with rows in these hours."""
    return Begun(sorted({*rules}), sorted({*hours}))


def read(store: ObjectStore, entry: str) -> Begun | None:
    """What an entry of a work list says; None when there is none, or it says nothing."""
    stored = lookup(store, entry)
    if stored is None or not stored.data:
        return None
    try:
        return _begun(stored.data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Begun(["unreadable"], [])


def write(store: ObjectStore, entry: str, begun: Begun) -> None:
    """Say it, before anything is written of the object."""
    store.put(entry, msgspec.json.encode(begun))


def replay(bronze_key: str) -> str:
    """The entry of an object that is cleaned anew although it has its receipt."""
    return REPLAY + bronze_key.removeprefix("bronze/")
