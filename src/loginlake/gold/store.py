"""The port `GoldStore`: documents by collection and `_id`. Adapters: embedded (SQLite), mongo.

Only what every MongoDB has is asked for: replace by _id, compare-and-set, reads by _id, ranges of one index. A document
is a JSON object (str keys without dots or $; values str, int, float, bool, None, list, object) with a str `_id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

Document = Mapping[str, Any]


class Index(NamedTuple):
    """An ascending index on top-level fields, always ended by `_id`, so that a page has one order."""

    collection: str
    fields: tuple[str, ...]


class GoldStore(Protocol):
    """Thread-safe. Nothing connects before the first call. A call may raise Unavailable (retry) or Denied (give up)."""

    def prepare(self, indexes: Iterable[Index]) -> None:
        """Create what is missing (tables, collections, indexes). Idempotent."""
        ...

    def read(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """The documents that exist among `ids`, by _id."""
        ...

    def replace(self, collection: str, documents: Iterable[Document]) -> None:
        """Write each document whole by its _id, in place of what was there. Not atomic across documents: replayable."""
        ...

    def replace_newer(self, collection: str, documents: Iterable[Document]) -> None:
        """As `replace`, but a stored document whose `generation` is greater than the new one's stays as it is."""
        ...

    def compare_and_set(self, collection: str, document: Document, expected: int | None) -> bool:
        """Replace the document, atomically, when its stored `version` is `expected` (None: when there is none)."""
        ...

    def page(
        self,
        index: Index,
        *,
        prefix: Sequence[Any] = (),
        after: Sequence[Any] | None = None,
        limit: int = 100,
        descending: bool = False,
    ) -> list[Document]:
        """Up to `limit` documents in the index's order (keyset paging).

        `prefix` fixes the first fields of the index to values; `after` is the (fields..., _id) of the last document
        seen, exclusive.
        """
        ...

    def delete(self, collection: str, ids: Iterable[str]) -> None:
        """Remove the documents that exist among `ids`."""
        ...

    def count(self, collection: str) -> int:
        """The number of documents in a collection."""
        ...

    def count_from(self, index: Index, least: Any) -> int:
        """The number of documents whose first field of the index is `least` or more: one range of the index."""
        ...

    def close(self) -> None:
        """Let go of every resource."""
        ...
