"""The whole path at size: made-up sign-ins to the log, then land, clean and publish, each a process of its own.

    python bench/path.py [MILLIONS ...]      default: 1

Prints events a CPU-second and the peak memory of each stage, and the same for a peer in the same run: a plain Polars
script that reads the same bronze, drops nulls and repeats and counts by day, without any of the promises.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

PEER = Path(__file__).parent / "peers" / "polars_script.py"
LOGINLAKE = Path(sys.executable).with_name("loginlake")
EVENTS_A_PERSON = 16.0  # what 90 days of the demo give, about


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


def run(millions: float) -> None:
    events = int(millions * 1_000_000)
    people = int(events / EVENTS_A_PERSON)
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "LOGINLAKE_DATA": folder, "LOGINLAKE_LOG_LEVEL": "error"}
        stages = {
            "demo to log": ["demo", "--people", str(people), "--days", "90", "--seed", "1"],
            "land": ["land", "--once"],
            "clean": ["clean", "--once"],
            "publish": ["publish", "--once"],
            "status --check": ["status", "--check"],
        }
        costs = {name: measure([str(LOGINLAKE), *arguments], env) for name, arguments in stages.items()}
        landed = _count(Path(folder) / "lake" / "bronze")
        print(f"{landed:,} events of {people:,} people")
        for name, cost in costs.items():
            show(name, landed, cost)
        peer = measure([sys.executable, str(PEER), f"{folder}/lake/bronze"], env)
        show("peer: Polars script", landed, peer)
        ours = costs["clean"].cpu_s + costs["publish"].cpu_s
        print(f"clean + publish cost {ours / peer.cpu_s:.1f} times the peer's CPU")


def _count(bronze: Path) -> int:
    return sum(gzip.decompress(path.read_bytes()).count(b"\n") for path in bronze.rglob("*.gz"))


if __name__ == "__main__":
    for size in sys.argv[1:] or ["1"]:
        run(float(size))
