"""Clean's speed and memory: bronze objects of made-up sign-ins in a folder, cleaned whole.

    python bench/bench_clean.py [EVENTS] [OBJECTS] [DAYS]

Prints events a CPU-second, wall seconds, and how much the process grew. One event in 50 is a repeat. The partitions run
side by side in time, as those of a log do.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loginlake.bronze.envelope import Encoder
from loginlake.event import HEADERS, SIGNIN, SignIn, SignInData, encode, person_key, rfc3339
from loginlake.lake import keys, lines
from loginlake.lake.by_url import open_store
from loginlake.lake.store import ObjectStore
from loginlake.silver.clean import clean
from loginlake.silver.reasons import Rules
from loginlake.stream.log import Record

PARTITIONS = 4
START = datetime(2026, 11, 1, tzinfo=UTC)
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)


def main() -> None:
    events, objects, days = (int(text) for text in (*sys.argv[1:], *("1000000", "50", "7")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"file:{Path(folder) / 'lake'}")
        fill(store, events, objects, timedelta(days=days) / events)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cpu, wall = time.process_time(), time.perf_counter()
        report = clean(store, Rules(secret=b"bench"))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if report.lines != events:
        raise SystemExit(f"only {report.lines} of {events} events were cleaned")
    print(f"events {report.lines}  kept {report.kept}  repeated {report.repeated}  merges {report.slots}")
    print(f"{events / cpu:,.0f} events a CPU-second  ({cpu:.1f} s CPU, {wall:.1f} s wall)")
    print(f"peak {peak // 1024} MB, of it before cleaning {before // 1024} MB")


def fill(store: ObjectStore, events: int, objects: int, step: timedelta) -> None:
    """Bronze and todo/ as land writes them."""
    rng = random.Random(1)
    encoder = Encoder(0)
    turn = -(-events * PARTITIONS // objects)
    for start, partition in itertools.product(range(0, events, turn), range(PARTITIONS)):
        numbers = range(start + partition, min(start + turn, events), PARTITIONS)
        records = [record(rng, number, START + step * number) for number in numbers]
        if not records:
            continue
        date, hour = keys.arrival(records[0].timestamp_ms)
        key = keys.BronzeName(date, hour, 0, partition, records[0].offset).key
        store.put(keys.todo(key), b"")
        store.create(key, lines.encode(encoder.encode(records)))


def record(rng: random.Random, at: int, when: datetime) -> Record:
    repeat = at >= PARTITIONS and rng.random() < 0.02
    number = at - PARTITIONS if repeat else at
    user = hashlib.sha256(str(number).encode()).hexdigest()
    user_id = str(int(user[:8], 16) % 50_000).zfill(21)
    data = SignInData(
        provider="google",
        user_id=user_id,
        username=f"Ana Pérez {user_id[-5:]}",
        email=f"ana{user_id[-5:]}@example.com",
        email_verified=True,
        picture=f"https://lh3.googleusercontent.com/a/{user[:20]}=s96-c",
        method="btn",
        locale="es",
        user_agent=AGENT,
        ip="192.0.2.0/24",
    )
    event = SignIn(
        type=SIGNIN,
        id=user[:32],
        source="http://localhost:8000",
        subject=person_key("google", user_id),
        time=rfc3339(when.replace(microsecond=0)),
        received=rfc3339(when),
        data=data,
    )
    return Record(at % PARTITIONS, at // PARTITIONS, int(when.timestamp() * 1000) + 5, None, encode(event), HEADERS)


if __name__ == "__main__":
    main()
