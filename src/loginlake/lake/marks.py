"""The marks on days that changed: dirty/, publish's work list (docs/data.md)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from loginlake.lake import keys
from loginlake.lake.store import ObjectStore


def mark(store: ObjectStore, days: Iterable[str]) -> None:
    """Tell publish that days changed. New content each time: a mark that it has read is not this one."""
    for day in sorted(days):
        store.put(keys.dirty(day), uuid.uuid4().hex.encode())
