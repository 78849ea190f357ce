"""The last audit's outcome, kept in the lake (watermarks/audit.json), so that whoever watches the lake sees it."""

from __future__ import annotations

import msgspec

from loginlake.errors import Denied
from loginlake.lake import hint
from loginlake.lake.store import ObjectStore

KEY = "watermarks/audit.json"


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """When an audit ended (RFC 3339), whether it read everything, and how many faults it found."""

    at: str
    deep: bool
    faults: int


_AUDITED = msgspec.json.Decoder(Audited)


def keep(store: ObjectStore, audited: Audited) -> bool:
    """Remember it; False when this user may only read the lake."""
    try:
        store.put(KEY, msgspec.json.encode(audited))
    except Denied:
        return False
    return True


def read(store: ObjectStore) -> Audited | None:
    """The last one; None before the first."""
    return hint.read(store, KEY, _AUDITED)
