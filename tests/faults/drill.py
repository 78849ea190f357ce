"""Seeded schedules of faults on the embedded and the real systems, and one table of what they hit and left.

`python -m faults.drill --schedules 200 --seed 0` ends with 1 when an answered event is lost or double, or when a fault
struck too seldom.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from faults.acts import strike
from faults.client import Client
from faults.judge import Verdict, judge
from faults.schedule import Schedule, System, schedule
from faults.servers import Servers, behind_proxies
from faults.world import World
from services_azurite_mongo import Golds, Lakes
from services_kafka import Topics, open_doors

from loginlake.lake.azure import AzureAccount
from services import azurite, mongo

PEOPLE = ["1001", "1002", "1003", "1004"]
REAL_OF = 5  # every fifth schedule is on real servers
MANY = 50  # from so many schedules on, pauses last as long as they do in life: a minute
HEAD = (
    f"{'seed':>5} {'system':8} {'answered':>8} {'records':>7} {'repeated':>8} {'rejected':>8} {'lost':>4} {'double':>6}"
)


class Row(NamedTuple):
    """What came of one schedule. `struck` has each of its faults, and whether it met anything."""

    plan: Schedule
    struck: list[tuple[str, bool]]
    answered: int
    torn: int
    verdict: Verdict
    seconds: float

    @property
    def good(self) -> bool:
        """Nothing lost, nothing double, nothing half read, nothing else wrong."""
        return not (self.verdict.lost or self.verdict.double or self.torn or self.verdict.wrong)

    def __str__(self) -> str:
        """A line of the table."""
        v = self.verdict
        counts = f"{self.answered:8} {v.records:7} {v.repeated:8} {v.rejected:8} {v.lost:4} {v.double:6}"
        steps = " ".join(f"{kind}{'' if hit else '(missed)'}" for kind, hit in self.struck)
        wrong = "".join(f"\n      WRONG: {words}" for words in (*v.wrong, *(["half a refresh was read"] * self.torn)))
        return f"{self.plan.seed:5} {self.plan.system:8} {counts}  {self.seconds:4.1f} s  {steps}{wrong}"


def run(plan: Schedule, data: Path, servers: Servers | None = None) -> Row:
    """Run a schedule on a new data folder."""
    began = time.monotonic()
    data.mkdir()
    world = World(data, settings_on(servers) if servers else {}, servers)
    try:
        client = Client(world.port, world.key, PEOPLE, plan.seed)
        with client.running():
            struck = [(act.kind, strike(world, client, act)) for act in plan.acts]
            client.more(1)
        world.settle()
        verdict = judge(world.log, world.store, world.gold, client)
    except BaseException:
        print(world.processes_said(), file=sys.stderr)
        raise
    finally:
        world.close()
    return Row(plan, struck, len(client.answered), world.torn, verdict, time.monotonic() - began)


def settings_on(servers: Servers) -> Mapping[str, object]:
    """The settings that lead to a new topic, container and database, through the proxies."""
    topic = Topics(servers.kafka.bootstrap).new(4)
    topic.close()
    container = Lakes(servers.azurite.endpoint, AzureAccount()).url().rpartition("/")[2]
    database = Golds(f"mongodb://127.0.0.1:{servers.gold_proxy.port}", "").url()
    return {
        "log_url": f"kafka://127.0.0.1:{servers.kafka_proxy.port}/{topic.topic}",
        "lake_url": f"{servers.endpoint}/{container}",
        "gold_url": database,
    }


def schedules(count: int, first: int, only: System | None = None) -> Iterator[Schedule]:
    """So many schedules, every fifth on real servers; the seeds of each system follow one another."""
    seeds: dict[System, int] = {"embedded": first, "real": first}
    for number in range(count):
        system: System = only or ("embedded" if number % REAL_OF else "real")
        yield schedule(seeds[system], system)
        seeds[system] += 1


def too_few(rows: Iterable[Row]) -> list[str]:
    """The faults that met something in less than half of the schedules that had them."""
    dealt, hit = Counter[str](), Counter[str]()
    for row in rows:
        for kind, struck in row.struck:
            dealt[kind] += 1
            hit[kind] += struck
    return [
        f"{kind} struck {hit[kind]} times of {count}" for kind, count in sorted(dealt.items()) if 2 * hit[kind] < count
    ]


def totals(rows: Iterable[Row]) -> str:
    """How often each fault struck, a line a system, and the sums."""
    rows = list(rows)
    hit: dict[System, Counter[str]] = {"embedded": Counter(), "real": Counter()}
    for row in rows:
        hit[row.plan.system].update(kind for kind, struck in row.struck if struck)
    lines = [f"{system}: " + ", ".join(f"{k} {n}" for k, n in sorted(found.items())) for system, found in hit.items()]
    answered, lost = sum(row.answered for row in rows), sum(row.verdict.lost for row in rows)
    double = sum(row.verdict.double for row in rows)
    return "\n".join([*lines, f"schedules {len(rows)}, answered {answered}, lost {lost}, double {double}"])


@contextmanager
def own_servers(folder: Path, *, long: bool) -> Iterator[Servers]:
    """Real servers for this run alone."""
    store = azurite.start(folder / "azurite" / "data")
    gold = mongo.start(folder / "mongo" / "data")
    try:
        with open_doors(folder / "kafka") as doors, behind_proxies(doors, store, gold, folder, long=long) as servers:
            yield servers
    finally:
        store.child.stop()
        gold.child.stop()


def main() -> int:
    """Run the schedules, and print a line each as it ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the first; the others follow")
    parser.add_argument("--system", choices=["embedded", "real"], help="only this one")
    chosen = parser.parse_args()
    rows: list[Row] = []
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as folder, own_servers(Path(folder), long=chosen.schedules >= MANY) as servers:
        for plan in schedules(chosen.schedules, chosen.seed, chosen.system):
            data = Path(folder) / f"{plan.system}-{plan.seed}"
            rows.append(run(plan, data, servers if plan.system == "real" else None))
            shutil.rmtree(data)
            print(rows[-1], flush=True)
    print("\n".join([totals(rows), *too_few(rows)]))
    return 0 if rows and all(row.good for row in rows) and not too_few(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
