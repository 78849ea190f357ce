"""`EmbeddedGold`: the gold store in one SQLite file, for one machine. Several processes and threads may share it.

A table a collection: `_id`, the document as JSON, and an extracted column for each field of an index, so that a page is
one range of one index. WAL: readers never wait for a writer; writers wait for one another. Only `compare_and_set` waits
for the disk, and with itself makes everything durable that was written before it.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from loginlake.errors import Corrupt, Denied, Unavailable
from loginlake.gold.store import Document, Index
from loginlake.inode import file_at
from loginlake.wal import into_wal

logger = logging.getLogger(__name__)
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_BATCH = 5_000
_T = TypeVar("_T")


class _Connection(sqlite3.Connection):
    """A connection that knows which file it has open, and the tables that it has seen there."""

    file: tuple[int, int] | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.tables = set[str]()


class EmbeddedGold:
    """The port GoldStore on SQLite. The file and its folder are made at the first call, and again when it was removed.

    SQLite would go on in a file that was removed or exchanged: each call looks whether it still is the one at the path.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 30.0) -> None:
        """Keep the place; nothing is opened yet. A writer waits up to `busy_timeout_s` for another one."""
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    def prepare(self, indexes: Iterable[Index]) -> None:
        """Create the missing tables and indexes."""
        wanted = list(indexes)
        with self._connection() as connection:
            for index in wanted:
                self._ensure(connection, index.collection)
                _add_index(connection, index)

    def read(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """The documents that exist among `ids`, by _id."""
        with self._connection() as connection:
            self._ensure(connection, collection)
            found: dict[str, Document] = {}
            for start in range(0, len(ids), _BATCH):
                wanted = ids[start : start + _BATCH]  # bound one by one: json_each would end an id at a NUL
                places = ",".join("?" * len(wanted))
                # S608: the table's name has passed _NAME; values are bound.
                query = f"SELECT id, body FROM {_table(collection)} WHERE id IN ({places})"  # noqa: S608
                found.update((name, _document(body)) for name, body in connection.execute(query, tuple(wanted)))
            return found

    def replace(self, collection: str, documents: Iterable[Document]) -> None:
        """Write each document whole by its _id; batches of some thousands are atomic."""
        self._write(collection, documents, condition="")

    def replace_newer(self, collection: str, documents: Iterable[Document]) -> None:
        """As `replace`, but a stored document with a greater `generation` stays."""
        self._write(collection, documents, condition="WHERE generation <= excluded.generation")

    def compare_and_set(self, collection: str, document: Document, expected: int | None) -> bool:
        """Replace when the stored `version` is `expected` (None: when there is none). Durable when it returns True."""
        with self._connection() as connection:
            self._ensure(connection, collection)
            connection.execute("PRAGMA synchronous=FULL")
            try:
                with _transaction(connection):
                    query = f"SELECT version FROM {_table(collection)} WHERE id = ?"  # noqa: S608
                    stored = connection.execute(query, (document["_id"],)).fetchone()
                    if (None if stored is None else stored[0]) != expected or (stored is not None and expected is None):
                        return False
                    connection.execute(_upsert(collection, ""), _row(document))
                    return True
            finally:
                connection.execute("PRAGMA synchronous=NORMAL")

    def page(
        self,
        index: Index,
        *,
        prefix: Sequence[Any] = (),
        after: Sequence[Any] | None = None,
        limit: int = 100,
        descending: bool = False,
    ) -> list[Document]:
        """Up to `limit` documents in the index's order, past `after`."""
        columns = [*(_column(field) for field in index.fields), "id"]
        free = columns[len(prefix) :]
        conditions = [f"{name} = ?" for name in columns[: len(prefix)]]
        if after is not None:
            marks = ", ".join("?" * len(free))
            conditions.append(f"({', '.join(free)}) {'<' if descending else '>'} ({marks})")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        order = ", ".join(f"{name} {'DESC' if descending else 'ASC'}" for name in free)
        query = f"SELECT body FROM {_table(index.collection)} {where} ORDER BY {order} LIMIT ?"  # noqa: S608
        bound = [*prefix, *(after[len(prefix) :] if after is not None else ()), limit]
        with self._connection() as connection:
            self._ensure(connection, index.collection)
            if index.fields:  # by _id alone: that index is always there
                _add_index(connection, index)
            return [_document(body) for (body,) in connection.execute(query, bound)]

    def delete(self, collection: str, ids: Iterable[str]) -> None:
        """Remove the documents that exist among `ids`."""
        names = [(name,) for name in ids]
        with self._connection() as connection:
            self._ensure(connection, collection)
            with _transaction(connection):
                connection.executemany(f"DELETE FROM {_table(collection)} WHERE id = ?", names)  # noqa: S608

    def count(self, collection: str) -> int:
        """The number of documents in a collection."""
        with self._connection() as connection:
            self._ensure(connection, collection)
            row = connection.execute(f"SELECT count(*) FROM {_table(collection)}").fetchone()  # noqa: S608
            return int(row[0])

    def count_from(self, index: Index, least: Any) -> int:
        """The number of documents whose first field of the index is `least` or more."""
        query = f"SELECT count(*) FROM {_table(index.collection)} WHERE {_column(index.fields[0])} >= ?"  # noqa: S608
        with self._connection() as connection:
            self._ensure(connection, index.collection)
            _add_index(connection, index)
            return int(connection.execute(query, (least,)).fetchone()[0])

    def close(self) -> None:
        """Close every connection. A later call raises Unavailable."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _write(self, collection: str, documents: Iterable[Document], condition: str) -> None:
        statement = _upsert(collection, condition)
        rest = iter(documents)
        with self._connection() as connection:
            self._ensure(connection, collection)
            while batch := [_row(document) for document in islice(rest, _BATCH)]:
                with _transaction(connection):
                    connection.executemany(statement, batch)

    def _ensure(self, connection: _Connection, collection: str) -> None:
        if collection in connection.tables:
            return
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {_table(collection)} "
            "(id TEXT PRIMARY KEY, generation INTEGER NOT NULL, version INTEGER, body TEXT NOT NULL)"
        )
        connection.tables.add(collection)

    @contextmanager
    def _connection(self) -> Iterator[_Connection]:
        """A connection of one's own for a moment; SQLite's errors become the project's."""
        connection = _guarded(self._path, self._take)
        try:
            yield connection
        except sqlite3.Error as error:
            connection.close()
            raise _named(self._path, error) from error
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _take(self) -> _Connection:
        with self._lock:
            if self._closed:
                raise Unavailable("The gold store is closed.", "It was asked for an answer while stopping.")
            while self._idle:
                connection = self._idle.pop()
                if connection.file == file_at(self._path):
                    return connection
                logger.warning("The gold store's file was removed or exchanged; it is opened anew.")
                connection.close()
        return _open(self._path, self._busy_timeout_s)


def _open(path: Path, busy_timeout_s: float) -> _Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False, factory=_Connection
    )
    try:
        into_wal(connection, busy_timeout_s)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.file = file_at(path)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _guarded(path: Path, action: Callable[[], _T]) -> _T:
    try:
        return action()
    except sqlite3.Error as error:
        raise _named(path, error) from error
    except OSError as error:
        raise Denied(
            f"The gold store's folder {path.parent} can't be made.",
            f"{error.strerror}.",
            "Choose another LOGINLAKE_GOLD_URL.",
        ) from error


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _table(collection: str) -> str:
    if not _NAME.match(collection):
        raise ValueError(f"not a collection's name: {collection!r}")
    return f'"documents_{collection}"'


