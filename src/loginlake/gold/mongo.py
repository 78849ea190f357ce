"""`MongoGold`: the gold store in MongoDB (6 to 8, Atlas, Azure's services). pymongo comes in here alone.

Only what all of them have is used: replaces and upserts by _id, compare-and-set by what a replace matched, named
compound indexes, reads by _id and along an index. No transactions, no server-side code, no version checks.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from pymongo import ASCENDING, DESCENDING, MongoClient, ReplaceOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from loginlake.errors import Overloaded
from loginlake.gold import mongo_errors
from loginlake.gold.mongo_url import Address, parse
from loginlake.gold.store import Document, Index

logger = logging.getLogger(__name__)
# At its debug level pymongo logs whole commands, with the people in them.
logging.getLogger("pymongo").setLevel(logging.WARNING)
_Raw = dict[str, Any]
_T = TypeVar("_T")
_DUPLICATE, _THROTTLED = 11_000, 16_500
_READ_CHUNK = 100
_WRITE_CHUNK = 500


class MongoGold:
    """The port GoldStore on a MongoDB database. Thread-safe; nothing connects before the first call.

    A call ends within about 15 s when the server is away or takes no more. What was sent when it broke may or may not
    have been done: every write can be repeated, and `compare_and_set` tells.
    """

    def __init__(self, url: str, *, attempts: int = 7, pause: Callable[[float], object] = time.sleep) -> None:
        """Take mongodb://HOST[:PORT]/DATABASE[?options] or mongodb+srv://...; Misconfigured when it is none.

        A server that says "too many requests" is asked up to `attempts` times, with growing pauses.
        """
        self._address: Address = parse(url)
        self._attempts, self._pause = attempts, pause
        with mongo_errors.bad_address():
            self._client: MongoClient[_Raw] = MongoClient(url, connect=False, **self._address.defaults)
        self._indexes: set[Index] = set()

    def prepare(self, indexes: Iterable[Index]) -> None:
        """Create the missing indexes, and with them the collections. Idempotent."""
        for index in indexes:
            self._ensure(index)

    def read(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """The documents that exist among `ids`, by _id."""
        found: dict[str, Document] = {}
        for chunk in _chunks(ids, _READ_CHUNK):
            documents = self._call(partial(self._find, collection, chunk))
            found.update((document["_id"], document) for document in documents)
        return found

    def replace(self, collection: str, documents: Iterable[Document]) -> None:
        """Write each document whole by its _id."""
        for chunk in _chunks(documents, _WRITE_CHUNK):
            left = chunk
            while left:  # a duplicate key: somebody inserted it at the same moment; then it is there to be replaced
                left = self._upsert(collection, left, lambda document: {"_id": document["_id"]})

    def replace_newer(self, collection: str, documents: Iterable[Document]) -> None:
        """As `replace`, but a stored document with a greater `generation` stays."""
        for chunk in _chunks(documents, _WRITE_CHUNK):
            left = chunk
            while left:
                left = self._still_older(collection, self._upsert(collection, left, _not_newer))

    def compare_and_set(self, collection: str, document: Document, expected: int | None) -> bool:
        """Replace the document when its stored `version` is `expected` (None: when there is none)."""
        new = dict(document)

        def act() -> bool:
            if expected is None:
                self._of(collection).insert_one(new)
                return True
            return self._of(collection).replace_one({"_id": new["_id"], "version": expected}, new).matched_count == 1

        try:
            return self._call(act)
        except DuplicateKeyError:
            return False

    def page(
        self,
        index: Index,
        *,
        prefix: Sequence[Any] = (),
        after: Sequence[Any] | None = None,
        limit: int = 100,
        descending: bool = False,
    ) -> list[Document]:
        """Up to `limit` documents in the index's order, past `after`. An index's fields hold one type, never null."""
        self._ensure(index)
        fields = [*index.fields, "_id"]
        queries = _ranges(fields, prefix, after, "$lt" if descending else "$gt")
        # The fixed fields too: then the order is the index's own, and no server sorts.
        order = [(name, DESCENDING if descending else ASCENDING) for name in fields]

        def act() -> list[Document]:
            found: list[Document] = []
            for query in queries:
                if len(found) < limit:
                    found += self._of(index.collection).find(query).sort(order).limit(limit - len(found))
            return found

        return self._call(act)

    def delete(self, collection: str, ids: Iterable[str]) -> None:
        """Remove the documents that exist among `ids`."""
        for chunk in _chunks(ids, _READ_CHUNK):
            self._call(partial(self._of(collection).delete_many, {"_id": {"$in": chunk}}))

    def count(self, collection: str) -> int:
        """The number of documents in a collection, exactly."""
        return self._call(lambda: self._of(collection).count_documents({}))

    def count_from(self, index: Index, least: Any) -> int:
        """The number of documents whose first field of the index is `least` or more."""
        self._ensure(index)
        return self._call(lambda: self._of(index.collection).count_documents({index.fields[0]: {"$gte": least}}))

    def server_time(self) -> datetime | None:
        """The server's clock (UTC); None when it does not tell."""
        told = self._call(lambda: self._database().command("hello")).get("localTime")
        return told.replace(tzinfo=UTC) if isinstance(told, datetime) else None

    def close(self) -> None:
        """Let go of every connection. A later call raises Unavailable."""
        self._client.close()

    def _database(self) -> Database[_Raw]:
        return self._client[self._address.database]

    def _of(self, collection: str) -> Collection[_Raw]:
        return self._database()[collection]

    def _find(self, collection: str, ids: list[str]) -> list[_Raw]:
        return list(self._of(collection).find({"_id": {"$in": ids}}))

    def _ensure(self, index: Index) -> None:
        if index in self._indexes or not index.fields:  # by _id alone: that index is always there
            return
        keys = [(name, ASCENDING) for name in (*index.fields, "_id")]
        name = "by_" + "_".join(index.fields)
        self._call(lambda: self._of(index.collection).create_index(keys, name=name))
        self._indexes.add(index)

    def _upsert(self, collection: str, documents: list[Document], where: Callable[[Document], _Raw]) -> list[Document]:
        """Replace or insert where the condition holds; those that a stored document of the same _id kept out."""
        left, kept_out = documents, []
        for attempt in self._patiently():
            writes = [ReplaceOne(where(document), dict(document), upsert=True) for document in left]
            failed = self._call(partial(self._bulk, collection, writes))
            kept_out += [left[at] for at, code in failed.items() if code == _DUPLICATE]
            left = [left[at] for at, code in failed.items() if code == _THROTTLED]
            if not left:
                return kept_out
            logger.info("the gold store slows us down", extra={"attempt": attempt, "documents": len(left)})
        raise self._overloaded()

    def _bulk(self, collection: str, writes: list[ReplaceOne[_Raw]]) -> dict[int, int]:
        """Send writes in any order; the code of each that failed by a duplicate key or throttling, by its place."""
        try:
            self._of(collection).bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            failed: dict[int, int] = {fault["index"]: fault["code"] for fault in error.details["writeErrors"]}
            if error.details.get("writeConcernErrors") or not set(failed.values()) <= {_DUPLICATE, _THROTTLED}:
                raise
            return failed
        return {}

    def _still_older(self, collection: str, documents: list[Document]) -> list[Document]:
        """Those kept out not by a newer document but by one that came at the same moment: to be tried again."""
        stored = self.read(collection, [document["_id"] for document in documents])
        return [d for d in documents if _generation(stored.get(d["_id"], {})) <= _generation(d)]

    def _call(self, act: Callable[[], _T]) -> _T:
        """One call to the server, with pauses while it is throttled; its errors become the project's."""
        for attempt in self._patiently():
            with mongo_errors.named(self._address):
                try:
                    return act()
                except OperationFailure as error:
                    if error.code != _THROTTLED:
                        raise
            logger.info("the gold store slows us down", extra={"attempt": attempt})
        raise self._overloaded()

    def _patiently(self) -> Iterator[int]:
        """The attempts, with a pause before each but the first: about 6 s in all."""
        for attempt in range(self._attempts):
            if attempt:
                self._pause(0.1 * 2 ** (attempt - 1) * random.uniform(0.5, 1))  # noqa: S311 - spread, no secret
            yield attempt

    def _overloaded(self) -> Overloaded:
        return Overloaded(
            f"{self._address} takes no more requests for now.",
            "Its throughput (request units) is used up.",
            "It is tried again; if it lasts, give the database more.",
        )


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _generation(document: Document) -> int:
    number: int = document.get("generation", 0)
    return number


def _not_newer(document: Document) -> _Raw:
    return {"_id": document["_id"], "generation": {"$not": {"$gt": _generation(document)}}}


def _ranges(fields: Sequence[str], prefix: Sequence[Any], after: Sequence[Any] | None, past: str) -> list[_Raw]:
    """The queries of what has the prefix and lies past `after`, in the order of the fields left free.

    (a, b, c) past (x, y, z) is: a = x and b = y and c past z; then a = x and b past y; then a past x. One query each:
    a server that is asked for all three by $or may read the whole collection.
    """
    fixed: _Raw = dict(zip(fields, prefix, strict=False))
    free = list(fields[len(prefix) :])
    if after is None:
        return [fixed]
    mark = after[len(prefix) :]
    steps = reversed(range(len(free)))
    return [fixed | dict(zip(free, mark[:depth], strict=False)) | {free[depth]: {past: mark[depth]}} for depth in steps]
