"""The work lists, todo/ of clean and dirty/ of publish (docs/data.md): the marks on days, and what waits."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from loginlake.lake import keys
from loginlake.lake.store import Entry, ObjectStore


def mark(store: ObjectStore, days: Iterable[str]) -> None:
    """Tell publish that days changed. New content each time: a mark that it has read is not this one."""
    for day in sorted(days):
        store.put(keys.dirty(day), uuid.uuid4().hex.encode())


def to_clean(store: ObjectStore) -> Iterator[Entry]:
    """The entries of clean's work list. What stands for no object of bronze is nobody's work (the audit names it)."""
    return (entry for entry in store.list("todo/") if keys.is_bronze(keys.bronze_of_todo(entry.key)))


def to_publish(store: ObjectStore) -> set[str]:
    """The days on publish's work list."""
    return {keys.day_of_dirty(entry.key) for entry in store.list("dirty/")}
