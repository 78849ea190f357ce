"""The object store on obstore: Azure Blob Storage (ADLS Gen2 accounts too) or memory. obstore comes in here alone."""

from __future__ import annotations

import re
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

from loginlake.errors import Conflict, LoginlakeError, Misconfigured, ObjectExists, ObjectNotFound
from loginlake.lake import azure_errors
from loginlake.lake.azure import AzurePlace
from loginlake.lake.store import Entry, Stored

_MISSING = (FileNotFoundError, NotFoundError)
_FAILURES = (BaseError, OSError)
_STATUS, _CODE = re.compile(r"(?:status code|\(code): (\d{3})"), re.compile(r"<Code>(\w+)</Code>")
# A deletion goes as a batch, whose answers come without their codes.
_WORDS = {
    "container does not exist": "ContainerNotFound",
    "operation using this permission": "AuthorizationPermissionMismatch",
}
# The service answers 409 to more than a name that is taken.
_NOT_OF_THE_BLOB = ("ContainerBeingDeleted", "AccountBeingCreated", "BlobImmutableDueToPolicy")
LARGE = 4 * 1024 * 1024


class ObstoreStore:
    """Objects by obstore. Conditional writes are the service's own, so `lock` has nothing to do."""

    def __init__(
        self, store: AzureStore | MemoryStore, where: object = "The lake", *, large: AzureStore | None = None
    ) -> None:
        """Take the configured store; nothing connects yet. `large`: a more patient client of it, for large writes."""
        self._store, self._where, self._large = store, where, large or store

    def get(self, key: str) -> Stored:
        """The whole object, or ObjectNotFound."""
        if not key.strip("/"):  # Azure would answer for the container
            raise ObjectNotFound("There is no object without a name.")
        try:
            found = obstore.get(self._store, key)
            return Stored(bytes(found.bytes()), _version(found.meta["e_tag"]))
        except (*_MISSING, InvalidPathError, ValueError) as error:
            if _code(str(error)) == "ContainerNotFound":
                raise _named(error, self._what("read", key)) from None
            raise ObjectNotFound(f"There is no object {key}.") from None
        except _FAILURES as error:
            raise _named(error, self._what("read", key)) from None

    def create(self, key: str, data: bytes) -> None:
        """Write a new object; ObjectExists when the name is taken (perhaps by our own retried write: compare)."""
        try:
            self._write(key, data, "create")
        except Conflict:
            raise ObjectExists(f"The object {key} exists already.") from None

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        """Write in place of the version that was read (None: of nothing); Conflict when there is another by now."""
        self._write(key, data, "create" if expected is None else {"e_tag": expected})

    def put(self, key: str, data: bytes) -> None:
        """Write, whatever is there."""
        self._write(key, data, "overwrite")

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens when there is none."""
        try:
            obstore.delete(self._store, key)
        except _MISSING as error:
            if _code(str(error)) == "ContainerNotFound":
                raise _named(error, self._what("remove", key)) from None
        except _FAILURES as error:
            raise _named(error, self._what("remove", key)) from None

    def list(self, prefix: str, after: str | None = None) -> Iterator[Entry]:
        """The objects below a prefix of whole path segments, by name, past `after`."""
        with _failures(self._what("list", prefix)):
            for batch in obstore.list(self._store, prefix.strip("/") or None, offset=after and _name_before(after)):
                for found in batch:
                    if after and found["path"] <= after:
                        continue
                    yield Entry(found["path"], found["size"], _version(found["e_tag"]))

    def lock(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002 - the port's own argument
        """Nothing: `replace` is conditional here."""
        return nullcontext()

    def _write(self, key: str, data: bytes, mode: Any) -> None:
        with _failures(self._what("write", key)):
            store = self._large if len(data) > LARGE else self._store
            obstore.put(store, key, data, mode=mode, use_multipart=False)

    def _what(self, verb: str, key: str) -> str:
        return f"{self._where}: cannot {verb} {key or 'it'}."


def memory_store() -> ObstoreStore:
    """A lake that ends with the process."""
    return ObstoreStore(MemoryStore())


def azure_store(where: AzurePlace) -> ObstoreStore:
    """A container (and a prefix in it) of an Azure storage account, by the Blob API. Nothing connects yet.

    A call ends within 15 s, whatever the network does; a write of more than `LARGE` bytes may take two minutes.
    """
    config = where.obstore_config()

    def client(timeout_s: float) -> AzureStore:
        return AzureStore(
            where.container,
            prefix=where.prefix or None,
            client_options={
                "connect_timeout": timedelta(seconds=3),
                "timeout": timedelta(seconds=timeout_s),
                "allow_http": where.endpoint.startswith("http:"),
            },
            # No new attempt begins after 4 s; the last one has the time-out.
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=4)},
            **config,
        )

    try:
        return ObstoreStore(client(9), where, large=client(120))
    except (BaseError, ValueError, TypeError):
        raise Misconfigured(
            f"{where} cannot be addressed.",
            "The account's key or SAS is malformed.",
            "Check LOGINLAKE_AZURE_KEY, LOGINLAKE_AZURE_SAS or LOGINLAKE_AZURE_CONNECTION_STRING.",
        ) from None


def _code(text: str) -> str:
    """Azure's error code in what obstore says; empty when there is none."""
    if found := _CODE.search(text):
        return found[1]
    return next((code for words, code in _WORDS.items() if words in text), "")


def _name_before(after: str) -> str:
    """The last that obstore takes for an object's name and that is not past `after`, which may be any text."""
    name = re.split(r"[\x00-\x1f\x7f]|//", after, maxsplit=1)[0]
    return name + "~" if after[len(name) : len(name) + 1] == "\x7f" else name


def _version(tag: str | None) -> str:
    """One form of an ETag: Azure's listings leave the quotes out that its headers, and conditions, have."""
    return f'"{tag}"' if tag and tag.startswith("0x") else tag or ""


@contextmanager
def _failures(what: str) -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        raise _named(error, what) from None


def _named(error: Exception, what: str) -> LoginlakeError:
    """The one place where obstore's errors get our names. obstore's own text may quote credentials: it stays out."""
    text = str(error)
    status, told = _STATUS.search(text), _code(text)
    if isinstance(error, AlreadyExistsError | PreconditionError) and told not in _NOT_OF_THE_BLOB:
        return Conflict(what, "Another writer was first.", "Read it again.")
    if isinstance(error, UnauthenticatedError) and "credential provider" in text:
        return azure_errors.no_credential(what)
    if status is not None:
        return azure_errors.refusal(what, int(status[1]), told)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError):
        return azure_errors.refusal(what, 403, told)
    return azure_errors.unreachable(what, text)
