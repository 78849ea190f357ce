"""Which adapter of the `ObjectStore` a URL means."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from loginlake.errors import Misconfigured
from loginlake.lake.folder import FolderStore
from loginlake.lake.store import ObjectStore

if TYPE_CHECKING:
    from loginlake.lake.azure import AzureAccount


def open_store(url: str, account: AzureAccount | None = None, stop: threading.Event | None = None) -> ObjectStore:
    """The store that a URL names: `file:PATH`, `memory:`, `az://` or `https://` (lake/azure.py). Nothing connects yet.

    `account` says which storage account a lake in Azure is in, and with what it is opened. `stop` ends the wait for a
    lock of a folder: Stopped.
    """
    from loginlake.lake import azure
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
