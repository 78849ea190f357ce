"""Silver as clean leaves it: written straight from rows, for tests of what comes after; and read whole."""

from __future__ import annotations

import itertools
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore

Row = dict[str, Any]
OUTCOMES = ("silver/", "repeated/", "rejected/", "receipts/")
_MARKS = itertools.count()
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)


def signin(user: str, time: str, **more: Any) -> Row:
    """A row of silver/signins. `time` may leave out seconds: 2026-11-24T10:30."""
    full = time if time.endswith("Z") else f"{time}:00.000000Z"
    row: Row = {
        "log": 0,
        "partition": 0,
        "offset": 0,
        "arrived": full,
        "received": full,
        "time": full,
        "source": "https://app.example",
        "id": f"{user}-{full}",
        "provider": "google",
        "user_id": user,
        "username": f"Name of {user}",
        "email": f"{user}@example.org",
        "email_verified": True,
        "picture": f"https://pictures.example/{user}",
        "hosted_domain": None,
        "method": "btn",
        "locale": "es",
        "user_agent": CHROME,
        "ip": "192.0.2.0",
    }
    return {**row, **more}


def refusal(time: str, reason: str, **more: Any) -> Row:
    """A row of silver/refusals."""
    full = f"{time}:00.000000Z"
    row: Row = {"log": 0, "partition": 0, "offset": 0, "arrived": full, "time": full, "source": "https://app.example"}
    return {**row, "id": f"r-{full}-{reason}", "reason": reason, "user_agent": CHROME, "ip": None, **more}


def mark(store: ObjectStore, day: str) -> None:
    """Say that a day changed, as clean does."""
    store.put(keys.dirty(day), str(next(_MARKS)).encode())


def put_silver(
    store: ObjectStore,
    signins: Sequence[Row],
    refusals: Sequence[Row] = (),
    *,
    shards: int = 1,
    days: Iterable[str] = (),
) -> set[str]:
    """Make silver hold exactly these rows (of `days`, when given); mark and name the days that changed."""
    wanted: dict[str, bytes] = {}
    kinds: tuple[tuple[keys.Kind, Sequence[Row]], ...] = (("signins", signins), ("refusals", refusals))
    for kind, rows in kinds:
        by_slot: dict[keys.Slot, list[Row]] = {}
        for row in rows:
            shard = zlib.crc32(row["user_id" if kind == "signins" else "id"].encode()) % shards
            by_slot.setdefault(keys.Slot(kind, row["time"][:10], int(row["time"][11:13]), shard), []).append(row)
        for slot, part in by_slot.items():
            part.sort(key=lambda row: (row["time"], row["source"], row["id"]))
            wanted[keys.silver(slot)] = lines.encode(json.dumps(row, ensure_ascii=False).encode() for row in part)
    only = set(days)
    there = {entry.key for entry in store.list("silver/")}
    changed = set()
    for key in sorted(there | wanted.keys()):
        day = key.split("date=")[1][:10]
        if only and day not in only:
            continue
        if key not in wanted:
            store.delete(key)
        elif key in there and store.get(key).data == wanted[key]:
            continue
        else:
            store.put(key, wanted[key])
        changed.add(day)
    for day in sorted(changed):
        mark(store, day)
    return changed


def put_repeats(store: ObjectStore, hour: str, number: int, kind: keys.Kind = "signins") -> None:
    """So many repeats of an hour (2026-11-24T10:00), and the mark."""
    slot = keys.Slot(kind, hour[:10], int(hour[11:13]))
    rows = [{"log": 0, "partition": 0, "offset": 100 + at} for at in range(number)]
    store.put(keys.repeated(slot), lines.encode(json.dumps(row).encode() for row in rows))
    mark(store, slot.date)


def put_rejected(store: ObjectStore, arrived: str, start: int, reasons: Sequence[str]) -> None:
    """A bronze object whose lines were rejected for these reasons: its rejected object, its receipt, and the mark."""
    name = keys.BronzeName(arrived[:10], int(arrived[11:13]), 0, 0, start).key
    store.put(keys.rejected(name), lines.encode(json.dumps({"reason": reason}).encode() for reason in reasons))
    store.put(keys.receipt(name), json.dumps({"object": name, "rejected": Counter(reasons)}).encode())
    mark(store, arrived[:10])


def outcome(store: ObjectStore) -> dict[str, bytes]:
    """What clean must always come to: everything but hints and work lists, uncompressed."""
    found = {entry.key: store.get(entry.key).data for prefix in OUTCOMES for entry in store.list(prefix)}
    return {key: lines.decode(data) if key.endswith(".gz") else data for key, data in found.items()}


def full_outcome(store: ObjectStore) -> dict[str, bytes]:
    """The same, of what holds something: an hour that lost all its rows is as one that never had any."""
    return {key: data for key, data in outcome(store).items() if data}
