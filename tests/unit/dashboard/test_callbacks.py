from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dash import no_update
from fakes.snapshots import NOW, FakeAnswers

from loginlake.dashboard.callbacks import OUTPUTS, Refresh, updates
from loginlake.dashboard.photos import Photos
from loginlake.dashboard.texts import Language


class Watcher:
    """A page that asks again and again, as the browser does."""

    def __init__(self, answers: FakeAnswers, language: Language = "es", shown: int = 30) -> None:
        self.answers, self.language, self.shown = answers, language, shown
        self.now: datetime = answers.now
        self.known: dict[str, Any] = {}
        self.page: dict[str, Any] = {}

    def ask(self) -> set[str]:
        """One refresh; the names of what came."""
        refresh = Refresh(self.answers.open, ZoneInfo("Europe/Madrid"), Photos(()), 120, lambda: self.now)
        self.answers.reads.clear()
        found = {
            name: value
            for name, value in updates(refresh, self.shown, self.language, self.known).items()
            if value is not no_update
        }
        self.known = found.get("stamp", self.known)
        self.page.update(found)
        return set(found)


def test_the_first_answer_fills_the_page() -> None:
    watcher = Watcher(FakeAnswers())
    assert watcher.ask() == set(OUTPUTS) - {"beat"}
    assert watcher.page["page"] == "page is-ready"
    assert len(watcher.page["daily_chart"]) == 30
    assert "Completo hasta las 18:42" in str(watcher.page["clock"])
    assert "hora de Madrid" in str(watcher.page["clock"])


def test_an_unchanged_generation_reads_the_pointer_alone_and_changes_nothing() -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.now += timedelta(seconds=3)
    assert watcher.ask() == set()
    assert watcher.answers.reads == ["open"]


def test_a_new_minute_moves_the_clock_alone() -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.now += timedelta(minutes=1)
    watcher.answers.complete = watcher.now.isoformat()
    assert watcher.ask() == {"clock", "stamp"}
    assert watcher.answers.reads == ["open"]


def test_a_new_generation_sends_the_parts_that_differ() -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.answers.generation += 1
    watcher.answers.items = watcher.answers.items[1:]
    assert watcher.ask() == {"latest", "stamp"}


@pytest.mark.parametrize(("shown", "labels", "days"), [(7, 7, 1), (30, 5, 7), (90, 7, 14)])
def test_today_is_named_below_the_chart_and_equal_steps_before_it(shown: int, labels: int, days: int) -> None:
    watcher = Watcher(FakeAnswers(), shown=shown)
    watcher.ask()
    names = [point["day"] for point in watcher.page["daily_chart"]]
    assert watcher.page["daily_axis"]["ticks"] == [names[-1 - days * back] for back in reversed(range(labels))]


def test_another_range_sends_the_charts() -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.shown = 7
    assert "daily_chart" in watcher.ask()
    assert len(watcher.page["daily_chart"]) == 7


def test_behind_is_said_and_how_far() -> None:
    answers = FakeAnswers()
    answers.complete = (NOW - timedelta(hours=3, minutes=5)).isoformat()
    watcher = Watcher(answers)
    watcher.ask()
    assert "state-stale" in str(watcher.page["clock"])
    assert "Atrasado: los datos llegan hasta hace 3 h" in str(watcher.page["clock"])
    answers.complete = (NOW - timedelta(days=1)).isoformat()
    watcher.ask()
    assert "23\xa0nov" in str(watcher.page["clock"]) or "23 nov" in str(watcher.page["clock"]).replace("\\xa0", " ")


def test_an_empty_gold_has_its_own_page() -> None:
    watcher = Watcher(FakeAnswers(0))
    watcher.ask()
    assert watcher.page["page"] == "page is-empty"
    assert "Todavía no hay nada completo" in str(watcher.page["clock"])
    watcher.answers.__init__(3)  # type: ignore[misc]
    watcher.ask()
    assert watcher.page["page"] == "page is-ready"


def test_gold_down_from_the_start_and_back() -> None:
    watcher = Watcher(FakeAnswers())
    watcher.answers.fail_next(2)
    assert watcher.ask() == {"clock", "page", "stamp"}
    assert watcher.page["page"] == "page is-error"
    assert watcher.ask() == set()
    assert watcher.ask() == set(OUTPUTS) - {"beat"}
    assert watcher.page["page"] == "page is-ready"


def test_gold_down_later_keeps_what_was_seen(caplog: pytest.LogCaptureFixture) -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.answers.fail_next(1)
    assert watcher.ask() == {"clock", "page", "stamp"}
    assert watcher.page["page"] == "page is-error has-data"
    assert "gold cannot be read" in caplog.text
    assert watcher.ask() == {"clock", "page", "stamp"}
    assert watcher.page["page"] == "page is-ready"


def test_a_failure_half_way_keeps_nothing_half(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.answers.generation += 1
    answers = watcher.answers

    def fails() -> Any:
        answers.fail_next(1)
        return answers.open()

    with monkeypatch.context() as patched:
        patched.setattr(answers, "recent", fails)
        assert watcher.ask() == {"clock", "page", "stamp"}
    assert watcher.page["page"] == "page is-error has-data"
    watcher.ask()
    assert watcher.page["page"] == "page is-ready"


def test_another_language_changes_every_word() -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.language = "en"
    assert {"clock", "totals", "daily_chart", "latest", "path"} <= watcher.ask()
    assert "Complete until 18:42" in str(watcher.page["clock"])
