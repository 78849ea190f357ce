"""Drills of systems that go away and come back: log, lake, gold, and the disk itself."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import cast

from loginlake import wiring
from loginlake.drill.ground import PATIENCE_S, Ground, share
from loginlake.drill.switch import Switch, switched
from loginlake.errors import GiveUp, Unavailable
from loginlake.stream.log import EventLog
from loginlake.stream.spool import SpooledLog
from loginlake.stream.spool_record import SPOOLED, SpoolLimits

_SLOW_S = 0.2


def broker_down(ground: Ground) -> None:
    """The log goes away while people sign in: the spool takes their events, and sends them when it is back."""
    switch, messages = Switch("log"), ground.messages()
    away = switched(cast("EventLog", ground.log), switch)
    spool = SpooledLog(away, ground.data / "spool", limits=SpoolLimits(slow_s=_SLOW_S))
    try:
        ground.send(share(messages, 0, 3), spool)
        ground.say(f"{len(ground.accepted):,} messages sent; the log is there")
        switch.down()
        ground.say("the log goes down")
        began = time.monotonic()
        positions = ground.send(share(messages, 1, 3), spool)
        kept = sum(position.partition == SPOOLED for position in positions)
        ground.say(f"{len(positions):,} more, all answered in {time.monotonic() - began:.1f} s: {kept:,} by the spool")
        switch.up()
        ground.say("the log is back")
        ground.send(share(messages, 2, 3), spool)
        _wait(lambda: spool.state().entries == 0, "the spool to be empty")
        ground.say("the spool is empty again")
    finally:
        spool.stop()


def lake_down(ground: Ground) -> None:
    """The lake goes away while each stage works on it: the lander waits, the others are run again."""
    switch = Switch("lake")
    store = switched(ground.store, switch)
    ground.send(ground.messages())
    ground.say(f"{len(ground.accepted):,} messages in the log")
    switch.down(after=ground.rng.randrange(2, 30))
    landing = threading.Thread(target=lambda: ground.land(store))
    landing.start()
    if not switch.wait_for_refusals(4, PATIENCE_S):
        raise Unavailable("The lander asked nothing of the lake.", "It had nothing to do.", "Take more messages.")
    ground.say("land: the lake goes down in the middle of it; the lander waits and asks again")
    switch.up()
    landing.join()
    ground.say("land: the lake is back, and everything is landed")
    _again(ground, switch, "clean", lambda: ground.clean(store))
    _again(ground, switch, "publish", lambda: ground.publish(store))


def gold_down(ground: Ground) -> None:
    """The gold store goes away while answers are published: readers keep the old ones until the new are whole."""
    switch = Switch("gold store")
    messages = ground.messages()
    with closing(wiring.open_gold(ground.settings)) as own:
        gold = switched(own, switch)
        for number in range(2):
            ground.send(share(messages, number, 2))
            ground.land()
            ground.clean()
            ground.say(f"{len(ground.accepted):,} messages sent, landed and cleaned")
            _again(ground, switch, "publish", lambda: ground.publish(gold=gold), most=8)


def _again(ground: Ground, switch: Switch, stage: str, work: Callable[[], object], most: int = 60) -> None:
    """The system goes down in the middle of a stage, three times; and the stage is run again when it is back."""
    failed = 0
    for _ in range(3):
        switch.down(after=ground.rng.randrange(most))
        try:
            work()
        except Unavailable:
            failed += 1
        switch.up()
    work()
    ground.say(f"{stage}: cut short {failed} times by the {switch.what} going down; the next run did the rest")


def full_disk(ground: Ground) -> None:
    """The disk is full under each stage, one after the other; then there is space again.

    The operating system refuses the writes: each stage is a process that may not write larger files (RLIMIT_FSIZE).
    """
    messages = [message for message in ground.messages() if message[1]]
    ground.send(share(messages, 0, 2))
    rest = [value for _, value in share(messages, 1, 2) if value is not None]
    ground.say(f"{len(ground.accepted):,} messages in the log; now the disk is full")
    for stage in ("send", "land", "clean", "publish"):
        lines = b"".join(value + b"\n" for value in rest) if stage == "send" else b""
        refusals = _on_a_full_disk(ground, stage, lines)
        ground.say(f"{stage}: refused {refusals} times, then there was space, and it did all of it")
    ground.accepted.extend(rest)


def _on_a_full_disk(ground: Ground, stage: str, lines: bytes) -> int:
    """Run a stage in a process whose files cannot grow until it was refused; how often it was."""
    words = [sys.executable, "-m", "loginlake.drill.victim", "full", str(ground.data), stage, str(ground.objects_of)]
    done = subprocess.run(words, input=lines, capture_output=True, timeout=PATIENCE_S, check=False)  # noqa: S603
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise GiveUp(f"{stage} ended with {done.returncode}.", " ".join(last), "This is a fault: please report it.")
    return int(done.stdout)


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise Unavailable(f"Waited {PATIENCE_S:.0f} s for {what}.", "", "Run the drill on a quieter machine.")
        pause.wait(0.02)
