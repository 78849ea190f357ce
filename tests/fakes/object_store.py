"""An object store in memory that can be told to fail, call by call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

from loginlake.errors import Conflict, ObjectExists, ObjectNotFound, Unavailable
from loginlake.lake.store import Entry, Stored

# before: nothing was done. after: a time-out, with the write done. half: half a list, or half a write, never seen.
# own: the write was done, and its retry inside the client answers that somebody else was first.
# kill: the process ends before the call. kill-after: it ends when the call is done.
How = Literal["before", "after", "half", "own", "kill", "kill-after"]
Call = Literal["get", "create", "replace", "put", "delete", "list"]


class Killed(BaseException):
    """The process ended here."""


class FakeStore:
    """Implements ObjectStore. `calls` is what was asked; `on_call` runs before each; `fail_next` plans failures."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.calls: list[tuple[Call, str]] = []
        self.on_call: Callable[[], None] | None = None
        self._plan: list[tuple[How, Call | None, str]] = []
        self._countdown: tuple[int, How] | None = None
        self._versions = 0
        self._lock = threading.RLock()

    def copy(self) -> FakeStore:
        """Another with the same objects, and no calls yet."""
        other = FakeStore()
        other.objects, other._versions = dict(self.objects), self._versions
        return other

    def fail_next(self, n: int = 1, how: How = "before", call: Call | None = None, prefix: str = "") -> None:
        """The next n calls (of one kind, below a prefix) fail in this way."""
        self._plan += [(how, call, prefix)] * n

    def fail_at(self, nth: int, how: How) -> None:
        """The nth call from now (0: the next) fails in this way, whatever it is."""
        self._countdown = (nth, how)

    def heal(self) -> None:
        """Nothing fails any more."""
        self._plan, self._countdown = [], None

    def content(self, prefix: str = "") -> dict[str, bytes]:
        """Every object's content below a prefix of characters."""
        return {key: stored.data for key, stored in sorted(self.objects.items()) if key.startswith(prefix)}

    def get(self, key: str) -> Stored:
        how = self._begin("get", key)
        found = self.objects.get(key)
        self._end(how)
        if found is None:
            raise ObjectNotFound(f"There is no object {key}.")
        return found

    def create(self, key: str, data: bytes) -> None:
        with self._lock:
            how = self._begin("create", key)
            if key in self.objects:
                raise ObjectExists(f"The object {key} exists already.")
            self._store(key, data)
            if how == "own":
                raise ObjectExists(f"The object {key} exists already.")
            self._end(how)

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        with self._lock:
            how = self._begin("replace", key)
            current = self.objects.get(key)
            if (current.version if current else None) != expected:
                raise Conflict(f"The object {key} was changed by another writer.")
            self._store(key, data)
            if how == "own":
                raise Conflict(f"The object {key} was changed by another writer.")
            self._end(how)

    def put(self, key: str, data: bytes) -> None:
        with self._lock:
            how = self._begin("put", key)
            self._store(key, data)
            self._end(how)

    def delete(self, key: str) -> None:
        with self._lock:
            how = self._begin("delete", key)
            self.objects.pop(key, None)
            self._end(how)

    def list(self, prefix: str, after: str | None = None) -> Iterator[Entry]:
        with self._lock:
            how = self._begin("list", prefix)
            base = prefix.strip("/") + "/" if prefix.strip("/") else ""
            found = [
                Entry(key, len(stored.data), stored.version)
                for key, stored in sorted(self.objects.items())
                if key.startswith(base) and (after is None or key > after)
            ]
        yield from found[: len(found) // 2] if how == "half" else found
        if how == "half":
            raise Unavailable("The fake store failed in the middle of a list.")
        self._end(how)

    def lock(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def _store(self, key: str, data: bytes) -> None:
        self._versions += 1
        self.objects[key] = Stored(bytes(data), f'"{self._versions}"')

    def _begin(self, call: Call, key: str) -> How | None:
        if self.on_call is not None:
            self.on_call()
        with self._lock:
            self.calls.append((call, key))
            how = self._planned(call, key)
        if how == "kill":
            raise Killed
        if how == "before" or (how == "half" and call != "list"):
            raise Unavailable(f"The fake store failed before {call}.")
        return how

    def _planned(self, call: Call, key: str) -> How | None:
        if self._countdown is not None:
            left, how = self._countdown
            self._countdown = (left - 1, how) if left else None
            if not left:
                return how
        for at, (how, wanted, prefix) in enumerate(self._plan):
            if wanted in {None, call} and key.startswith(prefix):
                del self._plan[at]
                return how
        return None

    def _end(self, how: How | None) -> None:
        if how == "after":
            raise Unavailable("The fake store answered too late.")
        if how == "kill-after":
            raise Killed
