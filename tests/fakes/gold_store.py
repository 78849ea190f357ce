"""A gold store in memory that can be told to fail at its n-th write, before or after doing it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from loginlake.errors import Unavailable
from loginlake.gold.store import Document, Index

When = Literal["before", "half", "after"]


class FakeGold:
    """The port GoldStore in memory. `calls` names every call; `before_call` runs before each (to race, to look)."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[str, dict[str, Any]]] = {}
        self.calls: list[str] = []
        self.written: list[str] = []
        self.before_call: Callable[[str], None] | None = None
        self._fail_at: int | None = None
        self._when: When = "before"
        self._lock = threading.RLock()

    def copy(self) -> FakeGold:
        """Another with the same documents, and no calls yet."""
        other = FakeGold()
        other.collections = json.loads(json.dumps(self.collections))
        return other

    def fail_at(self, number: int, when: When = "before") -> None:
        """Let the `number`-th call from now (0: the next) raise Unavailable: before, half way, or after it is done."""
        self._fail_at, self._when = number, when

    def heal(self) -> None:
        self._fail_at = None

    def prepare(self, indexes: Iterable[Index]) -> None:
        self._fault("prepare", lambda _: None, [None])

    def read(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        found: dict[str, Document] = {}

        def take(name: str) -> None:
            if name in self._of(collection):
                found[name] = _copy(self._of(collection)[name])

        self._fault(f"read {collection}", take, ids)
        return found

    def replace(self, collection: str, documents: Iterable[Document]) -> None:
        self._fault(f"replace {collection}", lambda document: self._put(collection, document), list(documents))

    def replace_newer(self, collection: str, documents: Iterable[Document]) -> None:
        def put(document: Document) -> None:
            stored = self._of(collection).get(document["_id"])
            if stored is None or stored.get("generation", 0) <= document.get("generation", 0):
                self._put(collection, document)

        self._fault(f"replace_newer {collection}", put, list(documents))

    def compare_and_set(self, collection: str, document: Document, expected: int | None) -> bool:
        done = []

        def attempt(new: Document) -> None:
            stored = self._of(collection).get(new["_id"])
            if (stored is None) if expected is None else (stored is not None and stored.get("version") == expected):
                self._put(collection, new)
                done.append(True)

        self._fault(f"compare_and_set {collection}", attempt, [document])
        return bool(done)

    def page(
        self,
        index: Index,
        *,
        prefix: Sequence[Any] = (),
        after: Sequence[Any] | None = None,
        limit: int = 100,
        descending: bool = False,
    ) -> list[Document]:
        found: list[Document] = []

        def take(_: None) -> None:
            def place(document: Document) -> tuple[Any, ...]:
                return (*(document.get(field) for field in index.fields), document["_id"])

            all_of = sorted(self._of(index.collection).values(), key=place, reverse=descending)
            chosen = [document for document in all_of if place(document)[: len(prefix)] == tuple(prefix)]
            if after is not None:
                mark = tuple(after)
                chosen = [d for d in chosen if (place(d) < mark if descending else place(d) > mark)]
            found.extend(_copy(document) for document in chosen[:limit])

        self._fault(f"page {index.collection}", take, [None])
        return found

    def delete(self, collection: str, ids: Iterable[str]) -> None:
        self._fault(f"delete {collection}", lambda name: self._of(collection).pop(name, None), list(ids))

    def count(self, collection: str) -> int:
        numbers: list[int] = []
        self._fault(f"count {collection}", lambda _: numbers.append(len(self._of(collection))), [None])
        return numbers[0]

    def count_from(self, index: Index, least: Any) -> int:
        found: list[int] = []

        def count(_: None) -> None:
            values = [document.get(index.fields[0]) for document in self._of(index.collection).values()]
            found.append(sum(value is not None and value >= least for value in values))

        self._fault(f"count_from {index.collection}", count, [None])
        return found[0]

    def close(self) -> None:
        self.calls.append("close")

    def _of(self, collection: str) -> dict[str, dict[str, Any]]:
        return self.collections.setdefault(collection, {})

    def _put(self, collection: str, document: Document) -> None:
        self.written.append(f"{collection}/{document['_id']}")
        self._of(collection)[document["_id"]] = _copy(document)

    def _fault(self, call: str, act: Callable[[Any], Any], items: Sequence[Any]) -> None:
        if self.before_call is not None:
            self.before_call(call)
        with self._lock:
            self.calls.append(call)
            fails = self._fail_at == 0
            if self._fail_at is not None:
                self._fail_at -= 1
            done = list(items)
            if fails:
                done = {"before": [], "half": done[: len(done) // 2], "after": done}[self._when]
            for item in done:
                act(item)
        if fails:
            raise Unavailable(f"told to fail at {call} ({self._when})")


def _copy(document: Document) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(document))
    return copied
