"""What Airflow costs beside the command line, on a live scheduler: `make airflow` must have made .venv-airflow.

    python -m bench.bench_airflow [EVENTS] [HOURS ...]      default: 1000000 100 10000

First a day of EVENTS made-up sign-ins, cleaned and published by `loginlake` and by dagEtl: CPU seconds of each (of the
tasks' processes up to goldDB; not of the scheduler itself), which must come to the same lake. Then a run with nothing
new, on a lake with so many HOURS of history: its task time; and a partition three days behind is found.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import bench_clean
from bench.path import LOGINLAKE, Cost, measure
from loginlake.bronze.envelope import Encoder
from loginlake.lake import keys, lines
from loginlake.lake.by_url import open_store
from loginlake.lake.store import ObjectStore
from loginlake.stream.log import Record
from services.airflow import VENV, Airflow, start

TICKS = os.sysconf("SC_CLK_TCK")
MOST_RATIO, MOST_TASK_S = 1.2, 5.0


def main() -> None:
    events, *hours = (int(text) for text in sys.argv[1:] or ("1000000", "100", "10000"))
    with tempfile.TemporaryDirectory() as folder:
        good = not events or day(Path(folder) / "day", events)
    for number in hours:
        with tempfile.TemporaryDirectory() as folder:
            good = idle(Path(folder), number) and good
    if not good:
        raise SystemExit("a bound was passed")


def day(folder: Path, events: int) -> bool:
    """A day of events by both: whether Airflow keeps within its share."""
    fresh = folder / "fresh"
    bench_clean.fill(open_store(f"file:{fresh / 'lake'}"), events, max(4, events // 20_000), timedelta(days=1) / events)
    by_hand, by_airflow = folder / "by_hand", folder / "by_airflow"
    shutil.copytree(fresh, by_hand)
    costs = [measure([str(LOGINLAKE), stage, "--once"], environment(by_hand)) for stage in ("clean", "publish")]
    with airflow(folder / "home", by_airflow) as server:
        shutil.copytree(fresh, by_airflow, dirs_exist_ok=True)
        cost, tasks = run(server, "day", "goldDB")
    if content(by_hand) != content(by_airflow):
        raise SystemExit("the two lakes differ")
    hand: float = sum(one.cpu_s for one in costs)
    print(f"{events:,} events of a day: clean {costs[0].cpu_s:.1f} s CPU, publish {costs[1].cpu_s:.1f} s CPU")
    print(f"by dagEtl {cost.cpu_s:.1f} s CPU in {len(tasks)} tasks, {cost.wall_s:.1f} s of task time")
    show(tasks)
    print(f"Airflow / command line: {cost.cpu_s / hand:.2f} (at most {MOST_RATIO})", flush=True)
    return cost.cpu_s / hand <= MOST_RATIO


def idle(folder: Path, hours: int) -> bool:
    """A run with nothing new on a lake with a history (the best of three), then one that finds a late partition."""
    data = folder / "data"
    store = open_store(f"file:{data / 'lake'}")
    bench_clean.fill(store, hours * 2, hours, timedelta(hours=1) / 2)
    for stage in ("clean", "publish"):
        measure([str(LOGINLAKE), stage, "--once"], environment(data))
    with airflow(folder / "home", data) as server:
        run(server, "warm")
        cost, tasks = min((run(server, f"idle-{number}") for number in range(3)), key=lambda found: found[0].wall_s)
        late(store, hours)
        run(server, "late", "goldDB")
    left = [entry.key for prefix in ("todo/", "rows/", "checked/", "dirty/") for entry in store.list(prefix)]
    objects = sum(1 for _ in store.list(""))
    print(f"{hours:,} hours of history ({objects:,} objects), nothing new: {cost.wall_s:.1f} s of task time,", end=" ")
    print(f"{cost.cpu_s:.1f} s CPU (at most {MOST_TASK_S} s)")
    show(tasks)
    print(f"a partition three days behind: {'not found' if left else 'found'}", flush=True)
    return cost.wall_s <= MOST_TASK_S and not left


def late(store: ObjectStore, hours: int) -> None:
    """An object of a partition of its own, that landed three days before the newest."""
    when = bench_clean.START + timedelta(hours=hours) - timedelta(days=3)
    made = bench_clean.record(random.Random(2), 7_000_001, when)
    record = Record(9, 0, made.timestamp_ms, None, made.value, made.headers)
    name = keys.BronzeName(*keys.arrival(record.timestamp_ms), 0, 9, record.offset)
    store.put(keys.todo(name.key), b"")
    store.create(name.key, lines.encode(Encoder(0).encode([record])))


@contextmanager
def airflow(home: Path, data: Path) -> Iterator[Airflow]:
    """Airflow on a data folder, without a clock, and warm."""
    data.mkdir(parents=True, exist_ok=True)
    settings = {**environment(data, {}), "DAGETL_SCHEDULE": "none"}
    server = start(home, settings=settings)
    try:
        run(server, "first")
        yield server
    finally:
        server.stop()


def run(server: Airflow, name: str, last: str = "audit") -> tuple[Cost, dict[str, list[float]]]:
    """A run up to its task `last`: CPU of its tasks' processes, the sum of their durations, and each task's."""
    before = tasks_cpu(server)
    server.ask("dags/dagEtl/dagRuns", {"dag_run_id": name, "logical_date": None})
    found = wait_for(server, name, last)
    cpu_s = tasks_cpu(server) - before
    server.ask(f"dags/dagEtl/dagRuns/{name}", {"state": "success"}, "PATCH")
    tasks: dict[str, list[float]] = {}
    for one in found:
        if one["duration"] and (one["task_id"] == last or one["task_id"] != "audit"):
            tasks.setdefault(one["task_id"], []).append(one["duration"])
    return Cost(cpu_s, sum(map(sum, tasks.values())), 0.0), tasks


def wait_for(server: Airflow, name: str, last: str) -> list[dict[str, Any]]:
    """The task instances of a run, when its task `last` has succeeded."""
    pause = threading.Event()
    while True:
        found: list[dict[str, Any]] = server.ask(f"dags/dagEtl/dagRuns/{name}/taskInstances?limit=1000")[
            "task_instances"
        ]
        if {"failed", "up_for_retry"}.intersection(one["state"] for one in found):
            raise SystemExit(f"a task failed; its log is in {server.home}")
        if any(one["task_id"] == last and one["state"] == "success" for one in found):
            return found
        pause.wait(0.2)


def tasks_cpu(server: Airflow) -> float:
    """CPU seconds of the processes below the scheduler since its start, those that ended too; not its own."""
    stats: dict[int, list[str]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stats[int(folder.name)] = (folder / "stat").read_text().rpartition(")")[2].split()
    below = {server.children["scheduler"].pid}
    ticks = sum(sum(map(int, stats[pid][13:15])) for pid in below)
    while below := {pid for pid, fields in stats.items() if int(fields[1]) in below}:
        ticks += sum(sum(map(int, stats[pid][11:15])) for pid in below)
    return ticks / TICKS


def show(tasks: dict[str, list[float]]) -> None:
    for name, durations in tasks.items():
        print(f"  {name:<18} {len(durations):>3} x {max(durations):>6.2f} s at most, {sum(durations):>7.2f} s together")


def environment(data: Path, base: dict[str, str] | None = None) -> dict[str, str]:
    told = {"LOGINLAKE_DATA": str(data), "LOGINLAKE_SECRET": "a secret of the bench, of more than 32 characters"}
    return {**(dict(os.environ) if base is None else base), **told, "LOGINLAKE_LOG_LEVEL": "error"}


def content(data: Path) -> dict[str, bytes]:
    """Every object of silver, repeated, rejected, receipts and people, as it is stored."""
    store = open_store(f"file:{data / 'lake'}")
    prefixes = ("silver/", "repeated/", "rejected/", "receipts/", "people/")
    found = {entry.key: store.get(entry.key).data for prefix in prefixes for entry in store.list(prefix)}
    return {key: lines.decode(data) if key.endswith(".gz") else data for key, data in found.items()}


if __name__ == "__main__":
    if not VENV.exists():
        raise SystemExit("There is no .venv-airflow: make airflow makes it.")
    main()
