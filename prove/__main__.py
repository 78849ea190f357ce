"""Kill the stages with -9 while sign-ins go through them, let them finish, and count what is left (recount.py).

The seed chooses the people, the order of the kills and how far into its work each stage gets. Only the command line
of the product is used, as anybody would.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from prove.recount import recount, table

PROGRAM = Path(sys.executable).with_name("loginlake")
STAGES = ("land", "clean", "publish")
# What a stage writes: it is at work while this changes.
WRITES = {
    "land": ("lake/bronze", "lake/heads"),
    "clean": ("lake/silver", "lake/repeated", "lake/rejected", "lake/receipts"),
    "publish": ("lake/dirty/claims", "lake/people"),
}
PAUSE_S = 0.5  # between two runs of a stage that found nothing more to do
LONGEST_S = 60.0


class Stage:
    """A stage of the product, run again and again, each run a process of its own."""

    def __init__(self, name: str, data: Path, env: dict[str, str]) -> None:
        self.name, self._data, self._env = name, data, env
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    def keep_running(self) -> None:
        """Start it when it does not run; an end that nobody asked for is an error."""
        if self._process is None:
            if time.monotonic() >= self._not_before:
                self._process = subprocess.Popen(
                    [PROGRAM, self.name, "--once"], env=self._env, stdout=subprocess.DEVNULL
                )
        elif (code := self._process.poll()) is not None:
            if code:
                raise SystemExit(f"{self.name} ended with {code}")
            self._process, self._not_before = None, time.monotonic() + PAUSE_S

    def trace(self) -> tuple[int, int]:
        """Changes whenever the stage has written something."""
        files = [entry.stat() for folder in WRITES[self.name] for entry in _files(str(self._data / folder))]
        return len(files), sum(found.st_mtime_ns for found in files)

    def kill(self) -> bool:
        """Kill it with -9; whether it was running."""
        if self._process is None:
            return False
        self._process.kill()
        process, self._process = self._process, None
        return process.wait() == -signal.SIGKILL

    def finish(self) -> None:
        """Let the run that is under way come to its end."""
        if self._process is not None and (code := self._process.wait(LONGEST_S)):
            raise SystemExit(f"{self.name} ended with {code}")
        self._process = None


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    yield from _files(entry.path)
                else:
                    yield entry
    except FileNotFoundError:  # not there yet, or removed while it was read
        return


class Proof:
    """One run, in a folder of its own."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.data, self.sent = folder / "data", folder / "sent.jsonl"
        self._rng, self._seed, self._start = random.Random(seed), seed, time.monotonic()
        settings = {"DATA": str(self.data), "LAND_MAX_RECORDS": "100", "LOG_LEVEL": "error"}
        plain = {name: value for name, value in os.environ.items() if not name.upper().startswith("LOGINLAKE_")}
        self._env = plain | {f"LOGINLAKE_{name}": value for name, value in settings.items()}
        self._stages = {name: Stage(name, self.data, self._env) for name in STAGES}

    def say(self, words: str) -> None:
        """A line of the timeline."""
        print(f"{time.monotonic() - self._start:5.1f} s  {words}", flush=True)

    def program(self, *words: str, **how: object) -> None:
        """One verb, up to its end."""
        subprocess.run([PROGRAM, *words], env=self._env, check=True, **how)  # type: ignore[call-overload]

    def make(self, people: int, days: int) -> list[bytes]:
        """Made-up sign-ins, repeats, nulls and broken lines, as they will be sent."""
        words = ("demo", "--people", str(people), "--days", str(days), "--seed", str(self._seed), "--print")
        with self.sent.open("wb") as out:
            self.program(*words, stdout=out)
        return self.sent.read_bytes().removesuffix(b"\n").split(b"\n")

    def send(self, lines: list[bytes]) -> None:
        """Send some lines to the log."""
        self.program("send", "-", input=b"".join(line + b"\n" for line in lines), stdout=subprocess.DEVNULL)
        self.say(f"{len(lines):,} messages sent")

    def kill_at_work(self, victim: Stage) -> bool:
        """Kill a stage a moment after it was seen to write; False when it was faster than we."""
        before, deadline = victim.trace(), time.monotonic() + LONGEST_S
        while victim.trace() == before:
            for stage in self._stages.values():
                stage.keep_running()
            if time.monotonic() > deadline:
                raise SystemExit(f"{victim.name} did nothing in {LONGEST_S:.0f} s")
            time.sleep(0.002)
        time.sleep(self._rng.random() * 0.03)
        return victim.kill()

    def run(self, people: int, days: int, kills: int) -> None:
        """Send a part, kill a stage, until all is sent; then let each stage finish."""
        # The lander least: after each of its deaths the log waits 10 s until it gives its partitions to another.
        victims = [STAGES[-1 - number % len(STAGES)] for number in range(kills)]
        self._rng.shuffle(victims)
        lines = self.make(people, days)
        share, missed = len(lines) // (len(victims) + 2) + 1, 0
        while victims and lines:
            self.send(lines[:share])
            del lines[:share]
            if self.kill_at_work(self._stages[victims[0]]):
                self.say(f"{victims.pop(0)} killed with -9 at its work")
            else:
                missed += 1
        self.send(lines)
        for stage in self._stages.values():
            stage.finish()
        for name in STAGES:
            self.program(name, "--once", stdout=subprocess.DEVNULL)
        self.say("every stage has finished")
        if victims:
            raise SystemExit(f"{missed} kills came too late: there was too little work for them. Take more people.")


def main() -> int:
    """Run, count, and say it in the last line."""
    parser = argparse.ArgumentParser(prog="prove", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--people", type=int, default=3600)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--kills", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="loginlake-prove-") as folder:
        proof = Proof(Path(folder), chosen.seed)
        proof.run(chosen.people, chosen.days, chosen.kills)
        counted = recount(proof.data, proof.sent.read_bytes().removesuffix(b"\n").split(b"\n"))
        proof.say("counted again, by a program that shares no code with the product")
    print(table(counted))
    print(f"lost {counted.lost}, double {counted.double}, seed {chosen.seed}")
    return 1 if counted.lost or counted.double else 0


if __name__ == "__main__":
    sys.exit(main())
