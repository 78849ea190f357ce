"""Fixed-width records sorted into buckets: in memory while they are few, past a limit in a temporary file.

So the largest bucket, and not the lake, decides how much memory an audit takes.
"""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[Any]
_HELD_BYTES = 16 * 1024 * 1024


class Spill:
    """Records of one numpy dtype. `add` from one thread, then `take` each bucket once; close removes the file.

    One file, whatever the number of buckets: a process may open no more than some hundreds.
    """

    def __init__(self, dtype: np.dtype[Any], buckets: int, held_bytes: int = _HELD_BYTES) -> None:
        """No file is made before `held_bytes` are exceeded."""
        self._dtype, self._limit, self._held = dtype, held_bytes, 0
        self._parts: list[list[Records]] = [[] for _ in range(buckets)]
        self._places: list[list[tuple[int, int]]] = [[] for _ in range(buckets)]
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()

    @property
    def buckets(self) -> int:
        """How many buckets there are."""
        return len(self._parts)

    def add(self, records: Records, owner: Records) -> None:
        """Put each record in the bucket of its owner (an unsigned number of any size)."""
        numbers = owner % self.buckets
        order = np.argsort(numbers, kind="stable")
        bounds = np.searchsorted(numbers[order], np.arange(self.buckets + 1))
        ordered = records[order]
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            self._parts[number].append(ordered[bounds[number] : bounds[number + 1]].copy())
        self._held += records.nbytes
        if self._held > self._limit:
            self._flush()

    def take(self, number: int) -> Records:
        """Every record of a bucket, and forget it."""
        parts, self._parts[number] = self._parts[number], []
        places, self._places[number] = self._places[number], []
        found = [*map(self._read, places), *parts]
        return np.concatenate(found) if found else np.empty(0, self._dtype)

    def _read(self, place: tuple[int, int]) -> Records:
        assert self._file is not None, "a place is in the file"
        at, size = place
        self._file.seek(at)
        return np.frombuffer(self._file.read(size), self._dtype)

    def _flush(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._file.seek(0, 2)
        for parts, places in zip(self._parts, self._places, strict=True):
            if parts:
                whole = np.concatenate(parts).tobytes()
                places.append((self._file.tell(), len(whole)))
                self._file.write(whole)
                parts.clear()
        self._held = 0
