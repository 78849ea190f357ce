"""What of running everything needs no process: the port, and the bound of stopping."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from loginlake import run_all
from loginlake.errors import Misconfigured
from loginlake.settings import Settings


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        probe.listen()
        yield port_of(probe)


def test_a_taken_port_is_misconfigured_with_what_why_and_next(taken: int) -> None:
    with pytest.raises(Misconfigured) as caught:
        run_all._listen(Settings(port=taken))
    assert caught.value.what == f"Port {taken} of 127.0.0.1 can't be listened on."
    assert caught.value.why == "Address already in use."
    assert f"PORT={taken + 1}" in caught.value.next_move


def test_an_address_that_is_not_this_machines_is_misconfigured() -> None:
    with pytest.raises(Misconfigured, match="can't be listened on"):
        run_all._listen(Settings(host="203.0.113.9"))


def test_a_port_is_taken_from_the_moment_it_is_asked_for() -> None:
    any_free_one = Settings().model_copy(update={"port": 0})
    with run_all._listen(any_free_one) as listener, pytest.raises(Misconfigured):
        run_all._listen(Settings(port=port_of(listener)))


def test_a_stage_that_does_not_stop_is_named_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run_all, "_STOP_S", 0.01)
    go = threading.Event()
    threads = [threading.Thread(target=go.wait, name=name, daemon=True) for name in ("land", "clean and publish")]
    for thread in threads:
        thread.start()
    with caplog.at_level(logging.ERROR):
        run_all._join(threads)
    go.set()
    assert [message.split(" did not")[0] for message in caplog.messages] == ["land", "clean and publish"]
