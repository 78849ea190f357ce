"""Fixed-width records sorted into buckets: in memory while they are few, past a limit in temporary files.

So the largest bucket, and not the lake, decides how much memory an audit takes.
"""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[Any]
_HELD_BYTES = 64 * 1024 * 1024


class Spill:
    """Records of one numpy dtype. `add` from one thread, then `take` each bucket once; close removes the files."""

    def __init__(self, dtype: np.dtype[Any], buckets: int, held_bytes: int = _HELD_BYTES) -> None:
        """No file is made before `held_bytes` are exceeded."""
        self._dtype, self._limit, self._held = dtype, held_bytes, 0
        self._parts: list[list[Records]] = [[] for _ in range(buckets)]
        self._files: list[IO[bytes] | None] = [None] * buckets

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Remove the files."""
        for file in self._files:
            if file is not None:
                file.close()

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
        file, self._files[number] = self._files[number], None
        if file is not None:
            file.seek(0)
            parts.insert(0, np.frombuffer(file.read(), self._dtype))
            file.close()
        return np.concatenate(parts) if parts else np.empty(0, self._dtype)

    def _flush(self) -> None:
        for number, parts in enumerate(self._parts):
            if not parts:
                continue
            file = self._files[number]
            if file is None:
                file = self._files[number] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__ or take
            for part in parts:
                file.write(part.tobytes())
            self._parts[number] = []
        self._held = 0
