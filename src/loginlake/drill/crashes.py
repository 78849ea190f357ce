"""Drills of stages that are killed with -9 at a moment that the seed chooses: before or after one of their writes."""

from __future__ import annotations

import signal
import subprocess
import sys

from loginlake.drill.ground import PATIENCE_S, Ground, share
from loginlake.errors import GiveUp

_KILLS = 3


def kill_lander(ground: Ground) -> None:
    """The lander is killed at its writes: todo, object, head. The next one goes on at the end of the chain."""
    _killed_again_and_again(ground, "land", 30)


def kill_cleaner(ground: Ground) -> None:
    """The cleaner is killed at its writes: rejected, repeated, silver, receipt. The next one does the same again."""
    _killed_again_and_again(ground, "clean", 60)


def _killed_again_and_again(ground: Ground, stage: str, most: int) -> None:
    messages = ground.messages()
    for number in range(_KILLS):
        ground.send(share(messages, number, _KILLS))
        if stage == "clean":
            ground.land()
        nth, when = ground.rng.randrange(1, most), ground.rng.choice(("before", "after"))
        killed = _run(ground, stage, nth, when)
        how = f"killed with -9 {when} write {nth}" if killed else f"was done before write {nth}, and lived"
        ground.say(f"{len(ground.accepted):,} messages sent; {stage} {how}")


def _run(ground: Ground, stage: str, nth: int, when: str) -> bool:
    """One run of the stage in a process of its own; whether it was killed."""
    words = ("killed", str(ground.data), stage, str(ground.objects_of), str(nth), when)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "loginlake.drill.victim", *words], capture_output=True, timeout=PATIENCE_S, check=False
    )
    if done.returncode not in (0, -signal.SIGKILL):
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise GiveUp(f"{stage} ended with {done.returncode}.", " ".join(last), "This is a fault: please report it.")
    return done.returncode != 0
