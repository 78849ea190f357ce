"""Messages and bronze objects as silver's tests need them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from loginlake.bronze.envelope import Encoder
from loginlake.event import REFUSED, SIGNIN
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.silver.reasons import Rules
from loginlake.stream.log import Record

SECRET = b"a secret of the tests"
RULES = Rules(secret=SECRET)
ARRIVED = datetime(2026, 11, 24, 10, 30, 0, 250_000, tzinfo=UTC)


def signin(data: Mapping[str, object] | None = None, **attributes: Any) -> dict[str, Any]:
    """A good sign-in, with some of its attributes and data replaced."""
    good = {
        "provider": "google",
        "user_id": "1001",
        "username": "Ana Pérez",
        "email": "ana@example.com",
        "email_verified": True,
        "picture": "https://example.com/ana.png",
        "hosted_domain": None,
        "method": "btn",
        "locale": "es",
        "user_agent": "Mozilla/5.0",
        "ip": "192.0.2.0/24",
    }
    event = {
        "specversion": "1.0",
        "type": SIGNIN,
        "datacontenttype": "application/json",
        "id": "e1",
        "source": "https://shop.example",
        "subject": "google|1001",
        "time": "2026-11-24T10:29:59.000000Z",
        "received": "2026-11-24T10:29:59.500000Z",
        "data": {**good, **(data or {})},
    }
    return {**event, **attributes}


def numbered(number: int, time: str = "2026-11-20T09:30:00.000000Z", **data: object) -> bytes:
    """The sign-in eN of person N, as the bytes of a message."""
    who = {"user_id": str(number), "username": "x", "email": "x@example.com", "picture": "/p", **data}
    return value(signin(who, id=f"e{number}", subject=f"google|{number}", time=time))


def refusal(data: Mapping[str, object] | None = None, **attributes: Any) -> dict[str, Any]:
    """A good refusal, with some of its attributes and data replaced."""
    event = signin()
    event |= {"type": REFUSED, "data": {"reason": "expired", "user_agent": "Mozilla/5.0", "ip": None, **(data or {})}}
    return {**event, **attributes}


def value(event: object) -> bytes:
    """An event as the bytes of a message."""
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")


def line(message: bytes | None, offset: int = 0, arrived: datetime = ARRIVED) -> bytes:
    """A message as land writes it."""
    return Encoder(0).encode([Record(0, offset, round(arrived.timestamp() * 1000), b"k", message)])[0]


def put_bronze(
    store: ObjectStore,
    messages: Sequence[bytes | None],
    start: int = 0,
    partition: int = 0,
    arrived: datetime = ARRIVED,
) -> str:
    """An object of bronze, and its entry in the work list; its messages arrive a millisecond apart."""
    encoder = Encoder(0)
    first = round(arrived.timestamp() * 1000)
    date, hour = keys.arrival(first)
    key = keys.BronzeName(date, hour, 0, partition, start).key
    records = [Record(partition, start + at, first + at, None, message) for at, message in enumerate(messages)]
    store.put(keys.todo(key), b"")
    store.put(key, lines.encode(encoder.encode(records)))
    return key


def put_head(
    store: ObjectStore, partition: int, complete_until: str | None, log: int = 0, last: str | None = None
) -> None:
    """What land last said of a partition (the log's last one), and of the log."""
    head = {"log": log, "partition": partition, "end": 0, "object": last, "complete_until": complete_until}
    store.put(keys.head(log, partition), json.dumps(head).encode())
    put_manifest(store, partition + 1, logs=log + 1)


def put_manifest(store: ObjectStore, partitions: int | None, logs: int = 1) -> None:
    """A lake of this many logs; the last one has this many partitions."""
    names = [f"log {number}" for number in range(logs)]
    lake = {"layout": 1, "rules": 1, "shards": 1, "logs": names, "partitions": partitions}
    store.put(keys.LAKE, json.dumps(lake).encode())


def rows(store: ObjectStore, prefix: str) -> list[dict[str, Any]]:
    """Every row below a folder of the lake."""
    found = [store.get(entry.key).data for entry in store.list(prefix)]
    return [json.loads(text) for data in found for text in lines.split(lines.decode(data))]


def origins(found: list[dict[str, Any]]) -> list[tuple[int, int, int]]:
    """The origins of rows, in order."""
    return sorted((row["log"], row["partition"], row["offset"]) for row in found)


def later(seconds: float) -> datetime:
    """A moment after ARRIVED."""
    return ARRIVED + timedelta(seconds=seconds)
