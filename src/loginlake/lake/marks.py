"""The work lists, todo/ of clean and dirty/ of publish (docs/data.md): the marks on days, and how much waits."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from loginlake.lake import keys
from loginlake.lake.store import ObjectStore


def mark(store: ObjectStore, days: Iterable[str]) -> None:
    """Tell publish that days changed. New content each time: a mark that it has read is not this one."""
    for day in sorted(days):
        store.put(keys.dirty(day), uuid.uuid4().hex.encode())


def objects_to_clean(store: ObjectStore) -> int:
    """The objects of bronze on clean's work list. An entry that stands for none is nobody's work (audit names it)."""
    return sum(keys.is_bronze(keys.bronze_of_todo(entry.key)) for entry in store.list("todo/"))


def days_to_publish(store: ObjectStore) -> int:
    """The days on publish's work list."""
    return len({keys.day_of_dirty(entry.key) for entry in store.list("dirty/")})
