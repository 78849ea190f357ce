"""The three stages on any lake and gold, and what is left of them: what says what, without what says when."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from fakes.landing import land
from fakes.memory_log import MemoryLog
from fakes.silver_messages import RULES, refusal, signin, value

from loginlake.bronze.batch import BatchLimits
from loginlake.gold.publish import publish
from loginlake.gold.store import GoldStore
from loginlake.lake import lines
from loginlake.lake.store import ObjectStore
from loginlake.silver.clean import clean

LIMITS = BatchLimits(records=40, bytes=1 << 20, age_s=3_600.0)
FIRST = datetime(2025, 11, 24, 22, tzinfo=UTC)
NOW = datetime(2025, 11, 27, tzinfo=UTC)
_NOT_CONTENT = ("heads/", "watermarks/", "todo/", "dirty/")
_OUTCOMES = ("bronze/", "silver/", "repeated/", "rejected/", "receipts/", "people/")


def messages(count: int, seed: int = 7) -> list[tuple[datetime, bytes]]:
    """Sign-ins, refusals, repeats, nulls and broken lines, over some hours and two days, with their arrival."""
    chance = random.Random(seed)
    made: list[tuple[datetime, bytes]] = []
    for number in range(count):
        arrived = FIRST + timedelta(minutes=number * 300 / count)
        if made and chance.random() < 0.1:
            made.append((arrived, chance.choice(made)[1]))
            continue
        user = f"{chance.randrange(20):04d}"
        when = (arrived - timedelta(seconds=chance.randrange(600))).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        kind = chance.random()
        if kind < 0.05:
            message = b'{"half":'
        elif kind < 0.15:
            message = value(refusal(id=f"r{number}", time=when))
        else:
            email = None if kind < 0.2 else f"u{user}@example.com"
            data = {"user_id": user, "email": email, "username": f"Ñu {user} \U0001f600"}
            message = value(signin(data, id=f"e{number}", time=when, subject=f"google|{user}"))
        made.append((arrived, message))
    return made


def filled(count: int, partitions: int = 3) -> MemoryLog:
    log = MemoryLog(partitions)
    for number, (arrived, message) in enumerate(messages(count)):
        log.append(message, timestamp_ms=round(arrived.timestamp() * 1000), partition=number % partitions)
    return log


def pass_through(log: MemoryLog, store: ObjectStore, gold: GoldStore) -> None:
    """Land, clean and publish, once each."""
    land(log, store, LIMITS)
    clean(store, RULES)
    publish(store, gold, now=lambda: NOW)


def content(store: ObjectStore) -> dict[str, bytes]:
    """Every object, uncompressed, but for hints, work lists and watermarks."""
    found = {entry.key: store.get(entry.key).data for entry in store.list("") if not entry.key.startswith(_NOT_CONTENT)}
    return {key: lines.decode(data) if key.endswith(".gz") else data for key, data in found.items()}


def outcomes(store: ObjectStore) -> dict[str, bytes]:
    """What the stages have made of the log, uncompressed: without lake.json and what an audit keeps."""
    return {key: data for key, data in content(store).items() if key.startswith(_OUTCOMES)}


def copy_lake(source: ObjectStore, target: ObjectStore) -> None:
    for entry in source.list(""):
        target.put(entry.key, source.get(entry.key).data)


def left_to_do(store: ObjectStore) -> list[str]:
    return [entry.key for folder in ("todo", "rows", "checked", "dirty") for entry in store.list(f"{folder}/")]


def documents(gold: GoldStore) -> dict[str, Any]:
    """What a reader finds: the rows that the pointer names, by key, and every person whom silver may name."""
    pointer = gold.read("pointer", ["current"])["current"]
    names = {f"{generation}:{key}": key for key, generation in pointer["keys"]}
    rows = {names[name]: _plain(row) for name, row in gold.read("rows", list(names)).items()}
    people = gold.read("users", [f"google|{number:04d}" for number in range(20)])
    assert len(people) == gold.count("users")
    found: dict[str, Any] = json.loads(json.dumps({"rows": rows, "users": {k: _plain(v) for k, v in people.items()}}))
    return found


def _plain(document: Any) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in {"_id", "generation"}}
