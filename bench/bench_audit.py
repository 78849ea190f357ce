"""The audit's cost: deep beside reading the same bytes with Polars, shallow after one per cent of new sign-ins.

    python bench/bench_audit.py [EVENTS] [DAYS]      default: 1000000 30

Prints CPU-seconds, the ratios, and how much memory the audit added. The log is embedded and keeps its seven days, the
lake is a folder. The peer is Polars' streaming scan of the gzip files of bronze and silver, each column hashed; deep
reads the log, receipts, rejected and repeated rows, gold and its people besides.
"""

from __future__ import annotations

import json
import random
import resource
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


def main() -> None:
    events, days = (int(text) for text in (*sys.argv[1:], *("1000000", "30")[len(sys.argv) - 1 :]))
    more = events // 100
    with tempfile.TemporaryDirectory() as folder, closing(Clock()) as clock:
        log = EmbeddedLog(Path(folder) / "log.db", partitions=1, clock=clock)
        with closing(log), closing(EmbeddedGold(Path(folder) / "gold.db")) as gold:
            store = FolderStore(Path(folder) / "lake")
            path = run.Path(log=log, log_number=0, group=GROUP, store=store, gold=gold, rules=RULES, shards=lambda _: 1)
            step = timedelta(days=days) / events

            def through(first: int, count: int) -> None:
                for number, message in messages(first, count, step):
                    clock.now = int((START + step * number).timestamp() * 1000) + 5
                    log.send(None, message)
                    if number % 2_000 == 1_999:
                        log.flush(60)
                log.flush(60)
                Lander(log, Lake(store), LIMITS).run(threading.Event(), once=True)
                clean(store, RULES)
                publish(store, gold, now=lambda: datetime.now(UTC))

            through(0, events)
            log.trim(int((START + timedelta(days=days - RETAINED_DAYS)).timestamp() * 1000))
            peer = cpu(lambda: read_with_polars(Path(folder) / "lake"))
            before = peak()
            deep = cpu(lambda: good(run.audit(path, Scope(deep=True))))
            grown = peak() - before
            first = cpu(lambda: good(run.audit(path, Scope())))
            through(events, more)
            shallow = cpu(lambda: good(run.audit(path, Scope())))
    print(f"events {events}  Polars reads bronze and silver in {peer:.1f} CPU-seconds")
    print(f"deep    {deep:6.1f} CPU-seconds  {deep / peer:.1f} x Polars  {events / deep:,.0f} events a CPU-second")
    print(f"first   {first:6.1f} CPU-seconds (a shallow audit without a checkpoint)")
    print(f"shallow {shallow:6.1f} CPU-seconds  {100 * shallow / deep:.1f} % of deep, after {more} new events")
    print(f"memory  {before} MB before, deep added {grown} MB")


class Clock:
    """The log's clock: the made-up arrival."""

    now = 0

    def __call__(self) -> int:
        return self.now

    def close(self) -> None:
        """Nothing."""


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


def read_with_polars(lake: Path) -> None:
    """Bronze and silver as a competent reader has them: a streaming scan of all files, and each column touched."""
    for folder in ("bronze", "silver/signins"):
        rows = pl.scan_ndjson(sorted((lake / folder).rglob("*.jsonl.gz")))
        touched = [pl.col(name).hash().sum() for name in rows.collect_schema().names()]
        rows.select(touched).collect(engine="streaming")


def good(report: Report) -> None:
    if report.findings:
        raise SystemExit(f"the audit found {report.findings[:2]}")


def cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
