"""The object store in a folder of this machine, durable and atomic.

Written here rather than by obstore, whose folder store neither syncs to disk, nor replaces conditionally, nor lists by
name (ADR: what a folder must promise). A name appears only when its content is on the disk: staged, synced, linked or
renamed, directory synced. A removal may come back after a power failure; nobody relies on the opposite.
"""

# ruff: noqa: PTH102, PTH106, PTH108, PTH110, PTH112, PTH116, PTH123
from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote
from zlib import crc32

from loginlake.errors import Conflict, Denied, LoginlakeError, ObjectExists, ObjectNotFound, Stopped, Unavailable
from loginlake.lake.network_folder import refuse_network
from loginlake.lake.store import Entry, Stored

_STAGING = ".staging"
_LOCKS = ".locks"
_STRIPES = 64
_STALE_S = 3600.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.05
_NO_NAMES = frozenset(("", ".", ".."))
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_Result = TypeVar("_Result")


class FolderStore:
    """Objects as files below `root`, which is made at the first call. One machine, any number of processes.

    `replace` compares and writes under its own lock, so it is conditional whatever locks its caller holds; `lock` only
    spares callers the conflict.
    """

    def __init__(self, root: Path, stop: threading.Event | None = None) -> None:
        """Remember the folder; nothing is touched yet. `stop` ends the wait for a lock: Stopped."""
        self._stop = stop or threading.Event()
        self._root = str(root.absolute())  # texts, not Paths: a write costs half as much
        self._ready = False

    def get(self, key: str) -> Stored:
        """The whole object, or ObjectNotFound."""
        try:
            with open(self._path(key), "rb") as file:
                status = os.fstat(file.fileno())
                return Stored(file.read(), _version(status))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ObjectNotFound(f"There is no object {key}.") from error
        except OSError as error:
            raise _named(error, "read", key) from error

    def create(self, key: str, data: bytes) -> None:
        """Write a new object; ObjectExists when the name is taken."""
        try:
            self._write(key, data, os.link)
        except FileExistsError as error:
            raise ObjectExists(f"The object {key} exists already.") from error
        except OSError as error:
            raise _named(error, "write", key) from error

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        """Write in place of the version that was read (None: of nothing); Conflict when there is another by now."""
        try:
            with self._locked(f"replace-{crc32(key.encode()) % _STRIPES:02d}"):
                if self._current(key) != expected:
                    raise Conflict(f"The object {key} was changed by another writer.", "", "Read it again.")
                self._write(key, data, os.link if expected is None else os.replace)
        except FileExistsError as error:
            raise Conflict(f"The object {key} was made by another writer.", "", "Read it again.") from error
        except OSError as error:
            raise _named(error, "write", key) from error

    def put(self, key: str, data: bytes) -> None:
        """Write, whatever is there."""
        try:
            self._write(key, data, os.replace)
        except OSError as error:
            raise _named(error, "write", key) from error

    def delete(self, key: str) -> None:
        """Remove the object, and the folders that it leaves empty: a work list must cost what is in it."""
        path = self._path(key)
        try:
            with suppress(FileNotFoundError):
                os.unlink(path)
            while (path := _parent(path)) != self._root:
                os.rmdir(path)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.ENOENT, errno.ENOTDIR, errno.EEXIST}:
                raise _named(error, "remove", key) from error

    def list(self, prefix: str, after: str | None = None) -> Iterator[Entry]:
        """The objects below a prefix of whole path segments, by name, past `after`."""
        base = prefix.strip("/")
        folder = self._path(base) if base else self._root
        try:
            yield from _walk(folder, f"{base}/" if base else "", after)
        except OSError as error:
            raise _named(error, "list", prefix) from error

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Exclude other writers of one name on this machine, in any process or thread. Not to be nested by a name."""
        file = quote(name, safe="")
        with self._locked(file) as handle:
            try:
                yield
            finally:
                # While it is held: whoever waits for this file sees that it is not the name's any more.
                if _is_at(handle, path := f"{self._root}/{_LOCKS}/{file}"):
                    with suppress(FileNotFoundError):
                        os.unlink(path)

    def _path(self, key: str) -> str:
        if not _NO_NAMES.isdisjoint(key.split("/")) or "\0" in key or key.startswith("."):
            raise ObjectNotFound(f"There is no object {key!r}.", "It is not the name of an object.")
        return f"{self._root}/{key}"

    def _prepare(self) -> None:
        if self._ready:
            return
        _make(self._root)
        refuse_network(Path(self._root))
        self._make_own()
        for leftover in Path(self._root, _STAGING).iterdir():
            with suppress(FileNotFoundError):
                if time.time() - leftover.stat().st_mtime > _STALE_S:
                    leftover.unlink()
        self._ready = True

    def _make_own(self) -> None:
        for name in (_STAGING, _LOCKS):
            _make(f"{self._root}/{name}")

    def _in_own(self, action: Callable[[], _Result]) -> _Result:
        """An action in one of our own folders, which are made again when somebody removed them; the lake never is."""
        try:
            return action()
        except FileNotFoundError:
            if not os.path.isdir(self._root):
                raise
            self._make_own()
            return action()

    def _current(self, key: str) -> str | None:
        try:
            return _version(os.stat(self._path(key)))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _write(self, key: str, data: bytes, publish: Callable[[str, str], None]) -> None:
        self._prepare()
        path = self._path(key)
        staged = f"{self._root}/{_STAGING}/{os.urandom(16).hex()}"
        try:
            self._in_own(lambda: _write_synced(staged, data))
            self._publish(staged, path, publish)
            with suppress(FileNotFoundError):
                _sync(_parent(path))
        finally:
            with suppress(FileNotFoundError):
                os.unlink(staged)

    def _publish(self, staged: str, path: str, publish: Callable[[str, str], None]) -> None:
        while True:
            try:
                _make(_parent(path))
                publish(staged, path)
            except FileNotFoundError:
                # Another writer removed the folder when its last object went; or somebody removed the whole lake.
                if not os.path.exists(staged):
                    raise
            else:
                return

    @contextmanager
    def _locked(self, name: str) -> Iterator[int]:
        try:
            self._prepare()
            handle = self._acquire(name)
        except OSError as error:
            raise _named(error, "lock", name) from error
        try:
            yield handle
        finally:
            os.close(handle)

    def _acquire(self, name: str) -> int:
        """A handle that holds the lock of a name. A wait in the system itself would not be ended by a signal."""
        path, pause = f"{self._root}/{_LOCKS}/{name}", _SHORTEST_PAUSE_S
        while True:
            handle = self._in_own(lambda: os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                if self._stop.wait(pause):
                    what, why = f"Told to stop while {name} was locked.", "Another process or thread works on it."
                    raise Stopped(what, why, "The next run does it.") from None
                pause = min(_LONGEST_PAUSE_S, pause * 2)
                continue
            except OSError:
                os.close(handle)
                raise
            if _is_at(handle, path):
                return handle
            os.close(handle)  # its holder has put it away: the name has, or gets, another file


def _write_synced(path: str, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        # The kernel's own clock is too coarse to tell two versions of equal size apart.
        now = time.time_ns()
        os.utime(handle, ns=(now, now))
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_at(handle: int, path: str) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _sync(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _make(folder: str) -> None:
    """Make a folder and its parents, each entry synced before anything relies on it."""
    if os.path.isdir(folder):
        return
    _make(_parent(folder))
    with suppress(FileExistsError):  # made, and perhaps removed again, by another writer: who needs it finds that out
        os.mkdir(folder)
    _sync(_parent(folder))


def _version(status: os.stat_result) -> str:
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def _walk(folder: str, prefix: str, after: str | None) -> Iterator[Entry]:
    """Depth first in the order of whole names; folders that end before `after` are not entered."""
    try:
        with os.scandir(folder) as found:
            names = sorted(_listed(entry) for entry in found if prefix or not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        key = prefix + name
        if name.endswith("/"):
            if after is None or key > after or after.startswith(key):
                yield from _walk(f"{folder}/{name[:-1]}", key, after)
        elif after is None or key > after:
            try:
                status = os.stat(f"{folder}/{name}")
            except FileNotFoundError:
                continue
            yield Entry(key, status.st_size, _version(status))


def _listed(entry: os.DirEntry[str]) -> str:
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _named(error: OSError, verb: str, key: str) -> LoginlakeError:
    """The one place where the system's errors get our names."""
    what = f"Cannot {verb} {key or 'the lake'} in the lake's folder."
    why = f"{os.strerror(error.errno) if error.errno else error}."
    if error.errno in _FULL:
        return Unavailable(what, f"The disk is full ({why})", "Free some space: the work goes on by itself.")
    if error.errno in _DENIED:
        return Denied(what, why, "Give this user the right to write there, or choose another LOGINLAKE_LAKE_URL.")
    return Unavailable(what, why, "Look at the disk; it is tried again.")
