"""The port `ObjectStore`: objects by name, whole, with conditions. Adapters by URL: folder, obstore."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from loginlake.errors import Misconfigured, ObjectNotFound

if TYPE_CHECKING:
    from loginlake.lake.azure import AzureAccount


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


def open_store(url: str, account: AzureAccount | None = None, stop: threading.Event | None = None) -> ObjectStore:
    """The store that a URL names: `file:PATH`, `memory:`, `az://` or `https://` (lake/azure.py). Nothing connects yet.

    `account` says which storage account a lake in Azure is in, and with what it is opened. `stop` ends the wait for a
    lock of a folder: Stopped.
    """
    from loginlake.lake import azure
    from loginlake.lake.folder import FolderStore
    from loginlake.lake.obstore_store import azure_store, memory_store

    scheme, _, rest = url.partition(":")
    if scheme == "file" and rest:
        return FolderStore(Path(rest.removeprefix("//")), stop)
    if scheme == "memory":
        return memory_store()
    if scheme in ("az", "https", "http"):
        return azure_store(azure.place(url, account or azure.AzureAccount()))
    raise Misconfigured(
        f"LOGINLAKE_LAKE_URL names no lake: {scheme}:...",
        "It is file:PATH, memory:, az://CONTAINER/PREFIX or https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX.",
        "Correct it, or leave it out for a folder beneath LOGINLAKE_DATA.",
    )
