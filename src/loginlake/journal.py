"""Log lines: for a person (time, level, where, what, and the values as name=value), or a JSON object a line."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
NOISY = ("httpx", "httpcore", "azure", "asyncio", "opentelemetry")


def _values(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _USUAL}


class Formatter(logging.Formatter):
    """The usual line, followed by what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line (and a traceback, where there is one)."""
        values = " ".join(f"{name}={value}" for name, value in _values(record).items())
        line = super().format(record)
        return f"{line} {values}" if values and "\n" not in line else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (RFC 3339), level, logger, message, and each value under its own name.

    Of an exception its class and its places, as `error` and `at`: its words may hold a person's data.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever is in it."""
        shown: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_values(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            frames = traceback.extract_tb(error.__traceback__)
            shown |= {
                "error": type(error).__name__,
                "at": [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames],
            }
        return json.dumps(shown, ensure_ascii=False, default=str)


def start(level: str, form: str = "text") -> None:
    """Send every log line from `level` up to standard error; `form` is text or json."""
    handler = logging.StreamHandler()
    text = Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
