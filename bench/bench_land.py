"""How fast land is: events a CPU-second from a log in memory, and from the embedded log, to a folder and to memory.

.venv/bin/python bench/bench_land.py [EVENTS]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import Lander
from loginlake.event import HEADERS, SIGNIN, SignIn, SignInData, encode
from loginlake.lake.by_url import open_store
from loginlake.lake.manifest import Lake
from loginlake.lake.store import ObjectStore
from loginlake.stream.embedded import EmbeddedLog


def signin(number: int) -> bytes:
    """A believable sign-in of about 600 bytes."""
    data = SignInData(
        provider="google",
        user_id=f"{10**20 + number % 9973}",
        username=f"Persona Número {number % 9973}",
        email=f"persona.{number % 9973}@example.com",
        email_verified=True,
        picture=f"https://lh3.googleusercontent.com/a/{number % 9973:040d}",
        method="btn",
        locale="es",
        user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
        ip="192.0.2.0",
    )
    moment = f"2026-11-24T19:{number // 60 % 60:02d}:{number % 60:02d}.000000Z"
    return encode(
        SignIn(
            type=SIGNIN,
            id=f"{number:032x}",
            source="http://localhost:8000",
            subject=f"google|{data.user_id}",
            time=moment,
            received=moment,
            data=data,
        )
    )


def land(log: EmbeddedLog, store: ObjectStore, name: str) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    report = Lander(log, Lake(store), BatchLimits()).run(threading.Event(), once=True)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}: {report.records} events, {report.objects} objects, {report.bytes / 1e6:.0f} MB of lines: "
        f"{report.records / cpu:,.0f} events a CPU-second, {report.records / wall:,.0f} a second; peak {peak:.0f} MB"
    )


def main(events: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = EmbeddedLog(Path(folder) / "log.db", partitions=4)
        for number in range(events):
            log.send(b"google|%d" % (number % 9973), signin(number), HEADERS)
            if number % 20_000 == 0:
                log.flush(60)
        log.flush(60)
        print(f"{len(signin(0))} bytes a value")
        land(log, open_store("memory:"), "embedded log -> memory")
        land(log, open_store(f"file:{folder}/lake"), "embedded log -> folder")
        log.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
