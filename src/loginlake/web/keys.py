"""API keys: a key belongs to one source. Only its hash is kept, in a small file that every worker sees change.

A key is 256 random bits, so its plain SHA-256 tells nothing of it. A file of another machine may be copied here.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from loginlake.errors import Corrupt, Misconfigured, Unavailable

PREFIX = "ll_"
_KEY = re.compile(r"ll_[A-Za-z0-9_-]{43}")
# A URI with a scheme (RFC 3986): no space, no control character, nothing that a terminal or a log would trip over.
_SOURCE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-Z_a-z~%\[\]@]{1,500}")


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept. `id` names it to people; times are RFC 3339; `revoked` is None while it is good."""

    id: str
    source: str
    sha256: str
    made: str
    revoked: str | None = None


_keys = msgspec.json.Decoder(list[ApiKey]).decode


class ApiKeys:
    """The keys' file. Nothing is read before the first call; a missing file has no keys."""

    def __init__(self, path: Path) -> None:
        """`path` is the JSON file."""
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._good: Mapping[str, ApiKey] = {}

    def find(self, key: str) -> ApiKey | None:
        """The good key of this text; None for an unknown or revoked one. A change of the file counts at once.

        Raises Unavailable or Corrupt when the file cannot be read.
        """
        if not _KEY.fullmatch(key):
            return None
        return self._current().get(_hash(key))

    def all(self) -> list[ApiKey]:
        """Every key, revoked ones too, in the order in which they were made."""
        try:
            return _keys(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Unavailable("The API keys cannot be read.", f"{error.strerror}.", "Look at their file.") from error
        except msgspec.DecodeError as error:
            raise Corrupt(
                f"{self._path} is no file of API keys.", "Its content cannot be read.", "Restore it, or make new keys."
            ) from error

    def add(self, source: str, now: str) -> tuple[ApiKey, str]:
        """A new key for a source: what is kept of it, and the key itself, which nobody can show again."""
        if not _SOURCE.fullmatch(source):
            raise Misconfigured(
                "The source is no URI.", "CloudEvents name an application by a URI.", "Take e.g. https://shop.example."
            )
        key = PREFIX + secrets.token_urlsafe(32)
        made = ApiKey(id=secrets.token_hex(4), source=source, sha256=_hash(key), made=now)
        with self._alone():
            self._write([*self.all(), made])
        return made, key

    def revoke(self, name: str, now: str) -> ApiKey:
        """End a key, by its id; again is harmless. Misconfigured when there is none."""
        with self._alone():
            keys = self.all()
            for place, key in enumerate(keys):
                if key.id == name:
                    keys[place] = key if key.revoked else msgspec.structs.replace(key, revoked=now)
                    self._write(keys)
                    return keys[place]
        raise Misconfigured("There is no such key.", "No key has this id.", "See `loginlake keys list`.")

    def _current(self) -> Mapping[str, ApiKey]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Unavailable("The API keys cannot be read.", f"{error.strerror}.", "Look at their file.") from error
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        with self._lock:
            if stamp != self._stamp:
                self._good = {key.sha256: key for key in self.all() if key.revoked is None}
                self._stamp = stamp
            return self._good

    def _write(self, keys: list[ApiKey]) -> None:
        """Replace the file whole: a reader sees the old one or the new one."""
        part = self._path.with_suffix(".part")
        part.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(keys), indent=1) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError as error:
            raise Unavailable("The API keys cannot be written.", f"{error.strerror}.", "Look at the disk.") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time, whichever process."""
        lock = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
