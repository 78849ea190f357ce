from __future__ import annotations

import polars as pl
from fakes.silver_objects import signin

from loginlake.gold.answers import RECENT, SIGNINS, Tally, latest, named
from loginlake.gold.months import MOST_NAMES
from loginlake.gold.totals import pipeline_document, read


def test_names_are_added_up_and_ordered_by_count_then_name() -> None:
    assert named([("b", 1), ("a", 1), ("", 5), ("b", 1), ("gone", 0)]) == [
        {"name": "", "count": 5},
        {"name": "b", "count": 2},
        {"name": "a", "count": 1},
    ]


def test_the_smallest_of_too_many_names_are_counted_together() -> None:
    shown = named((f"n{number:04d}", 1 + (number == 700)) for number in range(MOST_NAMES + 300))
    assert len(shown) == MOST_NAMES + 1
    assert shown[0] == {"name": "n0700", "count": 2}
    assert shown[-1] == {"name": "*", "count": 300}
    assert sum(item["count"] for item in shown) == MOST_NAMES + 301


def test_recent_keeps_the_latest_however_they_come() -> None:
    rows = [signin("u", f"2026-11-{1 + n // 24:02d}T{n % 24:02d}:00", id=f"{n:03d}") for n in range(250)]
    frames = [
        pl.DataFrame(rows[start : start + 50], schema_overrides=SIGNINS).select(*SIGNINS) for start in range(0, 250, 50)
    ]
    kept = latest(frames)
    assert kept["id"].to_list() == [f"{n:03d}" for n in range(150, 250)]
    assert kept.height == RECENT


def test_a_tally_of_nothing_is_empty() -> None:
    assert Tally().empty
    assert pipeline_document(read(None))["first_day"] is None
