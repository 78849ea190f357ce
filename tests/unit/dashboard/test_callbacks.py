from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fakes.sites import PEOPLE
from fakes.snapshots import NOW, FakeAnswers

from loginlake.dashboard.ask import Shown, Sources
from loginlake.dashboard.callbacks import Asked, Refresh, updates
from loginlake.dashboard.pages import PAGES
from loginlake.dashboard.photos import Photos
from loginlake.web.texts import Language


class Watcher:
    """A page that asks again and again, as the browser does."""

    def __init__(self, answers: FakeAnswers, path: str = "/dashboard/", who: str = "viewer") -> None:
        self.answers, self.path, self.search = answers, path, ""
        self.language: Language = "es"
        self.viewer = PEOPLE[who]
        self.now: datetime = answers.now
        self.known: dict[str, Any] = {}
        self.page: dict[str, Any] = {}

    def ask(self) -> set[str]:
        """One refresh; the names of the parts that came."""
        sources = Sources(self.answers.open, self.answers, self.answers)
        shown = Shown(ZoneInfo("Europe/Madrid"), Photos(()), 120)
        refresh = Refresh("/dashboard/", sources, shown, lambda: self.now)
        self.answers.reads.clear()
        news = updates(refresh, Asked(self.path, self.search, self.language, self.viewer), self.known)
        self.known = news.stamp
        self.page.update(news.parts)
        return set(news.parts)


WHOLE = {"clock", "page", "view", "title", "nav"}


@pytest.mark.parametrize("name", PAGES)
def test_the_first_answer_brings_the_whole_page(name: str) -> None:
    watcher = Watcher(FakeAnswers(), f"/dashboard/{name}")
    watcher.search = "?id=google%7C0" if name == "person" else ""
    assert watcher.ask() == WHOLE
    assert watcher.page["page"] == {"className": "page is-ready"}
    assert "Completo hasta las 18:42" in str(watcher.page["clock"])
    assert "hora de Madrid" in str(watcher.page["clock"])
    assert len(str(watcher.page["view"])) > 500


@pytest.mark.parametrize("name", [name for name in PAGES if name != "pipeline"])
def test_an_unchanged_generation_reads_the_pointer_alone_and_changes_nothing(name: str) -> None:
    watcher = Watcher(FakeAnswers(), f"/dashboard/{name}")
    watcher.ask()
    watcher.now += timedelta(seconds=3)
    assert watcher.ask() == set()
    assert watcher.answers.reads == ["open"]


def test_a_new_minute_moves_the_clock_alone() -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.now += timedelta(minutes=1)
    watcher.answers.complete = watcher.now.isoformat()
    assert watcher.ask() == {"clock"}
    assert watcher.answers.reads == ["open"]


def test_a_new_generation_sends_the_parts_that_differ() -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.answers.generation += 1
    watcher.answers.items = watcher.answers.items[1:]
    assert watcher.ask() == {"latest"}


@pytest.mark.parametrize(("shown", "labels", "days"), [(7, 7, 1), (30, 5, 7), (90, 7, 14)])
def test_today_is_named_below_the_chart_and_equal_steps_before_it(shown: int, labels: int, days: int) -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.search = "?range=13"
    watcher.ask()
    watcher.search = f"?range={shown}"
    watcher.ask()
    chart = watcher.page.get("daily-chart")
    if shown == 30:
        assert chart is None  # it is the usual one: nothing changed
        return
    assert chart is not None
    names = [point["day"] for point in chart["data"]]
    assert len(names) == shown
    assert chart["xAxisProps"]["ticks"] == [names[-1 - days * back] for back in reversed(range(labels))]


def test_another_range_sends_the_charts_and_not_the_page() -> None:
    watcher = Watcher(FakeAnswers(), "/dashboard/overview")
    watcher.ask()
    watcher.search = "?range=7"
    parts = watcher.ask()
    assert {"signins-chart", "range", "sums", "heat"} <= parts
    assert "view" not in parts
    assert len(watcher.page["signins-chart"]["data"]) == 7


def test_an_application_and_no_comparison_are_another_page() -> None:
    watcher = Watcher(FakeAnswers(), "/dashboard/overview")
    watcher.ask()
    watcher.search = "?app=0123456789ab&compare=none"
    assert "view" in watcher.ask()
    assert "lifecycle-chart" not in watcher.known["parts"]


def test_behind_is_said_and_how_far() -> None:
    answers = FakeAnswers()
    answers.complete = (NOW - timedelta(hours=3, minutes=5)).isoformat()
    watcher = Watcher(answers)
    watcher.ask()
    assert "state-stale" in str(watcher.page["clock"])
    assert "Atrasado: los datos llegan hasta hace 3 h" in str(watcher.page["clock"])


def test_an_empty_gold_has_its_own_page() -> None:
    watcher = Watcher(FakeAnswers(0))
    watcher.ask()
    assert watcher.page["page"] == {"className": "page is-empty"}
    assert "Todavía no hay nada completo" in str(watcher.page["clock"])
    watcher.answers.__init__(3)  # type: ignore[misc]
    watcher.ask()
    assert watcher.page["page"] == {"className": "page is-ready"}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_bears_an_empty_gold(name: str) -> None:
    watcher = Watcher(FakeAnswers(0), f"/dashboard/{name}")
    assert watcher.ask() == WHOLE


def test_gold_down_from_the_start_and_back() -> None:
    watcher = Watcher(FakeAnswers())
    watcher.answers.fail_next(2)
    assert watcher.ask() == {"clock", "page"}
    assert watcher.page["page"] == {"className": "page is-error"}
    assert watcher.ask() == set()
    assert watcher.ask() == WHOLE
    assert watcher.page["page"] == {"className": "page is-ready"}


def test_gold_down_later_keeps_what_was_seen(caplog: pytest.LogCaptureFixture) -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.answers.fail_next(1)
    assert watcher.ask() == {"clock", "page"}
    assert watcher.page["page"] == {"className": "page is-error has-data"}
    assert "gold cannot be read" in caplog.text
    assert watcher.ask() == {"clock", "page"}
    assert watcher.page["page"] == {"className": "page is-ready"}


def test_another_language_is_another_page() -> None:
    watcher = Watcher(FakeAnswers())
    watcher.ask()
    watcher.language = "en"
    assert {"clock", "view", "title"} <= watcher.ask()
    assert "Complete until 18:42" in str(watcher.page["clock"])


def test_addresses_are_masked_for_a_viewer_and_whole_for_an_admin() -> None:
    for name in ("", "people", "person"):
        for who, whole in (("viewer", False), ("admin", True)):
            watcher = Watcher(FakeAnswers(), f"/dashboard/{name}", who)
            watcher.search = "?id=google%7C0" if name == "person" else ""
            watcher.ask()
            assert ("0@example.com" in str(watcher.page["view"])) == whole, (name, who)