def _column(field: str) -> str:
    if not _NAME.match(field):
        raise ValueError(f"not a field's name: {field!r}")
    return f'"field_{field}"'


def _add_index(connection: sqlite3.Connection, index: Index) -> None:
    table = _table(index.collection)
    name = f'"index_{index.collection}_{"_".join(index.fields)}"'
    if connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?", (name.strip('"'),)
    ).fetchone():
        return
    with _transaction(connection):
        there = {row[1] for row in connection.execute(f"PRAGMA table_xinfo({table})")}
        for field in index.fields:
            if _column(field).strip('"') not in there:
                value = f"json_extract(body, '$.{field}')"
                connection.execute(
                    f"ALTER TABLE {table} ADD COLUMN {_column(field)} GENERATED ALWAYS AS ({value}) VIRTUAL"
                )
        columns = ", ".join([*(_column(field) for field in index.fields), "id"])
        connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({columns})")


def _upsert(collection: str, condition: str) -> str:
    return (
        f"INSERT INTO {_table(collection)} (id, generation, version, body) VALUES (?, ?, ?, ?) "  # noqa: S608
        "ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, version = excluded.version, "
        f"body = excluded.body {condition}"
    )


def _row(document: Document) -> tuple[str, int, int | None, str]:
    return document["_id"], document.get("generation", 0), document.get("version"), _json(document)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _document(body: str) -> Document:
    document: dict[str, Any] = msgspec.json.decode(body)
    return document


def _named(path: Path, error: sqlite3.Error) -> Exception:
    """SQLite's error as a condition with a name."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    what = f"The gold store {path} did not do what was asked."
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Corrupt(
            f"The gold store {path} is damaged.", f"{error}.", "Move it away; publish makes it anew from silver."
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return Denied(what, f"{error}.", "Let this user write the file and its folder.")
    if isinstance(error, sqlite3.OperationalError):
        return Unavailable(what, f"{error}.", "It is tried again.")
    return error
