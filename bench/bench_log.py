"""The embedded log: append (grouped, and one at a time) and read. `python bench/bench_log.py [RECORDS]`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import deque
from concurrent.futures import Future
from pathlib import Path

from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.log import Position


def append(log: EmbeddedLog, records: int, value: bytes) -> float:
    """Records a second, with at most 20,000 on their way at a time."""
    waiting: deque[Future[Position]] = deque()
    began = time.perf_counter()
    for number in range(records):
        waiting.append(log.send(b"developer|%d" % (number % 5_000), value, [("content-type", b"application/json")]))
        if len(waiting) > 20_000:
            waiting.popleft().result()
    log.flush(60)
    return records / (time.perf_counter() - began)


def append_alone(log: EmbeddedLog, records: int, value: bytes) -> list[float]:
    """Milliseconds of each append, one at a time, sorted."""
    taken = []
    for _ in range(records):
        began = time.perf_counter()
        log.send(b"developer|1", value).result()
        taken.append((time.perf_counter() - began) * 1000)
    return sorted(taken)


def read(log: EmbeddedLog) -> tuple[int, float]:
    """All records by one reader, and records a second."""
    reader = log.subscribe("bench", lambda _partition: 0)
    count = 0
    began = time.perf_counter()
    while records := reader.poll(20_000, 0.0):
        count += len(records)
    return count, count / (time.perf_counter() - began)


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    value = b'{"specversion":"1.0","data":"' + b"x" * 620 + b'"}'
    with tempfile.TemporaryDirectory() as folder:
        log = EmbeddedLog(Path(folder) / "log.db", partitions=4)
        cpu = time.process_time()
        print(f"append, grouped     {append(log, records, value):>12,.0f} records/s")
        print(f"append, grouped     {records / (time.process_time() - cpu):>12,.0f} records a CPU-second")
        cpu = time.process_time()
        count, rate = read(log)
        print(f"read                {rate:>12,.0f} records/s ({count:,} records)")
        print(f"read                {count / (time.process_time() - cpu):>12,.0f} records a CPU-second")
        taken = append_alone(log, 1_000, value)
        print(f"append, one by one  {taken[500]:>12.2f} ms median, {taken[990]:.2f} ms p99")
        log.close()


if __name__ == "__main__":
    main()
