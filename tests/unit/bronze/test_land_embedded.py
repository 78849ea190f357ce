"""Landing from the embedded log into a folder: several landers, and kills with -9, on the real adapters."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.envelope import decode
from loginlake.bronze.land import GROUP, Lander
from loginlake.lake import keys, lines
from loginlake.lake.by_url import open_store
from loginlake.lake.manifest import Lake
from loginlake.lake.store import ObjectStore
from loginlake.stream.embedded import EmbeddedLog, Limits

LIMITS = BatchLimits(records=40, bytes=1 << 20, age_s=0.02)


# On a busy disk nobody is taken for dead: the offset of what a lander wrote then is told by whoever lands the next.
PATIENT = Limits(member_timeout_s=120.0, busy_timeout_s=120.0)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EmbeddedLog]:
    with closing(EmbeddedLog(tmp_path / "log.db", partitions=4, limits=PATIENT)) as opened:
        yield opened


def fill(log: EmbeddedLog, count: int) -> None:
    for number in range(count):
        log.send(b"user|%d" % (number % 17), b'{"n":%d}' % number, (("content-type", b"application/json"),))
    log.flush(30)


def landed(store: ObjectStore) -> list[tuple[int, int]]:
    found = []
    for entry in store.list("bronze"):
        name = keys.parse_bronze(entry.key)
        decoded = [decode(line) for line in lines.split(lines.decode(store.get(entry.key).data))]
        assert decoded[0].offset == name.start
        found += [(name.partition, line.offset) for line in decoded]
    return sorted(found)


def expected(log: EmbeddedLog) -> list[tuple[int, int]]:
    return [(p, offset) for p, (begin, end) in log.ranges().items() for offset in range(begin, end)]


def test_bytes_keys_headers_and_times_are_kept(log: EmbeddedLog, tmp_path: Path) -> None:
    store = open_store(f"file:{tmp_path / 'lake'}")
    values = [b'{"a":1}', b"\xff\x00", None, b"", b" {}", '{"\u00e9":"\U0001f600"}'.encode()]
    for value in values:
        log.send(b"k", value, (("h", b"v"), ("n", None))).result(30)
    report = Lander(log, Lake(store), LIMITS).run(threading.Event(), once=True)
    assert report.records == len(values)
    contents = [lines.decode(store.get(entry.key).data) for entry in store.list("bronze")]
    found = [decode(line) for content in contents for line in lines.split(content)]
    assert [line.value_bytes for line in found] == values
    assert {(line.key_bytes, *line.header_list) for line in found} == {(b"k", ("h", b"v"), ("n", None))}


def test_several_landers_of_one_group_land_a_growing_log_once(log: EmbeddedLog, tmp_path: Path) -> None:
    url = f"file:{tmp_path / 'lake'}"
    stop = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            Lander(log, Lake(open_store(url)), LIMITS).run(stop)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    landers = [threading.Thread(target=run) for _ in range(3)]
    for lander in landers:
        lander.start()
    for _ in range(5):
        fill(log, 400)
    stop.set()
    for lander in landers:
        lander.join()
    Lander(log, Lake(open_store(url)), LIMITS).run(threading.Event(), once=True)
    assert failures == []
    assert landed(open_store(url)) == expected(log)
    assert log.committed(GROUP) == {partition: end for partition, (_, end) in log.ranges().items() if end}


LAND = """
import sys, threading
from pathlib import Path
from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import Lander
from loginlake.lake.manifest import Lake
from loginlake.lake.by_url import open_store
from loginlake.stream.embedded import EmbeddedLog, Limits
folder = Path(sys.argv[1])
log = EmbeddedLog(folder / "log.db", partitions=4, limits=Limits(member_timeout_s=0.3))
limits = BatchLimits(records=int(sys.argv[2]), bytes=1 << 20, age_s=0.02)
lander = Lander(log, Lake(open_store(f"file:{folder / 'lake'}")), limits)

def told(count):
    print(count, flush=True)
    sys.stdin.readline()


lander.run(threading.Event(), once=True, on_landed=told)
"""


@pytest.mark.kill
def test_kills_with_9_lose_and_double_nothing(tmp_path: Path) -> None:
    """Each lander is let go on to its next object, and killed somewhere on the way."""
    with closing(EmbeddedLog(tmp_path / "log.db", partitions=4, limits=Limits(member_timeout_s=0.3))) as log:
        _kill_and_land(log, tmp_path)


def _kill_and_land(log: EmbeddedLog, tmp_path: Path) -> None:
    fill(log, 3000)
    dice = random.Random(7)
    for _ in range(8):
        command = [sys.executable, "-c", LAND, str(tmp_path), str(dice.randint(5, 60))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lander:
            assert lander.stdin is not None
            assert lander.stdout is not None
            for _ in range(dice.randint(1, 8)):
                assert lander.stdout.readline()
                lander.stdin.write("\n")
                lander.stdin.flush()
            lander.kill()
        assert lander.returncode == -9
        store = open_store(f"file:{tmp_path / 'lake'}")
        durable = set(landed(store))
        for partition, end in log.committed(GROUP).items():
            assert durable >= {(partition, offset) for offset in range(end)}
    assert len(landed(store)) < 3000
    Lander(log, Lake(store), LIMITS).run(threading.Event(), once=True)
    assert landed(store) == expected(log)
