"""publish: a million sign-ins from silver to gold: CPU-seconds, events a CPU-second, peak memory; then one hour more.

.venv/bin/python bench/bench_publish.py [--signins 1000000] [--days 60] [--people 50000]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.publish import publish
from loginlake.gold.read import Snapshot
from loginlake.lake import keys, lines
from loginlake.lake.by_url import open_store

FIRST = datetime(2026, 9, 1, tzinfo=UTC)
BROWSERS = [
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{n}.0.0.0 Safari/537.36"
    for n in range(100, 140)
]


def hour_of_silver(rng: np.random.Generator, at: datetime, number: int, people: int, start: int) -> bytes:
    users = (rng.random(number) ** 1.5 * people).astype(np.int64)
    micros = np.sort(rng.integers(0, 3_600_000_000, number))
    moments = pl.Series("time", micros).cast(pl.Duration("us")) + at.replace(tzinfo=None)
    frame = pl.DataFrame({"time": moments.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"), "user": users}).select(
        pl.lit(0).alias("log"),
        pl.lit(0).alias("partition"),
        pl.int_range(start, start + pl.len()).alias("offset"),
        pl.col("time").alias("arrived"),
        pl.col("time").alias("received"),
        "time",
        pl.lit("https://app.example").alias("source"),
        pl.format("{}{}", pl.lit("0123456789abcdef0123"), pl.int_range(start, start + pl.len())).alias("id"),
        pl.lit("google").alias("provider"),
        pl.format("1157{}", pl.col("user") + 10**12).alias("user_id"),
        pl.format("Person Number {}", "user").alias("username"),
        pl.format("person.{}@domain{}.example", "user", pl.col("user") % 37).alias("email"),
        pl.lit(True).alias("email_verified"),
        pl.format("https://lh3.googleusercontent.com/a/ACg8ocK{}=s96-c", "user").alias("picture"),
        pl.lit(None, pl.String).alias("hosted_domain"),
        pl.lit("btn").alias("method"),
        pl.lit("es").alias("locale"),
        pl.Series("user_agent", [BROWSERS[user % len(BROWSERS)] for user in users.tolist()]),
        pl.lit("192.0.2.0").alias("ip"),
    )
    return frame.write_ndjson().encode()


@contextmanager
def measured(what: str, events: int) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    spent = time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = f"{events / spent:,.0f} events a CPU-second, " if events else ""
    print(f"{what}: {spent:.2f} CPU-s, {time.perf_counter() - wall:.2f} s wall, {rate}peak {peak:.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--signins", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--people", type=int, default=50_000)
    asked = parser.parse_args()
    rng = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"file:{folder}/lake")
        hours = asked.days * 24
        with measured("(making silver)", 0):
            for number in range(hours):
                at = FIRST + timedelta(hours=number)
                start = number * asked.signins // hours
                many = (number + 1) * asked.signins // hours - start
                slot = keys.Slot("signins", at.strftime("%Y-%m-%d"), at.hour)
                content = hour_of_silver(rng, at, many, asked.people, start)
                store.put(keys.silver(slot), lines.compress(content))
                store.put(keys.dirty(slot.date), str(number).encode())
        gold = EmbeddedGold(Path(folder) / "gold.db")
        with measured("publish everything", asked.signins):
            report = publish(store, gold, now=lambda: datetime.now(UTC))
        print(f"  {report}")
        print(f"  {Snapshot.open(gold).pipeline()}")
        last = (FIRST + timedelta(hours=hours - 1)).strftime("%Y-%m-%d")
        late = keys.silver(keys.Slot("signins", last, 23))
        more = hour_of_silver(rng, at, 10, asked.people, asked.signins)
        store.put(late, lines.compress(lines.decode(store.get(late).data) + more))
        store.put(keys.dirty(last), b"again")
        with measured("publish one changed hour", 0):
            print(f"  {publish(store, gold, now=lambda: datetime.now(UTC))}")
        with measured("publish nothing", 0):
            publish(store, gold, now=lambda: datetime.now(UTC))
        gold.close()


if __name__ == "__main__":
    main()
