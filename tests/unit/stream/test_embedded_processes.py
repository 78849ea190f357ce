"""The embedded log and other processes: at once, killed, out of space."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.log import Position, Range

LONG_S = 60.0
SRC = Path(__file__).parents[3] / "src"
HEAD = """
import sys, itertools
from collections import deque
from pathlib import Path
from loginlake.stream.embedded import EmbeddedLog
path, name = Path(sys.argv[1]), sys.argv[2]
log = EmbeddedLog(path, partitions=2)
"""
FOREVER = """
waiting = deque()
for number in itertools.count():
    waiting.append(log.send(b"user-%d" % (number % 50), f"{name}-{number}".encode()))
    while len(waiting) > 500 or (waiting and waiting[0].done()):
        partition, offset = waiting.popleft().result()
        print(partition, offset, flush=True)
"""
SOME = """
sys.stdin.readline()
futures = [log.send(None, f"{name}-{number}".encode()) for number in range(3000)]
for future in futures:
    print(*future.result())
log.close()
"""
FULL = """
import resource
log.send(b"k", b"first").result()
limit = path.stat().st_size + 3_000_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
futures = [log.send(b"k", b"x" * 50_000) for _ in range(200)]
print([type(future.exception(60)).__name__ for future in futures].count("Unavailable"))
acknowledged = [future.result().offset for future in futures if future.exception() is None]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
acknowledged.append(log.send(b"k", b"after").result(60).offset)
log.close()
print(*acknowledged)
"""
CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is born deaf to it
waiting = deque()
try:
    for number in itertools.count():
        waiting.append(log.send(None, b"v"))
        if number == 200:
            print("begun", flush=True)
except KeyboardInterrupt:
    log.close()
    answers = [future.exception(0) for future in waiting]
    print(len(answers) - answers.count(None), answers.count(None))
"""
MEMBER = """
reader = log.subscribe("g", lambda partition: 0)
reader.poll(10, 0.0)
print(sorted(reader.assigned()), flush=True)
sys.stdin.readline()
"""


@contextmanager
def child(code: str, path: Path, name: str = "a") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HEAD + code, str(path), name]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(SRC)}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    yield from process.stdout


@pytest.mark.kill
@pytest.mark.parametrize("after", [1, 137, 700, 2_500])
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, after: int) -> None:
    path = tmp_path / "log.db"
    acknowledged = []
    for name in ("first", "second"):
        with child(FOREVER, path, name) as process:
            for number, line in enumerate(lines(process)):
                if number == after:
                    process.kill()
                if line.endswith("\n"):  # a line cut by the kill is no answer
                    acknowledged.append(Position(*map(int, line.split())))
            assert process.wait(LONG_S) == -9
    log = EmbeddedLog(path, partitions=1)
    assert len(acknowledged) > 2 * after
    assert len(set(acknowledged)) == len(acknowledged)
    assert all(log.read(position) is not None for position in acknowledged)
    for partition, (begin, end) in log.ranges().items():
        assert begin == 0
        assert all(log.read(Position(partition, offset)) is not None for offset in range(end))
    log.close()


def test_several_processes_make_one_log(tmp_path: Path) -> None:
    """They meet at a file that does not exist yet, and begin together."""
    path = tmp_path / "log.db"
    with child(SOME, path, "a") as a, child(SOME, path, "b") as b, child(SOME, path, "c") as c:
        for process in (a, b, c):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        positions = [Position(*map(int, line.split())) for process in (a, b, c) for line in lines(process)]
        assert [process.wait(LONG_S) for process in (a, b, c)] == [0, 0, 0]
    log = EmbeddedLog(path, partitions=1)
    ranges = log.ranges()
    assert sum(end for _, end in ranges.values()) == 9_000
    assert sorted(positions) == [Position(p, offset) for p in ranges for offset in range(ranges[p].end)]
    reader = log.subscribe("g", lambda _partition: 0)
    values = {record.value for _ in range(3) for record in reader.poll(9_000, 0.0)}
    assert values == {b"%s-%d" % (name, number) for name in (b"a", b"b", b"c") for number in range(3_000)}
    log.close()


def test_a_full_disk_fails_the_futures_and_heals(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk; the promise is the same."""
    path = tmp_path / "log.db"
    with child(FULL, path) as process:
        failed, acknowledged = lines(process)
        assert process.wait(LONG_S) == 0
    assert int(failed) > 0
    offsets = [int(offset) for offset in acknowledged.split()]
    assert offsets == list(range(1, len(offsets) + 1))
    log = EmbeddedLog(path, partitions=1)
    assert sum(end for _, end in log.ranges().values()) == len(offsets) + 1
    log.close()


def test_after_ctrl_c_close_leaves_every_future_answered(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with child(CTRL_C, path) as process:
        said = lines(process)
        assert next(said) == "begun\n"
        process.send_signal(signal.SIGINT)
        refused, appended = map(int, next(said).split())
        assert process.wait(LONG_S) == 0
    assert appended > 0
    log = EmbeddedLog(path, partitions=1)
    stored = sum(end for _, end in log.ranges().values())
    assert appended <= stored <= appended + 1  # the interrupt may take the last future from its caller's hands
    assert refused >= 0
    log.close()


@pytest.mark.kill
def test_a_killed_member_is_followed_after_its_timeout(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    uptime = [0]
    with child(MEMBER, path) as process:
        assert next(lines(process)) == "[0, 1]\n"
        process.kill()
        process.wait(LONG_S)
    log = EmbeddedLog(path, partitions=1, uptime=lambda: uptime[0])
    reader = log.subscribe("g", lambda _partition: 0)
    uptime[0] = 10**15
    assert list(reader.poll(10, 0.0)) == []
    assert reader.assigned() == {0, 1}
    assert log.ranges() == {0: Range(0, 0), 1: Range(0, 0)}
    log.close()
