"""What a chart must not say: a dip for a day that is not over, a zero for a day that nobody counted."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fakes.snapshots import NOW, FakeAnswers

from loginlake.dashboard.ask import Ask, Known, Shown, Sources, known
from loginlake.dashboard.charts import lines
from loginlake.dashboard.pages import PAGES
from loginlake.dashboard.parts import Parts
from loginlake.dashboard.photos import Photos
from loginlake.dashboard.wish import parse

TODAY = NOW.date()
SHOWN = Shown(ZoneInfo("Europe/Madrid"), Photos(()), 120)


def asked(page: str, query: str = "") -> Ask:
    return Ask(parse(page, query, TODAY), "es", NOW, SHOWN)


def drawn(page: str, query: str, answers: FakeAnswers) -> dict[str, Any]:
    parts = Parts(page)
    PAGES[page].draw(parts, answers, Sources(answers.open, answers, answers), asked(page, query))
    return parts.found


def days(count: int) -> list[date]:
    return [TODAY - timedelta(days=back) for back in range(count - 1, -1, -1)]


def test_the_day_that_is_not_over_is_drawn_apart_and_from_the_day_before() -> None:
    found = lines(days(3), {"signins": "S"}, {"signins": [5, 7, 2]}, Known(date(2026, 1, 1), TODAY), asked(""))
    assert [point["signins"] for point in found.points] == [5, 7, None]
    assert [point.get("signins_so_far") for point in found.points] == [None, 7, 2]
    assert [point.get("open", False) for point in found.points] == [False, False, True]
    assert [one["name"] for one in found.series] == ["signins", "signins_so_far"]
    assert len({one["strokeDasharray"] for one in found.series}) == 2


def test_days_that_gold_does_not_know_are_gaps_on_both_sides() -> None:
    half_a_day_old = Known(TODAY - timedelta(days=3), TODAY - timedelta(days=1))
    found = lines(days(5), {"signins": "S"}, {"signins": [0, 4, 5, 1, 0]}, half_a_day_old, asked(""))
    assert [point["signins"] for point in found.points] == [None, 4, 5, None, None]
    assert [point.get("signins_so_far") for point in found.points] == [None, None, 5, 1, None]


def test_a_gold_that_never_was_complete_draws_what_it_has() -> None:
    answers = FakeAnswers()
    answers.complete = None
    assert known(answers).open is None
    found = lines(days(2), {"signins": "S"}, {"signins": [5, 7]}, known(answers), asked(""))
    assert [point["signins"] for point in found.points] == [5, 7]


@pytest.mark.parametrize(("query", "weeks"), [("?range=7", 1), ("?range=30", 5), ("?range=90", 13)])
def test_a_period_is_compared_with_the_same_weekdays_and_never_with_days_that_gold_lacks(
    query: str, weeks: int
) -> None:
    answers = FakeAnswers(days_known=120)
    points = drawn("overview", query, answers)["signins-chart"]["data"]
    shown = days(len(points))
    earlier = [shown_day - timedelta(weeks=weeks) for shown_day in shown]
    assert [day.weekday() for day in earlier] == [day.weekday() for day in shown]
    wanted = [answers.by_day[day]["signins"] if day in answers.by_day else None for day in earlier]
    assert [point["before"] for point in points] == wanted


def test_a_change_is_of_days_that_are_over_on_both_sides() -> None:
    answers = FakeAnswers(days_known=120)
    now = sum(answers.by_day[day]["signins"] for day in days(7)[:-1])
    before = sum(answers.by_day[day - timedelta(weeks=1)]["signins"] for day in days(7)[:-1])
    sums = drawn("overview", "?range=7", answers)["sums"]["data-drawn"]
    sign = "+" if now > before else "−"
    assert f"Sin hoy, antes {before} ({sign}{abs(round(100 * (now - before) / before))}\u00a0%)" in sums
    nothing = drawn("overview", "?range=90", answers)["sums"]["data-drawn"]
    assert "Sin datos con que comparar" in nothing


def test_who_fell_asleep_is_below_the_line_and_positive_in_the_table() -> None:
    found = drawn("overview", "?range=30", FakeAnswers())
    points = found["lifecycle-chart"]["data"]
    assert all(point["dormant"] <= 0 <= point["new"] for point in points)
    assert min(point["dormant"] for point in points) < 0
    rows = json.loads(found["lifecycle-table"]["data-drawn"])[4][2][2:]
    assert [-row[-1] for row in rows[::-1]] == [point["dormant"] for point in points]


def test_a_bar_of_nothing_is_not_drawn() -> None:
    counts = drawn("security", "", FakeAnswers())["census-list"]["data-drawn"]
    assert counts.count('"width":"0"') == 2  # 100-199 and 200 or more
    assert '"width":"1%"' not in counts or '"50–99"' in counts
