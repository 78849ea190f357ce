"""The audit's cost: deep beside reading the same bytes with Polars, shallow after one per cent of new sign-ins.

    python bench/bench_audit.py [EVENTS] [DAYS] [FOLDER]      default: 1000000 30, in a temporary folder

Prints CPU-seconds, ratios and peak memory; each measured part is a process of its own. The log is embedded and keeps
its seven days, the lake is a folder. What an earlier run built in FOLDER is measured again, not built.

The peer reads once, with Polars, every byte that deep reads: streaming scans of the gzip files of bronze, silver and
repeated, the records of the log and the documents of gold, every column parsed and hashed. It judges and compares
nothing. Deep reads some of it twice: bronze again where the log is compared, silver again for gold.
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from loginlake.audit import run
from loginlake.audit.finding import Report
from loginlake.audit.scope import Scope
from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import GROUP, Lander
from loginlake.event import SIGNIN
from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.publish import publish
from loginlake.lake.folder import FolderStore
from loginlake.lake.manifest import Lake
from loginlake.silver.clean import clean
from loginlake.silver.reasons import Rules
from loginlake.stream.embedded import EmbeddedLog

START = datetime(2026, 11, 1, tzinfo=UTC)
RULES = Rules(secret=b"bench")
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
RETAINED_DAYS = 7
LIMITS = BatchLimits(20_000, 16 * 1024 * 1024, 3_600.0)
AT_ONCE = 20_000


def main() -> None:
    given = sys.argv[1:]
    if given and given[0] in PARTS:
        print(json.dumps(PARTS[given[0]](Path(given[1]))))
        return
    events, days = (int(text) for text in (*given, *("1000000", "30")[len(given) :])[:2])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given[2] if len(given) > 2 else temporary)
        if not (folder / "built.json").exists():
            folder.mkdir(exist_ok=True)
            with closing(Built(folder)) as built:
                built.fill(0, events, timedelta(days=days) / events)
            (folder / "built.json").write_text(json.dumps([events, days]))
        if json.loads((folder / "built.json").read_text()) != [events, days]:
            raise SystemExit(f"{folder} has something else")
        report(events, {name: measured(name, folder) for name in PARTS})


def report(events: int, found: dict[str, dict[str, float]]) -> None:
    peer, deep, shallow = (found[name]["cpu"] for name in ("peer", "deep", "shallow"))
    lake = found["peer"]["lake"]
    print(f"events {events}  Polars {peer:.1f} CPU-seconds, {lake:.1f} of it bronze and silver alone")
    print(f"deep    {deep:6.1f} CPU-seconds  {deep / peer:.2f} x Polars  ({deep / lake:.2f} x of bronze and silver)")
    print(f"first   {found['first']['cpu']:6.1f} CPU-seconds (a shallow audit without a checkpoint)")
    print(f"shallow {shallow:6.1f} CPU-seconds  {100 * shallow / deep:.1f} % of deep, after 1 % of new events")
    print("peak    " + "  ".join(f"{name} {part['peak']:.0f} MB" for name, part in found.items()))


def measured(part: str, folder: Path) -> dict[str, float]:
    """What a part says of itself, run in a process of its own."""
    done = subprocess.run([sys.executable, __file__, part, str(folder)], check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    print(part, found, file=sys.stderr, flush=True)
    return found


class Built:
    """The path of a folder."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.log = EmbeddedLog(folder / "log.db", partitions=1, clock=self.clock)
        self.gold = EmbeddedGold(folder / "gold.db")
        self.store = FolderStore(folder / "lake")
        self.path = run.Path(
            log=self.log,
            log_number=0,
            group=GROUP,
            store=self.store,
            gold=self.gold,
            rules=RULES,
            shards=lambda _: 1,
        )

    def close(self) -> None:
        self.log.close()
        self.gold.close()

    def fill(self, first: int, count: int, step: timedelta) -> None:
        """Some sign-ins through the stages; landed and trimmed as they come."""
        for number, message in messages(first, count, step):
            self.clock.now = int((START + step * number).timestamp() * 1000) + 5
            self.log.send(None, message)
            if number % AT_ONCE == AT_ONCE - 1:
                self.log.flush(60)
            if number % (50 * AT_ONCE) == 0:
                self._land()
        self._land()
        clean(self.store, RULES)
        publish(self.store, self.gold, now=lambda: datetime.now(UTC))

    def _land(self) -> None:
        self.log.flush(60)
        Lander(self.log, Lake(self.store), LIMITS).run(threading.Event(), once=True)
        self.log.trim(self.clock.now - RETAINED_DAYS * 86_400_000)


