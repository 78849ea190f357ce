"""Spools of several processes: killed with -9 at any moment, out of space. Nothing acknowledged is lost."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from loginlake.stream import spool_drain
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.spool import SpooledLog
from loginlake.stream.spool_file import survey

LONG_S = 60.0
SRC = Path(__file__).parents[3] / "src"
HEAD = """
import itertools, random, sys, threading
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from loginlake.errors import Unavailable
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream import spool_drain
from loginlake.stream.spool import SpooledLog
from loginlake.stream.spool_record import SpoolLimits

spool_drain._FIRST_PAUSE_S, spool_drain._LONGEST_PAUSE_S, spool_drain._LOOK_S = 0.001, 0.02, 0.02
folder, name = Path(sys.argv[1]), sys.argv[2]
chance = random.Random(name)


class Unsteady(EmbeddedLog):
    def send(self, key, value, headers=()):
        weather = chance.random()
        if weather < 0.7:
            return super().send(key, value, headers)
        failed = Future()
        if weather < 0.85:
            failed.set_exception(Unavailable("away"))
        elif weather < 0.95:
            super().send(key, value, headers).add_done_callback(lambda _: failed.set_exception(Unavailable("done")))
        else:
            super().send(key, value, headers).add_done_callback(
                lambda done: threading.Timer(0.02, failed.set_result, [done.result()]).start())
        return failed


log = Unsteady(folder / "log.db", partitions=2)
spooled = SpooledLog(log, folder / "spool", limits=SpoolLimits(slow_s=0.01))
"""
FOREVER = """
waiting = deque()
for number in itertools.count():
    key = b"user-%d" % (number % 11)
    waiting.append((number, spooled.send(key, f"{name} {number}".encode())))
    while len(waiting) > 100 or (waiting and waiting[0][1].done()):
        number, future = waiting.popleft()
        future.result()
        print(number, flush=True)
"""
FULL = """
import resource
class Down(EmbeddedLog):
    def send(self, key, value, headers=()):
        failed = Future()
        failed.set_exception(Unavailable("away"))
        return failed
down = Down(folder / "log.db", partitions=2)
spooled = SpooledLog(down, folder / "spool", limits=SpoolLimits(slow_s=0.01))
spooled.send(b"k", b"first").result()
limit = max(path.stat().st_size for path in (folder / "spool").iterdir()) + 2_000_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
answers = [(number, spooled.send(b"k", b"%d " % number + b"x" * 50_000).exception(60)) for number in range(200)]
assert {type(answer) for _, answer in answers if answer} == {Unavailable}, answers
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
answers.append((200, spooled.send(b"k", b"200 ").exception(60)))
spooled.stop()
print(*(number for number, answer in answers if answer is None))
"""


@contextmanager
def child(code: str, folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HEAD + code, str(folder), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(SRC)}) as process:
        try:
            yield process
        finally:
            process.kill()


def values(folder: Path) -> dict[str, list[str]]:
    """What the log has: each key's values in order."""
    with closing(sqlite3.connect(folder / "log.db")) as log:
        rows = log.execute("SELECT key, value FROM records ORDER BY place").fetchall()
    found = defaultdict(list)
    for key, value in rows:
        found[key.decode()].append(value.decode())
    return found


def drain(folder: Path) -> None:
    """A process that has nothing else to do: it picks up every spool there is."""
    log = EmbeddedLog(folder / "log.db", partitions=2)
    spooled = SpooledLog(log, folder / "spool")
    spooled.start()
    reader = spooled.subscribe("watch", lambda partition: 0)
    while spooled.state().entries:
        reader.poll(10_000, 0.1)
    reader.close()
    spooled.close()


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_drain, "_LOOK_S", 0.02)


@pytest.mark.kill
@pytest.mark.parametrize("seed", range(3))
def test_killed_workers_lose_nothing_and_keep_each_keys_order(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged: dict[str, list[int]] = {}
    for round_ in range(3):
        names = [f"{seed}.{round_}.{worker}" for worker in range(2)]
        with child(FOREVER, tmp_path, names[0]) as first, child(FOREVER, tmp_path, names[1]) as second:
            for name, process in zip(names, (first, second), strict=True):
                assert process.stdout is not None
                said = [process.stdout.readline() for _ in range(chance.randrange(1, 1500))]
                process.send_signal(signal.SIGKILL)
                said += process.stdout
                last = max(int(line) for line in said if line.endswith("\n"))  # a line cut by the kill is no answer
                acknowledged[name] = list(range(last + 1))
    drain(tmp_path)
    assert survey(tmp_path / "spool") == ((0, 0, None), [])
    found = values(tmp_path)
    there = {value for rows in found.values() for value in rows}
    lost = [f"{name} {number}" for name, numbers in acknowledged.items() for number in numbers]
    assert min(map(len, acknowledged.values())) > 0
    assert [value for value in lost if value not in there] == []
    for rows in found.values():
        first_seen = list(dict.fromkeys(rows))
        for name in acknowledged:
            numbers = [int(value.split()[1]) for value in first_seen if value.split()[0] == name]
            assert numbers == sorted(numbers)


def test_a_full_disk_is_said_and_passes(tmp_path: Path) -> None:
    with child(FULL, tmp_path, "a") as process:
        said = process.communicate(timeout=LONG_S)[0]
    assert process.returncode == 0
    kept = [int(number) for number in said.split()]
    assert 0 < len(kept) < 200
    assert kept[-1] == 200
    assert survey(tmp_path / "spool")[0].entries == len(kept) + 1
    drain(tmp_path)
    arrived = [value.split()[0] for value in values(tmp_path)["k"]]
    assert arrived == ["first", *(str(number) for number in kept)]
