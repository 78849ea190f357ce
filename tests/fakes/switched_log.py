"""A `FakeEventLog` with a switch, for many threads: up, down, or hung until it is told to answer."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from fakes.event_log import FakeEventLog

from loginlake.errors import Unavailable
from loginlake.stream.log import Headers, Position, Record

LONG_S = 30.0


class Switched(FakeEventLog):
    """A log with a switch, thread-safe: "up", "down" (fails), "hung" (done at once, said only when let go)."""

    def __init__(self) -> None:
        super().__init__(2)
        self.state = "up"
        self.lock = threading.Lock()
        self.held: list[tuple[Future[Position], bytes | None, bytes | None, Headers]] = []
        self.appended = threading.Semaphore(0)

    def send(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Future[Position]:
        future: Future[Position] = Future()
        with self.lock:
            if self.state == "hung":
                self.held.append((future, key, value, headers))
                return future
            if self.state == "down":
                self.fail_next("send")
            future = super().send(key, value, headers)
        if future.exception() is None:
            self.appended.release()
        return future

    def turn(self, state: str) -> None:
        with self.lock:
            self.state = state

    def let_go(self, *, fail: bool = False) -> None:
        """Answer what hung, in order: done, or failed."""
        with self.lock:
            held, self.held = self.held, []
        for future, key, value, headers in held:
            if fail:
                future.set_exception(Unavailable("The log did not answer.", "It was told to fail."))
            else:
                with self.lock:
                    position = self._append(key, value, headers)
                future.set_result(position)
                self.appended.release()

    def wait_for(self, records: int) -> None:
        for _ in range(records):
            assert self.appended.acquire(timeout=LONG_S)

    def everything(self) -> list[Record]:
        with self.lock:
            return [record for rows in self.records for record in rows if record is not None]

    def of(self, key: bytes) -> list[bytes | None]:
        return [record.value for record in self.everything() if record.key == key]
