"""`status --watch`: redrawn on a terminal, plain elsewhere, until told to stop; an outage does not end it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.command_line import CommandLine

from loginlake import cli, verbs
from loginlake.errors import Unavailable
from loginlake.watch import watch

NOW = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shows(stop: threading.Event, *screens: str | Exception) -> Callable[[], str]:
    left = list(screens)

    def show() -> str:
        screen = left.pop(0)
        if not left:
            stop.set()
        if isinstance(screen, Exception):
            raise screen
        return screen

    return show


def test_plain_text_elsewhere_and_an_outage_in_between() -> None:
    stop, out = threading.Event(), io.StringIO()
    show = shows(stop, "one", Unavailable("The lake does not answer."), "two")
    watch(show, stop, out, every_s=0.0, now=lambda: NOW)
    assert out.getvalue() == (
        "2026-11-24 20:30:00 UTC\none\n\n"
        "2026-11-24 20:30:00 UTC\nloginlake: The lake does not answer.\n\n"
        "2026-11-24 20:30:00 UTC\ntwo\n\n"
    )


def test_a_terminal_is_redrawn() -> None:
    stop, out = threading.Event(), Terminal()
    watch(shows(stop, "one", "two"), stop, out, every_s=0.0, now=lambda: NOW)
    assert out.getvalue().count("\x1b[H\x1b[J2026-11-24 20:30:00 UTC\n\n") == 2


def test_the_command_watches_until_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line, stop = CommandLine(tmp_path / "data"), threading.Event()
    line.send(b"{}")
    line.pass_through()
    monkeypatch.setattr(cli, "_stop_on_signals", lambda: stop)
    table = verbs.account_table

    def last(*arguments: object) -> str:
        stop.set()
        return table(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(verbs, "account_table", last)
    shown = line("status", "--watch")
    assert shown.startswith("20")
    assert "Everything is accounted for." in shown
    assert "\x1b" not in shown