class Clock:
    """The log's clock: the made-up arrival."""

    now = 0

    def __call__(self) -> int:
        return self.now


def messages(first: int, count: int, step: timedelta) -> Iterator[tuple[int, bytes]]:
    """Sign-ins of 50,000 people, one in 50 a repeat of the one before."""
    rng = random.Random(first)
    message = b""
    for number in range(first, first + count):
        if not message or rng.random() >= 0.02:
            message = sign_in(f"{number:032x}", f"{rng.randrange(50_000):021d}", START + step * number)
        yield number, message


def sign_in(event_id: str, user_id: str, when: datetime) -> bytes:
    moment = f"{when:%Y-%m-%dT%H:%M:%S}.000000Z"
    data = {
        "provider": "google",
        "user_id": user_id,
        "username": f"Ana Pérez {user_id[-5:]}",
        "email": f"ana{user_id[-5:]}@example.com",
        "email_verified": True,
        "picture": f"https://lh3.googleusercontent.com/a/{user_id}=s96-c",
        "method": "btn",
        "locale": "es",
        "user_agent": AGENT,
        "ip": "192.0.2.0/24",
    }
    event = {
        "specversion": "1.0",
        "type": SIGNIN,
        "datacontenttype": "application/json",
        "id": event_id,
        "source": "http://localhost:8000",
        "subject": f"google|{user_id}",
        "time": moment,
        "received": moment,
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def peer(folder: Path) -> dict[str, float]:
    """Everything that deep reads as a competent reader has it: each column touched."""

    def lake() -> None:
        for name in ("bronze", "silver/signins"):
            touch(pl.scan_ndjson(sorted((folder / "lake" / name).rglob("*.jsonl.gz"))))

    def others() -> None:
        touch(pl.scan_ndjson(sorted((folder / "lake" / "repeated").rglob("*.jsonl.gz"))))
        for file, query in (("log.db", "SELECT value FROM records"), ("gold.db", "SELECT body FROM documents_users")):
            with closing(sqlite3.connect(folder / file)) as connection:
                cursor = connection.execute(query)
                while rows := cursor.fetchmany(AT_ONCE):
                    lines = (row[0] if isinstance(row[0], bytes) else row[0].encode() for row in rows)
                    touch(pl.read_ndjson(b"\n".join(lines)).lazy())

    of_lake = cpu(lake)
    return {"lake": of_lake, "cpu": of_lake + cpu(others), "peak": peak()}


def touch(rows: pl.LazyFrame) -> None:
    touched = [pl.col(name).hash().sum() for name in rows.collect_schema().names()]
    rows.select(touched).collect(engine="streaming")


def audited(scope: Scope) -> Callable[[Path], dict[str, float]]:
    def part(folder: Path) -> dict[str, float]:
        with closing(Built(folder)) as built:
            return {"cpu": cpu(lambda: good(run.audit(built.path, scope))), "peak": peak()}

    return part


def more(folder: Path) -> dict[str, float]:
    """One per cent of new sign-ins."""
    events, days = json.loads((folder / "built.json").read_text())
    with closing(Built(folder)) as built:
        built.fill(built.log.ranges()[0].end, events // 100, timedelta(days=days) / events)
    return {"peak": peak()}


PARTS: dict[str, Callable[[Path], dict[str, float]]] = {
    "peer": peer,
    "deep": audited(Scope(deep=True)),
    "first": audited(Scope()),
    "more": more,
    "shallow": audited(Scope()),
}


def good(report: Report) -> None:
    if report.findings:
        raise SystemExit(f"the audit found {report.findings[:2]}")


def cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def peak() -> float:
    """The most memory this process held, in MB (not what the process that began it did)."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


if __name__ == "__main__":
    main()
