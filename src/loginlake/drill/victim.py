"""A stage in a process of its own, on a drill's folder: one that is killed with -9, or one on a full disk.

`python -m loginlake.drill.victim killed DATA STAGE OBJECTS_OF NTH before|after`: dies at the nth write of the stage.
`python -m loginlake.drill.victim full DATA STAGE OBJECTS_OF`: files cannot grow until the stage was refused; prints how
often it was.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from loginlake import wiring
from loginlake.drill.ground import PATIENCE_S, embedded_log, lander, settings_in
from loginlake.drill.switch import WRITES
from loginlake.errors import LoginlakeError, Retry
from loginlake.event import HEADERS
from loginlake.gold.store import GoldStore
from loginlake.lake.store import ObjectStore

_FULL_BYTES = 512  # a bronze object of a few lines is larger
_REFUSALS = 2


class _Mortal:
    """A port whose nth write ends this process with -9, before or after it is done."""

    def __init__(self, port: Any, nth: int, when: str) -> None:
        self._port, self._left, self._when = port, nth, when
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in WRITES:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self._left -= 1
                dies = self._left == 0
            if dies and self._when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = found(*args, **kwargs)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call


def work(data: Path, stage: str, objects_of: int, before: Callable[[Any], Any] = lambda port: port) -> None:
    """One run of a stage; `before` is put before the port that it writes to."""
    settings = settings_in(data)
    store = wiring.open_lake(settings)
    if stage == "land":
        with closing(embedded_log(data)) as log:
            lander(log, cast("ObjectStore", before(store)), objects_of).run(threading.Event(), once=True)
    elif stage == "clean":
        wiring.clean_step(settings, cast("ObjectStore", before(store))).run()
    else:
        with closing(wiring.open_gold(settings)) as gold:
            wiring.publish_step(store, cast("GoldStore", before(gold))).run()


class _Disk:
    """Full, until somebody was refused often enough."""

    def __init__(self) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self._hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        self.refused = 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (_FULL_BYTES, self._hard))

    def refuse(self) -> None:
        """Somebody was refused."""
        self.refused += 1
        if self.refused >= _REFUSALS:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._hard, self._hard))


class _Listener(logging.Handler):
    """Hears that the lander waits: it says so in the journal, and raises nothing."""

    def __init__(self, disk: _Disk) -> None:
        super().__init__(logging.WARNING)
        self._disk = disk

    def emit(self, record: logging.LogRecord) -> None:
        del record
        self._disk.refuse()


def _send(data: Path, lines: list[bytes], disk: _Disk) -> None:
    """Send each line until it is accepted, as the page does that was answered 503."""
    with closing(embedded_log(data)) as log:
        while lines:
            sent = [(line, log.send(None, line, HEADERS)) for line in lines]
            lines = [line for line, future in sent if future.exception(PATIENCE_S) is not None]
            if lines:
                disk.refuse()


def _full(data: Path, stage: str, objects_of: int) -> int:
    lines = sys.stdin.buffer.read().splitlines()
    disk = _Disk()
    if stage == "send":
        _send(data, lines, disk)
        return disk.refused
    logging.getLogger("loginlake.bronze.patience").addHandler(_Listener(disk))
    while True:
        try:
            work(data, stage, objects_of)
        except Retry:
            disk.refuse()
        else:
            return disk.refused


def main() -> int:
    """What the module says."""
    how, data, stage, objects_of, *rest = sys.argv[1:]
    try:
        if how == "full":
            sys.stdout.write(f"{_full(Path(data), stage, int(objects_of))}\n")
        else:
            work(Path(data), stage, int(objects_of), lambda port: _Mortal(port, int(rest[0]), rest[1]))
    except LoginlakeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
