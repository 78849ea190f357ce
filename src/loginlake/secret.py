"""The key of cookies and keyed hashes: the setting, or one made once beside the data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from loginlake.errors import Misconfigured

_SHORTEST = 32


def load_or_make(configured: str, folder: Path) -> bytes:
    """The configured secret, or the one in `folder`/secret.key, made there (mode 600) by whoever comes first.

    Raises Misconfigured for a secret, or a file, that is too short to be one.
    """
    if configured:
        if len(configured) < _SHORTEST:
            raise Misconfigured(
                "LOGINLAKE_SECRET is too short.",
                f"It has {len(configured)} characters; {_SHORTEST} are the least that is safe.",
                "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'",
            )
        return configured.encode()
    path = folder / "secret.key"
    if not path.exists():
        _make(path)
    found = path.read_bytes()
    if len(found) < _SHORTEST:
        raise Misconfigured(
            f"The key {path} is too short.",
            f"It has {len(found)} bytes; {_SHORTEST} are the least that is safe.",
            "Restore it from a copy: only with the same key do people stay signed in and keyed hashes still name them. "
            "Without a copy: remove it, start again (a new one is made, everybody signs in again), then run loginlake "
            "rebuild silver, which names repeated and rejected rows' people by the new key.",
        )
    return found


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_urlsafe(48).encode())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # create-only: another process may have been first, and then its key is the one
    except FileExistsError:
        pass
    finally:
        draft.unlink()
