"""An `ObjectStore` before another one that counts what is written, and what is not answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

from loginlake.errors import Unavailable
from loginlake.lake.store import Entry, ObjectStore, Stored
from loginlake.observe.meter import Meter

_Result = TypeVar("_Result")


class MeteredStore:
    """See the port."""

    def __init__(self, store: ObjectStore, meter: Meter) -> None:
        """Every call goes to `store`."""
        self._store, self._meter = store, meter

    def get(self, key: str) -> Stored:
        """See the port."""
        return self._asked(lambda: self._store.get(key))

    def create(self, key: str, data: bytes) -> None:
        """See the port."""
        self._asked(lambda: self._store.create(key, data))
        self._meter.wrote(key, len(data))

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        """See the port."""
        self._asked(lambda: self._store.replace(key, data, expected))
        self._meter.wrote(key, len(data))

    def put(self, key: str, data: bytes) -> None:
        """See the port."""
        self._asked(lambda: self._store.put(key, data))
        self._meter.wrote(key, len(data))

    def delete(self, key: str) -> None:
        """See the port."""
        self._asked(lambda: self._store.delete(key))

    def list(self, prefix: str, after: str | None = None) -> Iterator[Entry]:
        """See the port."""
        return self._asked(lambda: self._store.list(prefix, after))

    def lock(self, name: str) -> AbstractContextManager[None]:
        """See the port."""
        return self._store.lock(name)

    def _asked(self, call: Callable[[], _Result]) -> _Result:
        try:
            return call()
        except Unavailable:
            self._meter.unanswered()
            raise
