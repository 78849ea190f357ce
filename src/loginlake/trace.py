"""One sign-in, followed through every stage: where it is by now, and the content that is there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from loginlake.bronze.tip import object_at
from loginlake.errors import ObjectNotFound
from loginlake.event import person_key, rfc3339
from loginlake.gold.store import GoldStore
from loginlake.lake import keys, lines
from loginlake.lake.manifest import Lake
from loginlake.silver.check import shard_of
from loginlake.stream.log import EventLog, Position, Record
from loginlake.stream.spool_record import SPOOLED

_REMEMBERED = 10_000


class Step(NamedTuple):
    """A stage of the way: reached or not, when it was first seen there (RFC 3339), where, and the content there."""

    name: str
    done: bool
    at: str | None = None
    place: str | None = None
    content: Any = None


class _Line(msgspec.Struct):
    offset: int


_line = msgspec.json.Decoder(_Line).decode


class _Row(msgspec.Struct):
    id: str
    user_id: str = ""
    who: str = ""


_row = msgspec.json.Decoder(_Row).decode


class Tracer:
    """Looks one person's own sign-in up in the log, bronze, silver and gold. Thread-safe.

    A step once found is remembered with the time at which it was first seen.
    """

    def __init__(self, log: EventLog, lake: Lake, gold: GoldStore, *, now: Callable[[], datetime]) -> None:
        """Nothing connects yet."""
        self._log, self._lake, self._store, self._gold, self._now = log, lake, lake.store, gold, now
        self._found: OrderedDict[tuple[str, str], Step] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(
        self, provider: str, user_id: str, event_id: str, time: str, partition: int, offset: int
    ) -> list[Step]:
        """The steps after the web, in order. `time` is the sign-in's; partition and offset say where the log has it.

        A sign-in that was spooled is found in the log by this process while it remembers, by everybody through silver.
        """
        record = self._log.read(Position(partition, offset))
        if record is None and partition == SPOOLED:
            record = self._record_of_row(user_id, event_id, time)
        steps = [
            self._once(event_id, "topic", lambda: _topic(record)),
            self._once(event_id, "bronze", lambda: self._bronze(record)),
            self._once(event_id, "silver", lambda: self._silver(user_id, event_id, time)),
            self._once(event_id, "gold", lambda: self._gold_document(provider, user_id, time)),
        ]
        reached = True
        for index, step in enumerate(steps):
            reached = reached and step.done
            if not reached:
                steps[index] = Step(step.name, done=False)
        return steps

    def _once(self, event_id: str, name: str, look: Callable[[], Step | None]) -> Step:
        with self._lock:
            found = self._found.get((event_id, name))
        if found is not None:
            return found
        step = look()
        if step is None:
            return Step(name, done=False)
        step = step._replace(at=step.at or rfc3339(self._now()))
        with self._lock:
            self._found[event_id, name] = step
            if len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        return step

    def _bronze(self, record: Record | None) -> Step | None:
        if record is None:
            return None
        number = self._lake.log_number(self._log.identity())
        folder = keys.bronze_partition(*keys.arrival(record.timestamp_ms), number, record.partition)
        key = object_at(self._store, folder, record.offset)
        if key is None:
            return None
        for line in lines.decode(self._store.get(key).data).splitlines():
            if _line(line).offset == record.offset:
                return Step("bronze", done=True, place=key, content=msgspec.json.decode(line))
        return None

    def _record_of_row(self, user_id: str, event_id: str, time: str) -> Record | None:
        found = self._silver(user_id, event_id, time)
        if found is None:
            return None
        return self._log.read(Position(found.content["partition"], found.content["offset"]))

    def _silver(self, user_id: str, event_id: str, time: str) -> Step | None:
        moment = datetime.fromisoformat(time).astimezone(UTC)
        slot = keys.Slot("signins", f"{moment:%Y-%m-%d}", moment.hour, self._shard(user_id))
        try:
            data = lines.decode(self._store.get(keys.silver(slot)).data)
        except ObjectNotFound:
            return None
        for line in data.splitlines():
            row = _row(line)
            if row.id == event_id and row.user_id == user_id:
                return Step("silver", done=True, place=keys.silver(slot), content=msgspec.json.decode(line))
        return None

    def _shard(self, user_id: str) -> int:
        shards = self._lake.manifest().shards
        return shard_of(user_id, shards) if shards > 1 else 0

    def _gold_document(self, provider: str, user_id: str, time: str) -> Step | None:
        name = person_key(provider, user_id)
        document = self._gold.read("users", [name]).get(name)
        if document is None or document["last"] < time:
            return None
        return Step("gold", done=True, place=f"users/{name}", content=dict(document))


def _topic(record: Record | None) -> Step | None:
    if record is None or record.value is None:
        return None
    content = {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": rfc3339(datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)),
        "key": record.key.decode() if record.key else None,
        "value": msgspec.json.decode(record.value),
    }
    place = f"partition {record.partition}, offset {record.offset}"
    return Step("topic", done=True, at=content["timestamp"], place=place, content=content)
