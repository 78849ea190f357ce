"""The embedded schedule: order, waking, growing pauses, and a stage that gives up."""

from __future__ import annotations

import logging
import threading

import pytest

from loginlake.errors import Conflict, Corrupt, Misconfigured, Retry, Stopped, Unavailable
from loginlake.schedule import Stages, Step, in_thread, run_passes


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


class Failing:
    """A stage's work: each call ends with the next of these errors, then for good."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = iter(errors)

    def __call__(self) -> None:
        for error in self._errors:
            raise error


def test_a_stage_that_fails_is_said_and_started_again_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    go_on, stop = threading.Event(), FakeEvent()

    def go_on_working() -> None:
        go_on.wait()

    other = in_thread("publish", go_on_working, threading.Event())
    error = Misconfigured("The topic is another one.", "It was made anew.")
    in_thread("land", Failing(*[error] * 7), stop).join()
    assert stop.waits == [2, 4, 8, 16, 32, 60, 60]
    assert caplog.messages[0] == "land stopped: The topic is another one. It was made anew. It starts again in 2 s."
    assert len(caplog.messages) == 7
    assert other.is_alive()
    go_on.set()
    other.join()


def test_a_fault_of_ours_is_said_by_class_and_place_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    stop = FakeEvent()
    in_thread("clean", Failing(KeyError("ana@example.com")), stop).join()
    (said,) = caplog.messages
    assert said.startswith("clean stopped: KeyError at test_schedule.py:")
    assert "fault of loginlake" in said
    assert "ana" not in caplog.text
    assert stop.waits == [2]


def test_a_stop_ends_the_pause_before_a_restart() -> None:
    stop = FakeEvent(nth=1)
    work = Failing(Corrupt("x"), Corrupt("must not be asked again"))
    in_thread("clean", work, stop).join()
    assert stop.waits == [2]


def test_a_stage_that_was_told_to_stop_while_it_waited_ends_quietly(caplog: pytest.LogCaptureFixture) -> None:
    in_thread("clean", Failing(Stopped("x")), FakeEvent()).join()
    run_passes([Step("clean", Failing(Stopped("x")))], threading.Event(), every_s=2)
    assert caplog.messages == []


def test_a_stage_that_is_down_is_named_with_the_class_alone_until_it_has_held_for_a_while() -> None:
    now = [0.0]
    stages = Stages(lambda: now[0])
    stages.begins("land")
    stages.begins("clean")
    assert stages.states() == {"land": "ok", "clean": "ok"}
    stages.fails("land", Misconfigured("ana@example.com"))
    now[0] = 100.0
    assert stages.states() == {"land": "Misconfigured", "clean": "ok"}
    stages.begins("land")
    now[0] = 109.9
    assert stages.states()["land"] == "Misconfigured", "it may fail again at once"
    now[0] = 110.0
    assert stages.states()["land"] == "ok"
    stages.fails("land", KeyError("x"))
    assert stages.states()["land"] == "KeyError"


def test_a_thread_tells_its_stages() -> None:
    stages, seen = Stages(), list[str]()

    def work() -> None:
        seen.append(stages.states()["land"])
        if len(seen) < 3:
            raise Corrupt("x")

    in_thread("land", work, FakeEvent(), stages).join()
    assert seen == ["ok", "Corrupt", "Corrupt"]


def test_a_stage_in_a_thread_never_keeps_the_process() -> None:
    thread = in_thread("land", lambda: None, threading.Event())
    assert (thread.name, thread.daemon) == ("land", True)
    thread.join()
