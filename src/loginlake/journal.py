"""Log lines for a person: time, level, where, what, and the values that go with it as name=value."""

from __future__ import annotations

import logging

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_NOISY = ("httpx", "httpcore", "azure", "asyncio")


class Formatter(logging.Formatter):
    """The usual line, followed by what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line (and a traceback, where there is one)."""
        values = " ".join(f"{name}={value}" for name, value in vars(record).items() if name not in _USUAL)
        line = super().format(record)
        return f"{line} {values}" if values and "\n" not in line else line


def start(level: str) -> None:
    """Send every log line from `level` up to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
