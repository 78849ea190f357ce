"""The embedded schedule: order, waking, growing pauses, and a stage that gives up."""

from __future__ import annotations

import logging
import threading

import pytest

from loginlake.errors import Conflict, Misconfigured, Retry, Unavailable
from loginlake.schedule import Step, in_thread, run_passes


class FakeEvent(threading.Event):
    """An event whose waits take no time: they are remembered, and the n-th one (from 1) sets `then`."""

    def __init__(self, nth: int = 0, then: threading.Event | None = None) -> None:
        super().__init__()
        self.waits: list[float | None] = []
        self.cleared = 0
        self._nth, self._then = nth, then

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        if len(self.waits) == self._nth:
            (self._then or self).set()
        return self.is_set()

    def clear(self) -> None:
        self.cleared += 1
        super().clear()


def failing(times: int, error: Retry) -> Step[None]:
    left = iter([error] * times)

    def run() -> None:
        for one in left:
            raise one

    return Step("clean", run)


def test_steps_run_in_order_until_stop() -> None:
    stop = threading.Event()
    ran: list[str] = []
    wake = FakeEvent(nth=2, then=stop)
    run_passes(
        [Step("clean", lambda: ran.append("clean")), Step("publish", lambda: ran.append("publish"))],
        stop,
        wake,
        every_s=5,
    )
    assert ran == ["clean", "publish"] * 2
    assert wake.waits == [5, 5]
    assert wake.cleared == 2, "a wake that is never cleared would spin"


def test_a_stop_between_two_steps_is_obeyed() -> None:
    stop = threading.Event()
    ran: list[str] = []
    run_passes(
        [Step("clean", stop.set), Step("publish", lambda: ran.append("publish"))],
        stop,
        threading.Event(),
        every_s=5,
    )
    assert ran == []


def test_without_a_wake_the_stop_ends_the_pause_and_is_never_cleared() -> None:
    stop = FakeEvent(nth=3)
    passes: list[int] = []
    run_passes([Step("clean", lambda: passes.append(1))], stop, every_s=5)
    assert (len(passes), stop.waits, stop.cleared) == (3, [5, 5, 5], 0)


def test_what_landed_during_a_pass_wakes_the_next_at_once() -> None:
    """Events set while a pass runs are not lost: the wait ends at once. A real event, so a lost one would hang."""
    stop, wake = threading.Event(), threading.Event()
    passes: list[int] = []

    def run() -> None:
        passes.append(1)
        wake.set()
        if len(passes) == 3:
            stop.set()

    run_passes([Step("clean", run)], stop, wake, every_s=10_000)
    assert len(passes) == 3


def test_what_may_pass_is_tried_again_with_a_growing_pause_and_said(caplog: pytest.LogCaptureFixture) -> None:
    stop = FakeEvent()
    wake = FakeEvent(nth=1, then=stop)
    with caplog.at_level(logging.WARNING):
        run_passes([failing(7, Unavailable("The lake is away."))], stop, wake, every_s=2)
    assert stop.waits == [4, 8, 16, 32, 60, 60, 60]
    assert wake.waits == [2]
    assert caplog.messages[0] == "trying again in 4 s: The lake is away."
    assert len(caplog.messages) == 7


def test_the_pause_is_short_again_after_a_good_pass() -> None:
    stop = FakeEvent()
    outcomes = iter([Conflict("x"), None, Conflict("x"), None])
    wake = FakeEvent(nth=2, then=stop)

    def run() -> None:
        if error := next(outcomes):
            raise error

    run_passes([Step("clean", run)], stop, wake, every_s=2)
    assert stop.waits == [4, 4]


def test_a_failed_step_keeps_the_next_ones_from_running() -> None:
    stop = FakeEvent(nth=1)
    ran: list[str] = []
    steps = [failing(1, Unavailable("x")), Step("publish", lambda: ran.append("publish"))]
    run_passes(steps, stop, FakeEvent(), every_s=2)
    assert ran == []


def test_what_will_not_pass_is_raised() -> None:
    def run() -> None:
        raise Misconfigured("The secret is wrong.")

    with pytest.raises(Misconfigured):
        run_passes([Step("clean", run)], threading.Event(), threading.Event(), every_s=2)


def test_giving_up_ends_one_stage_only_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    go_on = threading.Event()

    def give_up() -> None:
        raise Misconfigured("The topic is another one.", "It was made anew.")

    def go_on_working() -> None:
        go_on.wait()

    other = in_thread("publish", go_on_working)
    in_thread("land", give_up).join()
    assert caplog.messages == ["land stopped: The topic is another one. It was made anew."]
    assert other.is_alive()
    go_on.set()
    other.join()


def test_a_stage_in_a_thread_never_keeps_the_process() -> None:
    thread = in_thread("land", lambda: None)
    assert (thread.name, thread.daemon) == ("land", True)
    thread.join()
