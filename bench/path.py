"""The whole path at size: made-up sign-ins to the log, then land, clean and publish, each a process of its own.

    python bench/path.py [MILLIONS ...]      default: 1

A million is 90 days of 80,000 people; 4 are 360 days, of people who come back. Prints events a CPU-second and the peak
memory of each stage, for all of it and then for one day more on top; and the same for a peer, of one million: a plain
Polars script that reads the same bronze, drops nulls and repeats and counts by day, without any of the promises.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

PEER = Path(__file__).parent / "peers" / "polars_script.py"
LOGINLAKE = Path(sys.executable).with_name("loginlake")
EVENTS_A_PERSON = 12.4  # what 90 days of the demo give, about
DAYS = 90
STAGES = {
    "land": ["land", "--once"],
    "clean": ["clean", "--once"],
    "publish": ["publish", "--once"],
    "status --check": ["status", "--check"],
}


class Cost(NamedTuple):
    cpu_s: float
    wall_s: float
    peak_mb: float


def measure(command: list[str], env: dict[str, str]) -> Cost:
    """Run to the end, and what it cost, its threads included."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss / 1024)


def show(name: str, events: int, cost: Cost) -> None:
    rate = events / cost.cpu_s
    print(
        f"{name:<22} {rate:>10,.0f} events/CPU-s {cost.cpu_s:>8.1f} s CPU {cost.wall_s:>8.1f} s {cost.peak_mb:>6.0f} MB"
    )


def fill(millions: float, env: dict[str, str]) -> None:
    """Some millions of sign-ins, the oldest days first, each portion of 90 days and of the same people."""
    portions = max(1, round(millions))
    people = int(millions / portions * 1_000_000 / EVENTS_A_PERSON)
    for back in reversed(range(portions)):
        until = datetime.now(UTC) - timedelta(days=DAYS * back)
        words = ["--people", people, "--days", DAYS, "--seed", back + 1, "--until", f"{until:%Y-%m-%dT%H:%M:%S}"]
        measure([str(LOGINLAKE), "demo", *map(str, words)], env)


def pass_through(folder: str, env: dict[str, str], before: int) -> dict[str, Cost]:
    """What is in the log through every stage; printed, by what was landed now."""
    costs = {name: measure([str(LOGINLAKE), *words], env) for name, words in STAGES.items()}
    landed = _count(Path(folder) / "lake" / "bronze") - before
    print(f"{landed:,} events, {before:,} before them")
    for name, cost in costs.items():
        show(name, landed, cost)
    return costs


def run(millions: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "LOGINLAKE_DATA": folder, "LOGINLAKE_LOG_LEVEL": "error"}
        fill(millions, env)
        costs = pass_through(folder, env, 0)
        if millions <= 1:  # it holds everything in memory
            peer = measure([sys.executable, str(PEER), f"{folder}/lake/bronze"], env)
            show("peer: Polars script", _count(Path(folder) / "lake" / "bronze"), peer)
            ours = costs["clean"].cpu_s + costs["publish"].cpu_s
            print(f"clean + publish cost {ours / peer.cpu_s:.1f} times the peer's CPU")
        before = _count(Path(folder) / "lake" / "bronze")
        measure([str(LOGINLAKE), "demo", "--people", "20000", "--days", "1", "--seed", "99"], env)
        pass_through(folder, env, before)


def _count(bronze: Path) -> int:
    return sum(gzip.decompress(path.read_bytes()).count(b"\n") for path in bronze.rglob("*.gz"))


if __name__ == "__main__":
    for size in sys.argv[1:] or ["1"]:
        run(float(size))
