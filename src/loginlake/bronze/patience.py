"""Waiting for a system that does not answer: the same call again, with growing pauses, visibly, until told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from loginlake.errors import Retry, Stopped

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class Patience:
    """Calls again what raises Retry. Every other error passes through."""

    def __init__(self, stop: threading.Event, *, first_s: float = 0.2, longest_s: float = 30.0) -> None:
        """`stop` ends every wait at once."""
        self._stop = stop
        self._first = first_s
        self._longest = longest_s

    def __call__(self, what: str, action: Callable[[], Result]) -> Result:
        """The action's result, however often it takes; Stopped when told to stop after a failure."""
        failures = 0
        while True:
            try:
                return action()
            except Retry as error:
                failures += 1
                self.wait(what, error, failures)

    def wait(self, what: str, error: Retry, failures: int) -> None:
        """The pause after this many failures in a row, longer each time; Stopped when told to stop."""
        pause = min(self._longest, self._first * 2.0 ** min(failures - 1, 16))
        logger.warning("%s: %s Trying again in %.1f s.", what, error, pause, extra={"failures": failures})
        if self._stop.wait(pause):
            raise Stopped(what) from error
