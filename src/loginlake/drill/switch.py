"""A port with a switch before it: up, it is the port; down, every call of it is Unavailable."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from loginlake.errors import Unavailable

_Port = TypeVar("_Port")


class Switch:
    """Thread-safe. `refused` counts the calls that found it down."""

    def __init__(self, what: str) -> None:
        """Up, to begin with. `what` is the system, in the words of the timeline."""
        self.what = what
        self.refused = 0
        self._down_at: int | None = None
        self._calls = 0
        self._changed = threading.Condition()

    def down(self, after: int = 0) -> None:
        """Go down once so many more writes have been done."""
        with self._changed:
            self._down_at = self._calls + after

    def up(self) -> None:
        """Be there again."""
        with self._changed:
            self._down_at = None

    def wait_for_refusals(self, number: int, timeout_s: float) -> bool:
        """Wait until so many calls were refused since the beginning; False when they were not, in that time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.refused >= number, timeout_s)

    def check(self, *, writes: bool) -> None:
        """Pass, or raise Unavailable. A write counts."""
        with self._changed:
            if self._down_at is None or self._calls < self._down_at:
                self._calls += writes
                return
            self.refused += 1
            self._changed.notify_all()
        raise Unavailable(f"The {self.what} does not answer.", "It was switched off for this drill.", "It comes back.")


WRITES = {"create", "replace", "put", "delete", "replace_newer", "compare_and_set", "send", "commit"}


class _Switched:
    """What stands before the port. Its `send` fails as a log's does: by its future."""

    def __init__(self, port: Any, switch: Switch) -> None:
        self._port, self._switch = port, switch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                self._switch.check(writes=name in WRITES)
            except Unavailable as error:
                if name != "send":
                    raise
                failed: Future[Any] = Future()
                failed.set_exception(error)
                return failed
            return found(*args, **kwargs)

        return found if name in {"close", "lock"} else call


def switched(port: _Port, switch: Switch) -> _Port:
    """The port, behind the switch."""
    return cast("_Port", _Switched(port, switch))
