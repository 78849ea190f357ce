from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fakes.snapshots import NOW, FakeAnswers, day_document

from loginlake.dashboard import figures
from loginlake.dashboard.figures import Window
from loginlake.dashboard.page_simple import RANGES
from loginlake.dashboard.photos import Photos

TODAY = NOW.date()
MADRID = ZoneInfo("Europe/Madrid")
GOOGLE = Photos(("https://*.googleusercontent.com",), "http://localhost:8000")


def by_date(documents: Iterable[figures.Document]) -> dict[date, figures.Document]:
    return {date.fromisoformat(str(document["day"])): document for document in documents}


def days(known: int = 120) -> dict[date, figures.Document]:
    return by_date(FakeAnswers(known).by_day.values())


def test_today_is_compared_with_the_same_full_hours_a_week_ago() -> None:
    found = days()
    totals = figures.totals(found, TODAY, 17)
    assert totals.signins == found[TODAY]["signins"]
    assert totals.same_time.now == sum(found[TODAY]["by_hour"][:17]) < totals.signins
    week_ago = found[TODAY - timedelta(days=7)]
    assert totals.same_time.before == sum(week_ago["by_hour"][:17])
    assert totals.same_time.whole == week_ago["signins"]
    assert totals.people_week_ago == week_ago["people"]


def test_windows_are_beside_the_window_before() -> None:
    found = days()
    totals = figures.totals(found, TODAY, 17)
    assert totals.week == Window(found[TODAY]["people_7"], found[TODAY - timedelta(days=7)]["people_7"], TODAY)
    assert totals.month.before == found[TODAY - timedelta(days=30)]["people_30"]


def test_a_day_without_a_document_has_no_figures_and_the_windows_say_their_day() -> None:
    found = days()
    del found[TODAY]
    totals = figures.totals(found, TODAY, 3)
    assert (totals.signins, totals.people, totals.refusals, totals.rejected) == (0, 0, 0, 0)
    yesterday = TODAY - timedelta(days=1)
    assert totals.week.at == yesterday
    assert totals.week.people == found[yesterday]["people_7"]


def test_an_empty_gold_has_zeros() -> None:
    totals = figures.totals({}, TODAY, 0)
    assert (totals.signins, totals.week, totals.month) == (0, Window(0, None, None), Window(0, None, None))
    assert totals.trend_signins == (0,) * 14


def test_a_future_day_is_not_today() -> None:
    found = days()
    tomorrow = TODAY + timedelta(days=1)
    found[tomorrow] = day_document(tomorrow, 999)
    assert figures.totals(found, TODAY, 17).week.at == TODAY


@pytest.mark.parametrize(
    ("complete", "hours"),
    [
        (None, 0),
        (datetime(2026, 11, 23, 23, 59, tzinfo=UTC), 0),
        (datetime(2026, 11, 24, 0, 59, 59, tzinfo=UTC), 0),
        (datetime(2026, 11, 24, 17, 0, tzinfo=UTC), 17),
        (datetime(2026, 11, 26, tzinfo=UTC), 24),
    ],
)
def test_full_hours(complete: datetime | None, hours: int) -> None:
    assert figures.full_hours(complete, TODAY) == hours


@pytest.mark.parametrize("shown", RANGES)
def test_a_range_has_a_point_a_day_and_adds_up(shown: int) -> None:
    found = days()
    points = figures.daily(found, TODAY, shown)
    assert [point.day for point in points] == [TODAY - timedelta(days=back) for back in range(shown - 1, -1, -1)]
    hours = figures.hourly(found, TODAY, shown, MADRID)
    assert sum(hour.signins for hour in hours) == sum(point.signins for point in points)
    first, last = figures.reach(TODAY, shown)
    assert first <= min(points[0].day, TODAY - timedelta(days=30))
    assert last == TODAY


def test_hours_are_of_the_zone_with_its_summer_time() -> None:
    documents = [
        {"day": day, "by_hour": [0] * 22 + [5, 0], "signins": 5, "people": 5} for day in ("2026-10-24", "2026-10-25")
    ]
    hours = figures.hourly(by_date(documents), date(2026, 10, 25), 7, MADRID)
    assert {hour.hour: hour.signins for hour in hours if hour.signins} == {0: 5, 23: 5}


def test_the_latest_are_taken_as_they_come() -> None:
    answers = FakeAnswers(picture="http://localhost:8000/static/people/")
    items = figures.latest(answers.recent(), GOOGLE, 10)
    assert len(items) == 10
    assert [item.time for item in items] == sorted((item.time for item in items), reverse=True)
    assert items[0].application == "app.example"
    assert [item.picture for item in items[3:6]] == [None, None, None]
    sparse = figures.latest([{"time": "2026-11-24T10:00:00Z", "source": "urn:app"}], GOOGLE, 10)[0]
    assert (sparse.username, sparse.email, sparse.picture, sparse.application, sparse.agent) == (
        "",
        "",
        None,
        "urn:app",
        "",
    )


def test_reasons_beyond_the_shown_are_counted_together() -> None:
    pipeline = {
        **FakeAnswers().pipeline(),
        "rejected_by_reason": [
            {"name": "a", "count": 5},
            {"name": "*", "count": 4},
            {"name": "b", "count": 3},
            {"name": "c", "count": 2},
        ],
    }
    assert figures.path(pipeline, 2).reasons == (("a", 5), ("b", 3), ("*", 6))
    assert figures.path(FakeAnswers(0).pipeline(), 2) == figures.Path(0, 0, 0, 0, 0, (), None)


def test_gold_of_an_older_version_does_not_say_how_many_repeats() -> None:
    pipeline = FakeAnswers().pipeline()
    assert figures.path(pipeline, 2).repeated == pipeline.pop("repeated") > 0
    assert figures.path(pipeline, 2).repeated is None
