"""The port `ObjectStore`: objects by name, whole, with conditions. Adapters: folder, obstore (by_url.py)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from loginlake.errors import ObjectNotFound


class Entry(NamedTuple):
    """A listed object: its name, its size in bytes and its version (ETag)."""

    key: str
    size: int
    version: str


class Stored(NamedTuple):
    """An object's content and the version (ETag) that was read."""

    data: bytes
    version: str


class ObjectStore(Protocol):
    """Thread-safe. A write that returned is durable. Any call may raise Unavailable (retry) or Denied (give up).

    After Unavailable a write may or may not have happened: do the same again; create-only and conditional writes tell.
    """

    def get(self, key: str) -> Stored:
        """The whole object, or ObjectNotFound."""
        ...

    def create(self, key: str, data: bytes) -> None:
        """Write a new object; ObjectExists when the name is taken (perhaps by our own retried write: compare)."""
        ...

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        """Write in place of the version that was read (None: of nothing); Conflict when there is another by now."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Write, whatever is there: only for objects whose content is the same whoever writes, or a hint."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens when there is none."""
        ...

    def list(self, prefix: str, after: str | None = None) -> Iterator[Entry]:
        """The objects below a prefix of whole path segments, by name, past `after`."""
        ...

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Exclude other writers of one name on this machine (folder); without effect where `replace` is conditional."""
        ...


def lookup(store: ObjectStore, key: str) -> Stored | None:
    """An object; None where there is none."""
    try:
        return store.get(key)
    except ObjectNotFound:
        return None
