"""Where a chain ends, as the lake says it: by the partition's head, or by the names of its objects."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

from loginlake.bronze.compare import last_line
from loginlake.bronze.envelope import Line
from loginlake.errors import Corrupt, ObjectNotFound
from loginlake.lake import hint, keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.stream.log import Range

logger = logging.getLogger(__name__)
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_LONG_MS = 2 * _DAY_MS


@dataclass(frozen=True, slots=True)
class Tip:
    """The chain's end: the next offset, the last object, and the arrival time until which all has landed (RFC 3339)."""

    end: int = 0
    object: str | None = None
    complete_until: str | None = None


class Found(NamedTuple):
    """A chain's end, and the last line of its last object; None when it has no object."""

    tip: Tip
    last: Line | None


class Head(msgspec.Struct, frozen=True):
    """The small object that says where a partition's chain ends. It may lag, it never leads."""

    log: int
    partition: int
    end: int
    object: str | None = None
    complete_until: str | None = None

    @property
    def tip(self) -> Tip:
        """The chain's end that it tells."""
        return Tip(self.end, self.object, self.complete_until)


_HEAD = msgspec.json.Decoder(Head)


class Expired(msgspec.Struct, frozen=True, rename={"start": "from"}):
    """The outcome of records that the log dropped before they were landed: from `start` up to, without, `to`."""

    log: int
    partition: int
    start: int
    to: int


_expired = msgspec.json.Decoder(Expired).decode


def find_tip(store: ObjectStore, log: int, partition: int, extent: Range, now_ms: int) -> Found:
    """Where the chain ends: by its head and forward from there; by listing without one, or when its object is gone.

    `extent` is the log's own range: what an object that is gone had is landed again from there, or Corrupt when it
    expired. `now_ms` bounds the search, as the chain cannot be past it.
    """
    head = find_head(store, log, partition)
    last = _last_of(store, head.object) if head is not None and head.object is not None else None
    gone = head.object if head is not None and last is None else None
    if gone is not None:
        logger.warning("The last object of a chain is gone; its end is found by listing.", extra={"object": gone})
        head = None
    tip = head.tip if head is not None else Tip()
    if head is None or head.end < extent.end:
        latest = latest_object(store, log, partition, head, now_ms)
        if latest is not None and keys.parse_bronze(latest).start >= tip.end:
            last = _last_of(store, latest)
            if last is None:
                raise Corrupt(f"The object {latest} went away.", "It was listed a moment ago.", "Start again.")
            tip = Tip(last.offset + 1, latest, last.timestamp)
    for entry in store.list(keys.expired_folder(log, partition)):
        tip = Tip(max(tip.end, read_expired(store, entry.key).to), tip.object, tip.complete_until)
    if gone is not None and extent.begin > tip.end:
        raise Corrupt(
            f"The object {gone}, the last of its chain, is gone, and the log has no records before {extent.begin}.",
            "Somebody removed it after it was landed.",
            f"Restore it from a copy; without one, remove {keys.head(log, partition)}: land then counts as expired "
            "what neither has.",
        )
    return Found(tip, last)


def read_expired(store: ObjectStore, key: str) -> Expired:
    """An outcome of expired records; Corrupt when it cannot be read."""
    data = store.get(key).data
    try:
        return _expired(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Corrupt(
            f"{key}, an outcome of expired records, cannot be read.",
            f"{error}.",
            "Restore it from a copy; or remove it, if nobody but a stranger wrote it.",
        ) from error


def find_head(store: ObjectStore, log: int, partition: int) -> Head | None:
    """The partition's head; None when there is none, or none that can be read (it is only a hint)."""
    return hint.read(store, keys.head(log, partition), _HEAD)


def all_heads(store: ObjectStore) -> list[Head]:
    """The heads of every log's partitions, but for those that cannot be read."""
    return [head for entry in store.list("heads/") if (head := hint.read(store, entry.key, _HEAD)) is not None]


def latest_object(store: ObjectStore, log: int, partition: int, head: Head | None, now_ms: int) -> str | None:
    """The last object of a partition that may be past its head: hour by hour, or of the whole of bronze without one."""
    since = _searched_from(head) if head else None
    if since is None:
        names = (entry.key for entry in store.list("bronze/signins"))
    else:
        folders = folders_between(log, partition, since, now_ms)
        names = (entry.key for folder in folders for entry in store.list(folder))
    parsed = map(keys.parse_bronze, filter(keys.is_bronze, names))
    found = [name for name in parsed if (name.log, name.partition) == (log, partition)]
    return max(found, key=lambda name: name.start).key if found else None


def object_at(store: ObjectStore, folder: str, offset: int) -> str | None:
    """The object of one partition's arrival hour that holds an offset, if that has landed."""
    found = filter(keys.is_bronze, (entry.key for entry in store.list(folder)))
    return max((key for key in found if keys.parse_bronze(key).start <= offset), default=None)


def _last_of(store: ObjectStore, key: str) -> Line | None:
    """The last line of an object; None when there is no such object, Corrupt when it cannot be read."""
    try:
        return last_line(key, lines.decode(store.get(key).data))
    except ObjectNotFound:
        return None
    except Corrupt as error:
        raise Corrupt(
            f"The object {key}, the last of its chain, cannot be read.",
            error.why or error.what,
            "Restore it from a copy; or remove it, and land writes it again from the log, if that still has it.",
        ) from error


def _searched_from(head: Head) -> int | None:
    """An hour before anything that can be past the head arrived (ms): a broker's clock may step back."""
    if head.object is not None:
        name = keys.parse_bronze(head.object)
        moment = datetime.fromisoformat(f"{name.date}T{name.hour:02d}:00:00+00:00")
    elif head.complete_until is not None:
        moment = datetime.fromisoformat(head.complete_until)
    else:
        return None
    return int(moment.timestamp() * 1000) - _HOUR_MS


def folders_between(log: int, partition: int, since_ms: int, now_ms: int) -> Iterator[str]:
    """Where to look: the partition's own folder of each hour; after a long absence, whole days, to ask less often."""
    until_ms = max(since_ms, now_ms) + _HOUR_MS
    if until_ms - since_ms > _LONG_MS:
        for moment in range(since_ms - since_ms % _DAY_MS, until_ms + 1, _DAY_MS):
            yield keys.bronze_day(keys.arrival(moment)[0])
    else:
        for moment in range(since_ms, until_ms + 1, _HOUR_MS):
            yield keys.bronze_partition(*keys.arrival(moment), log, partition)
