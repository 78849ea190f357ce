"""A stage, or the web, in a process of its own, with a trap: at a call of its ports a deed is done (kill/stage.py)."""

from __future__ import annotations

import ctypes
import faulthandler
import json
import logging
import os
import resource
import signal
import sys
import threading
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kill.stage import Trigger, kill, run_verb

import loginlake.bronze.land
from loginlake import run_all
from loginlake.errors import Retry
from loginlake.settings import Settings
from loginlake.stream import spool_drain
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.embedded import Limits as EmbeddedLimits
from loginlake.stream.kafka import KafkaLog
from loginlake.stream.kafka_client import Limits as KafkaLimits
from loginlake.stream.log import EventLog

TOLD = 3  # the exit code of a stage that says: try again
SESSION_S = 1.5  # whoever was killed is given up soon
_FULL_S = 0.3
_PR_SET_PDEATHSIG = 1


class Trap(NamedTuple):
    """A deed at the nth call of a step: kill or stop this process, fill its disk for a moment, kill another, ask a URL
    (the fault proxy's), or only say that the step was reached.
    """

    step: str
    nth: int
    when: str
    deed: Literal["kill", "stop", "full", "kill other", "ask", "say"]
    pid: int = 0
    url: str = ""
    body: str = ""


def open_log(settings: Settings) -> EventLog:
    """The log, with members that are given up soon."""
    if settings.log_address.startswith("sqlite:"):
        limits = EmbeddedLimits(member_timeout_s=SESSION_S / 3)
        path = Path(settings.log_address.removeprefix("sqlite:"))
        return EmbeddedLog(path, partitions=settings.partitions, limits=limits)
    return KafkaLog.from_url(settings.log_address, limits=KafkaLimits(session_s=SESSION_S, call_s=20.0))


def run_stage(env: Mapping[str, str], stage: str, trap: Trap | None, said: str, group: str) -> None:
    """Run a stage once. The file `said` is made when the trap springs. `group`: another one for the lander."""
    settings = _begin(env)
    trap = trap or Trap("none", 1, "before", "say")
    trigger = Trigger(trap.step, trap.nth, trap.when, _once(trap, Path(said)))
    if group:
        loginlake.bronze.land.GROUP = group
    try:
        run_verb(settings, stage, trigger, open_log)
    except Retry as error:
        logging.getLogger(__name__).warning("%s", error)
        sys.exit(TOLD)


def run_web(env: Mapping[str, str]) -> None:
    """Serve the web until SIGTERM, with a spool that looks often."""
    settings = _begin(env)
    spool_drain._LONGEST_PAUSE_S, spool_drain._LOOK_S = 0.5, 0.2
    run_all.serve(settings, "web", workers=1)


def _begin(env: Mapping[str, str]) -> Settings:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # none outlives the run
    for name in [name for name in os.environ if name.startswith("LOGINLAKE_")]:
        del os.environ[name]
    os.environ.update(env)
    settings = Settings()
    with (settings.data / "processes.txt").open("ab") as out:
        for stream in (1, 2):
            os.dup2(out.fileno(), stream)
    faulthandler.enable()  # a crash says where
    logging.raiseExceptions = False  # a full disk takes no log line either
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(process)d %(name)s %(message)s")
    return settings


def _once(trap: Trap, said: Path) -> Callable[[], None]:
    """The deed, done once. The file tells that it is done; before those after which this process tells nothing."""
    deeds: dict[str, Callable[[], Any]] = {
        "kill": kill,
        "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "full": _fill_the_disk,
        "kill other": lambda: os.kill(trap.pid, signal.SIGKILL),
        "ask": lambda: _ask(trap.url, json.loads(trap.body)),
        "say": lambda: None,
    }
    steps = (said.touch, deeds[trap.deed]) if trap.deed in {"kill", "stop"} else (deeds[trap.deed], said.touch)
    alone = threading.Lock()

    def deed() -> None:
        with alone:
            if not said.exists():
                for step in steps:
                    step()

    return deed


def _fill_the_disk() -> None:
    """No file of this process grows past its first byte, for a moment: the kernel says EFBIG."""
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, most))
    threading.Timer(_FULL_S, resource.setrlimit, (resource.RLIMIT_FSIZE, (limit, most))).start()


def _ask(url: str, body: object) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
