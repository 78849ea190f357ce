"""The embedded stand-in for Airflow: clean, then publish, whenever something landed and at a steady pace besides.

And the stages as threads of one process: one that fails is said, named as down, and started again.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from loginlake.errors import LoginlakeError, Retry, Stopped

logger = logging.getLogger(__name__)
_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 60.0
_SETTLED_S = 10.0
_FRAMES = 3
_Report = TypeVar("_Report")


class Step(NamedTuple, Generic[_Report]):
    """A stage's name and one pass of its work, which ends with a report."""

    name: str
    run: Callable[[], _Report]


def run_passes(
    steps: Sequence[Step[Any]], stop: threading.Event, wake: threading.Event | None = None, *, every_s: float
) -> None:
    """Run the steps in order, again and again until `stop`: at once when `wake` is set, else every `every_s` seconds.
    Whoever sets `stop` sets `wake` too, to be obeyed at once.

    What may pass is tried again with a growing pause, visibly; what will not pass is raised to the caller.
    """
    pause = every_s
    while not stop.is_set():
        if wake is not None:
            wake.clear()
        try:
            for step in steps:
                if stop.is_set():
                    return
                step.run()
            pause = every_s
        except Stopped:
            return
        except Retry as error:
            pause = min(_LONGEST_PAUSE_S, pause * 2)
            logger.warning("trying again in %.0f s: %s", pause, error)
            stop.wait(pause)
            continue
        (wake or stop).wait(pause)


class Stages:
    """The stages of this process, and which of them are down. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is a steady one, in seconds."""
        self._clock = clock
        self._down: dict[str, tuple[str, float | None]] = {}
        self._names: list[str] = []

    def begins(self, name: str) -> None:
        """A stage was started, perhaps again: it is well once it has worked for a while."""
        if name not in self._names:
            self._names.append(name)
        elif name in self._down:
            self._down[name] = (self._down[name][0], self._clock())

    def fails(self, name: str, error: Exception) -> None:
        """A stage ended with an error; only the name of its class is kept."""
        self._down[name] = (type(error).__name__, None)

    def states(self) -> Mapping[str, str]:
        """Each stage: "ok", or the class of the error that keeps it down."""
        return {name: self._state(name) for name in list(self._names)}

    def _state(self, name: str) -> str:
        reason, since = self._down.get(name, ("ok", None))
        return "ok" if since is not None and self._clock() - since >= _SETTLED_S else reason


def in_thread(
    name: str, work: Callable[[], None], stop: threading.Event, stages: Stages | None = None
) -> threading.Thread:
    """Start a stage in a thread of its own, which ends with `stop`. The others go on whatever happens to it."""
    thread = threading.Thread(target=_keep, args=(name, work, stop, stages or Stages()), name=name, daemon=True)
    thread.start()
    return thread


def _keep(name: str, work: Callable[[], None], stop: threading.Event, stages: Stages) -> None:
    """Do the work; after an error again, after a pause that grows while it does not hold."""
    pause = _FIRST_PAUSE_S
    while True:
        began = time.monotonic()
        stages.begins(name)
        try:
            work()
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, a stage must not die in silence
            stages.fails(name, error)
            if time.monotonic() - began > _LONGEST_PAUSE_S:
                pause = _FIRST_PAUSE_S
            logger.error("%s stopped: %s It starts again in %.0f s.", name, _said(error), pause)  # noqa: TRY400
        else:
            return
        if stop.wait(pause):
            return
        pause = min(_LONGEST_PAUSE_S, pause * 2)


def _said(error: Exception) -> str:
    """A named condition in its own words. Of any other the class and the place: its text may hold a person's data."""
    if isinstance(error, LoginlakeError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = ", called at ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}. This is a fault of loginlake: please report it."
