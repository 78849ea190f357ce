"""What is left after a schedule, read from the objects themselves by code that shares nothing with the stages."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from faults.client import Client

from loginlake.gold.read import Snapshot
from loginlake.gold.store import GoldStore
from loginlake.lake.store import ObjectStore
from loginlake.stream.log import EventLog

Origin = tuple[int, int]


class Verdict(NamedTuple):
    """Answered events that are nowhere, whatever is anywhere twice, and what else is wrong, in words."""

    records: int
    repeated: int
    rejected: int
    lost: int
    double: int
    wrong: list[str]


def judge(log: EventLog, store: ObjectStore, gold: GoldStore, client: Client) -> Verdict:
    """Every answered event is in silver once, all its other records are in repeated; every record is in one end."""
    ranges = log.ranges()
    sent = {(number, offset) for number, found in ranges.items() for offset in range(found.begin, found.end)}
    bronze = Counter(_origins(store, "bronze/"))
    ends = {name: list(_rows(store, f"{name}/")) for name in ("silver", "repeated", "rejected")}
    placed = Counter(_origin(row) for rows in ends.values() for row in rows)
    winners = Counter(row["id"] for row in ends["silver"])
    good = client.answered - client.bad
    wrong = [
        *_unless(bronze.keys() == sent, f"{len(sent ^ bronze.keys())} records are not both in the log and in bronze"),
        *_unless(placed.keys() == sent, f"{len(sent ^ placed.keys())} records are in no end"),
        *_unless(len(ends["rejected"]) >= len(client.bad), "what lacks an e-mail was not rejected"),
        *_unless(not winners.keys() & client.bad, "what lacks an e-mail is in silver"),
        *(
            f"there is still work on a list: {entry.key}"
            for folder in ("todo", "dirty")
            for entry in store.list(folder)
        ),
        *_gold(gold, len(list(_rows(store, "silver/signins/")))),
    ]
    lost = len(good - winners.keys()) + len(sent - bronze.keys())
    double = sum(count - 1 for counts in (bronze, placed, winners) for count in counts.values())
    return Verdict(len(sent), len(ends["repeated"]), len(ends["rejected"]), lost, double, wrong)


def _gold(gold: GoldStore, rows: int) -> list[str]:
    snapshot = Snapshot.open(gold)
    days = sum(day["signins"] for day in snapshot.all_days())
    total = snapshot.pipeline()["signins"]
    return _unless(days == total == rows, f"silver has {rows} sign-ins, gold's days {days}, its total {total}")


def _unless(good: bool, words: str) -> list[str]:
    return [] if good else [words]


def _origins(store: ObjectStore, folder: str) -> Iterator[Origin]:
    return (_origin(row) for row in _rows(store, folder))


def _origin(row: dict[str, Any]) -> Origin:
    assert row["log"] == 0
    return row["partition"], row["offset"]


def _rows(store: ObjectStore, folder: str) -> Iterator[dict[str, Any]]:
    for entry in store.list(folder):
        for line in gzip.decompress(store.get(entry.key).data).splitlines():
            yield json.loads(line)
