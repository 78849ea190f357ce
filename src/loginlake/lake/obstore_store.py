"""The object store on obstore: Azure Blob Storage (ADLS Gen2 accounts too) or memory. obstore comes in here alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, MemoryStore

from loginlake.errors import Conflict, Denied, LoginlakeError, Misconfigured, ObjectExists, ObjectNotFound, Unavailable
from loginlake.lake.store import Entry, Stored

_MISSING = (FileNotFoundError, NotFoundError)
_FAILURES = (BaseError, OSError)


class ObstoreStore:
    """Objects by obstore. Conditional writes are the service's own, so `lock` has nothing to do."""

    def __init__(self, store: AzureStore | MemoryStore) -> None:
        """Take the configured store; nothing connects yet."""
        self._store = store

    def get(self, key: str) -> Stored:
        """The whole object, or ObjectNotFound."""
        try:
            found = obstore.get(self._store, key)
            return Stored(bytes(found.bytes()), found.meta["e_tag"] or "")
        except (*_MISSING, InvalidPathError, ValueError) as error:
            raise ObjectNotFound(f"There is no object {key}.") from error
        except _FAILURES as error:
            raise _named(error, "read", key) from error

    def create(self, key: str, data: bytes) -> None:
        """Write a new object; ObjectExists when the name is taken (perhaps by our own retried write: compare)."""
        try:
            with _failures("write", key):
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
        except Conflict as error:
            raise ObjectExists(f"The object {key} exists already.") from error

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        """Write in place of the version that was read (None: of nothing); Conflict when there is another by now."""
        with _failures("write", key):
            mode: Any = "create" if expected is None else {"e_tag": expected}
            obstore.put(self._store, key, data, mode=mode, use_multipart=False)

    def put(self, key: str, data: bytes) -> None:
        """Write, whatever is there."""
        with _failures("write", key):
            obstore.put(self._store, key, data, use_multipart=False)

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens when there is none."""
        try:
            obstore.delete(self._store, key)
        except _MISSING:
            return
        except _FAILURES as error:
            raise _named(error, "remove", key) from error

    def list(self, prefix: str, after: str | None = None) -> Iterator[Entry]:
        """The objects below a prefix of whole path segments, by name, past `after`."""
        with _failures("list", prefix):
            for batch in obstore.list(self._store, prefix.strip("/") or None, offset=after):
                for found in batch:
                    yield Entry(found["path"], found["size"], found["e_tag"] or "")

    def lock(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002 - the port's own argument
        """Nothing: `replace` is conditional here."""
        return nullcontext()


def memory_store() -> ObstoreStore:
    """A lake that ends with the process."""
    return ObstoreStore(MemoryStore())


def azure_store(container: str, prefix: str, **config: Any) -> ObstoreStore:
    """A container (and a prefix in it) of an Azure storage account, by the Blob API.

    `config` is obstore's AzureConfig (account_name, account_key, sas_key, endpoint, use_emulator ...); what is not
    given comes from the AZURE_STORAGE_* environment. A call ends within about 40 s, whatever the network does.
    """
    try:
        store = AzureStore(
            container,
            prefix=prefix or None,
            client_options={"connect_timeout": timedelta(seconds=3), "timeout": timedelta(seconds=10)},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=5)},
            **config,
        )
    except (BaseError, ValueError, TypeError) as error:
        raise Misconfigured(
            f"The Azure container {container} cannot be addressed.",
            "The account's name or credentials are missing or malformed.",
            "Check LOGINLAKE_LAKE_URL and the storage account's settings.",
        ) from error
    return ObstoreStore(store)


@contextmanager
def _failures(verb: str, key: str) -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        raise _named(error, verb, key) from error


def _named(error: Exception, verb: str, key: str) -> LoginlakeError:
    """The one place where obstore's errors get our names. obstore's own text may quote credentials: it stays out."""
    what = f"Cannot {verb} {key or 'the lake'}."
    if isinstance(error, AlreadyExistsError | PreconditionError):
        return Conflict(what, "Another writer was first.", "Read it again.")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError):
        return Denied(what, "The storage account refused these credentials.", "Check them and their role.")
    if isinstance(error, _MISSING):
        return Misconfigured(what, "There is no such container.", "Create it, or correct LOGINLAKE_LAKE_URL.")
    return Unavailable(what, "The storage did not answer as it should.", "It is tried again.")
