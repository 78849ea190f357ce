"""The embedded stand-in for Airflow: clean, then publish, whenever something landed and at a steady pace besides."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from loginlake.errors import GiveUp, Retry

logger = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 60.0
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
        except Retry as error:
            pause = min(_LONGEST_PAUSE_S, pause * 2)
            logger.warning("trying again in %.0f s: %s", pause, error)
            stop.wait(pause)
            continue
        (wake or stop).wait(pause)


def in_thread(name: str, work: Callable[[], None]) -> threading.Thread:
    """Start a stage in a thread of its own. A stage that gives up says so and ends; the others go on."""

    def guarded() -> None:
        try:
            work()
        except GiveUp as error:
            logger.error("%s stopped: %s", name, error)  # noqa: TRY400 (a named condition, not a fault of ours)

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread
