"""One stage in a process of its own that kills itself with -9 at a chosen moment.

STEP is where: fetch, put, commit, rejected, repeated, silver, receipt, rows, pointer. NTH counts its calls from 1.
WHEN is before, during or after it. With STEP "none" the stage runs undisturbed.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from loginlake import verbs, wiring
from loginlake.settings import Settings
from loginlake.stream.embedded import EmbeddedLog, Limits
from loginlake.stream.log import EventLog

SECRET = SecretStr("a secret of the drill, the same for every lake in it")
STEP_OF_FOLDER = {
    "bronze": "put",
    "rejected": "rejected",
    "repeated": "repeated",
    "silver": "silver",
    "receipts": "receipt",
}
STAGE_OF_STEP = {
    "fetch": "land",
    "put": "land",
    "commit": "land",
    "rejected": "clean",
    "repeated": "clean",
    "silver": "clean",
    "receipt": "clean",
    "rows": "publish",
    "pointer": "publish",
}


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Trigger:
    """Does a deed at the NTH call of a step: kills this process, if nothing else is said."""

    def __init__(self, step: str, nth: int, when: str, deed: Callable[[], object] = kill) -> None:
        self.step, self.left, self.when, self.deed = step, nth, when, deed

    def around(self, step: str, call: Callable[[], Any]) -> Any:
        if step != self.step:
            return call()
        self.left -= 1
        if self.left:
            return call()
        if self.when == "before":
            self.deed()
        if self.when == "during":
            threading.Timer(0.0003, self.deed).start()
        result = call()
        if self.when != "before":
            self.deed()
        return result


class Proxy:
    """A port whose calls pass the trigger; `step_of` names the step of a call, or "" for none."""

    def __init__(self, target: Any, trigger: Trigger, step_of: Callable[[str, tuple[Any, ...]], str]) -> None:
        self._target, self._trigger, self._step_of = target, trigger, step_of

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            result = self._trigger.around(self._step_of(name, args), lambda: found(*args, **kwargs))
            return Proxy(result, self._trigger, self._step_of) if name == "subscribe" else result

        return call


def log_step(name: str, args: tuple[Any, ...]) -> str:
    return {"poll": "fetch", "commit": "commit"}.get(name, "")


def store_step(name: str, args: tuple[Any, ...]) -> str:
    return STEP_OF_FOLDER.get(str(args[0]).split("/")[0], "") if name in {"create", "replace", "put"} else ""


def gold_step(name: str, args: tuple[Any, ...]) -> str:
    return {"replace": "rows", "replace_newer": "rows", "compare_and_set": "pointer"}.get(name, "")


def guard_stores(trigger: Trigger) -> None:
    """Put the trigger in front of every lake and gold store that this process opens from now on."""
    open_lake, open_gold = wiring.open_lake, wiring.open_gold
    wiring.open_lake = lambda *a, **k: Proxy(open_lake(*a, **k), trigger, store_step)
    wiring.open_gold = lambda *a, **k: Proxy(open_gold(*a, **k), trigger, gold_step)


def run_stage(data: str, stage: str, step: str, nth: int, when: str) -> None:
    """Run land, clean or publish once on the data folder, with the trigger in front of every port."""
    settings = Settings(data=Path(data), secret=SECRET, land_max_records=20, land_max_age_s=3600, log_level="error")
    limits = Limits(member_timeout_s=0.5)  # whoever was killed is given up soon
    log = EmbeddedLog(Path(data) / "log.db", partitions=settings.partitions, limits=limits)
    run_verb(settings, stage, Trigger(step, nth, when), lambda _: log)


def run_verb(settings: Settings, stage: str, trigger: Trigger, open_log: Callable[[Settings], EventLog]) -> None:
    """Run land, clean or publish once by its settings, with the trigger in front of every port."""
    guard_stores(trigger)
    wiring.open_log = lambda told, *_: Proxy(open_log(told), trigger, log_step)
    verb = {"land": verbs.land, "clean": verbs.clean, "publish": verbs.publish}[stage]
    verb(settings, threading.Event(), once=True)
