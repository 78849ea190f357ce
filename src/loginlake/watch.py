"""The same screen again and again, until told to stop: redrawn on a terminal, one after the other elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import TextIO

from loginlake.errors import Retry

_HOME_AND_CLEAR = "\x1b[H\x1b[J"


def watch(
    show: Callable[[], str], stop: threading.Event, out: TextIO, *, every_s: float, now: Callable[[], datetime]
) -> None:
    """Show it at once and then every `every_s` seconds. A system that does not answer is said, and asked again."""
    redraws = out.isatty()
    while not stop.is_set():
        try:
            text = show()
        except Retry as error:
            text = f"loginlake: {error}"
        moment = now().strftime("%Y-%m-%d %H:%M:%S UTC")
        out.write(f"{_HOME_AND_CLEAR}{moment}\n\n{text}\n" if redraws else f"{moment}\n{text}\n\n")
        out.flush()
        stop.wait(every_s)
