"""The merges of many hours in the lake: locked, read, merged at once, written back hour by hour.

An hour alone costs milliseconds whatever is in it, so hours go together, as many as the bounds let: their rows (new
and stored) are in memory, and their locks are files held open.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import NamedTuple

import msgspec

from loginlake.errors import Conflict, Corrupt
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore, lookup
from loginlake.silver.damage import DamagedHour
from loginlake.silver.merge import Hour, Merged, Stored, merge_hours, rows_of
from loginlake.silver.rows import Rows, who

log = logging.getLogger(__name__)
MAX_CONFLICTS = 100
TOGETHER = 128  # hours; each lock is an open file of the folder store, and what another cleaner may wait for
TOGETHER_ROWS = 50_000
TOGETHER_BYTES = 64 * 1024 * 1024
WAITERS = 8  # threads: they wait for the store


class Counts(NamedTuple):
    """How many of an hour's new rows ended where."""

    kept: int
    repeats: int


class _Read(NamedTuple):
    slot: keys.Slot
    hour: Hour
    silver_version: str | None
    repeated_version: str | None


class _Person(msgspec.Struct, gc=False):
    provider: str | None = None
    user_id: str | None = None


_person_of = msgspec.json.Decoder(_Person).decode


class Merger:
    """Brings new rows into their hours. Any number of mergers may run at once, in any process."""

    def __init__(self, store: ObjectStore, secret: bytes, *, together: int = TOGETHER) -> None:
        """`secret` keys the hash that says who a repeat is of; `together` bounds the hours of one merge."""
        self._store = store
        self._secret = secret
        self._together = together
        self.damaged: dict[keys.Slot, DamagedHour] = {}

    def merge(self, hours: Iterable[keys.Slot], new: Callable[[keys.Slot], Rows]) -> Iterator[Counts]:
        """Merge the hours' new rows, which are asked for once, from several threads; what is answered is written.

        Locks are taken in the order of the slots, by every merger: so none waits for another in a circle. What the
        store raises ends it. An hour that cannot be read is left as it is, answers nothing, and is found in `damaged`.
        """
        slots = deque(sorted(set(hours)))
        with ThreadPoolExecutor(WAITERS) as pool:
            while slots:
                with ExitStack() as locks:
                    read = self._take(slots, new, locks, pool)
                    writes = [pool.submit(self._write, *pair) for pair in self._merged(read)]
                    wait(writes)
                for write in writes:
                    done = write.result()
                    if done is not None:
                        yield Counts(done.kept, done.repeats)

    def _take(
        self,
        slots: deque[keys.Slot],
        new: Callable[[keys.Slot], Rows],
        locks: ExitStack,
        pool: ThreadPoolExecutor,
    ) -> list[_Read]:
        """Lock and read the next hours, a few at a time, until they are as many as may go together."""
        read: list[_Read] = []
        rows = size = 0
        while slots and len(read) < self._together and rows < TOGETHER_ROWS and size < TOGETHER_BYTES:
            some = [slots.popleft() for _ in range(min(WAITERS, len(slots), self._together - len(read)))]
            for slot in some:
                locks.enter_context(self._store.lock(keys.silver(slot)))
            for found in pool.map(lambda slot: self._read(slot, new(slot)), some):
                if found is not None:
                    read.append(found)
                    rows += len(found.hour.new) + _stored_rows(found.hour.silver)
                    size += found.hour.new.size + len(found.hour.silver.content or b"")
        return read

    def _read(self, slot: keys.Slot, new: Rows) -> _Read | None:
        key = keys.silver(slot)
        try:
            data, silver_version = self._get(key)
            silver = Stored(data)
            key = keys.repeated(slot)
            data, repeated_version = self._get(key)
            repeated = b"" if data is None else lines.decode(data)
        except Corrupt:
            self._leave(DamagedHour(slot, key))
            return None
        return _Read(slot, Hour(silver, repeated, new), silver_version, repeated_version)

    def _get(self, key: str) -> tuple[bytes | None, str | None]:
        """An object and its version; None when there is none."""
        return lookup(self._store, key) or (None, None)

    def _merged(self, read: Sequence[_Read]) -> list[tuple[_Read, Merged]]:
        """Hours merged at once; where one of them holds what clean never wrote, each alone, and without that one."""
        try:
            return list(zip(read, merge_hours([each.hour for each in read], self._who), strict=True))
        except Corrupt:
            if len(read) > 1:
                return [pair for each in read for pair in self._merged([each])]
        (damaged,) = read
        try:
            for piece in damaged.hour.silver.pieces():
                rows_of(piece)
            key = keys.repeated(damaged.slot)
        except Corrupt:
            key = keys.silver(damaged.slot)
        self._leave(DamagedHour(damaged.slot, key))
        return []

    def _leave(self, error: DamagedHour) -> None:
        log.error("an hour is damaged: %s", error)
        self.damaged[error.slot] = error

    def _write(self, read: _Read, merged: Merged) -> Merged | None:
        """Write what changed: repeated, then silver. On Conflict this hour is read and merged again, alone."""
        for _ in range(MAX_CONFLICTS):
            try:
                if merged.repeated != read.hour.repeated:
                    data = lines.compress(merged.repeated)
                    self._store.replace(keys.repeated(read.slot), data, read.repeated_version)
                if merged.silver is not None:
                    data = lines.compress_pieces(merged.silver)
                    self._store.replace(keys.silver(read.slot), data, read.silver_version)
            except Conflict:
                again = self._read(read.slot, read.hour.new)
                pairs = [] if again is None else self._merged([again])
                if not pairs:
                    return None
                [(read, merged)] = pairs
            else:
                return merged
        raise Conflict(
            f"Somebody else wrote {keys.silver(read.slot)} {MAX_CONFLICTS} times while it was merged.",
            "Too many cleaners work on the same hour.",
            "Run clean again, or with fewer cleaners.",
        )

    def _who(self, line: bytes) -> str | None:
        person = _person_of(line)
        if person.provider is None or person.user_id is None:
            return None
        return who(self._secret, person.provider, person.user_id)


def _stored_rows(silver: Stored) -> int:
    """The rows of an hour; of a large one as many as end a portion."""
    return TOGETHER_ROWS if silver.content is None else lines.count(silver.content)
