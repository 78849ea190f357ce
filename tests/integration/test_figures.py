"""Every figure of every page, recomputed from silver by the standard library alone: nothing of gold's is used."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fakes.command_line import CommandLine

from loginlake.dashboard.ask import Ask, Shown, Sources, series
from loginlake.dashboard.pages import PAGES
from loginlake.dashboard.parts import Parts
from loginlake.dashboard.photos import Photos
from loginlake.dashboard.wish import parse
from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.read import Snapshot
from loginlake.path import People

MADRID = ZoneInfo("Europe/Madrid")
Row = dict[str, Any]


class Silver:
    """The clean rows of a data folder, read by gzip and json."""

    def __init__(self, data: Path) -> None:
        self.signins = list(_rows(data / "lake/silver/signins"))
        self.refusals = list(_rows(data / "lake/silver/refusals"))
        self.active: dict[date, set[str]] = {}
        for row in self.signins:
            self.active.setdefault(_day(row), set()).add(f"{row['provider']}|{row['user_id']}")
        self.last = max(self.active)

    def people(self, last: date, days: int) -> int:
        return len(set().union(*(self.active.get(last - timedelta(days=back), set()) for back in range(days))))


def _rows(folder: Path) -> Iterator[Row]:
    for path in sorted(folder.rglob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as text:
            yield from map(json.loads, text)


def _day(row: Row) -> date:
    return date.fromisoformat(row["time"][:10])


def _check(data: Path) -> None:
    silver, gold = Silver(data), EmbeddedGold(data / "gold.db")
    snapshot, end = Snapshot.open(gold), Silver(data).last
    now = datetime(end.year, end.month, end.day, 23, 30, tzinfo=UTC)
    shown = Shown(MADRID, Photos(()), 120)

    def parts(page: str, query: str) -> dict[str, Any]:
        found = Parts(page)
        ask = Ask(parse(page, query, end), "en", now, shown, admin=True)
        PAGES[page].draw(found, snapshot, Sources(lambda: snapshot, People(gold), None), ask)  # type: ignore[arg-type]
        return found.found

    for days in (7, 30, 90):
        _overview(silver, parts("overview", f"?range={days}"), days)
    found = series(snapshot, end - timedelta(days=89), end)
    chosen = [row for row in silver.signins if _day(row) in set(found.days)]
    for field, value in {
        "by_source": lambda row: row["source"],
        "by_method": lambda row: row["method"] or "",
        "by_domain": lambda row: row["email"].rsplit("@", 1)[1].lower(),
    }.items():
        assert found.names(field) == Counter(map(value, chosen))
    refused = [row for row in silver.refusals if _day(row) in set(found.days)]
    assert found.names("refused_by_reason") == Counter(row["reason"] for row in refused)
    heat = [[0] * 24 for _ in range(7)]
    for row in chosen:
        hour = datetime.fromisoformat(row["time"]).replace(minute=0, second=0, microsecond=0).astimezone(MADRID)
        heat[hour.weekday()][hour.hour] += 1
    assert found.heat(MADRID) == heat
    _retention(silver, snapshot.cohorts())
    _census(silver, snapshot.census())
    _list(silver, parts("people", "?order=signins"))
    gold.close()


def _overview(silver: Silver, parts: dict[str, Any], days: int) -> None:
    shown = [silver.last - timedelta(days=back) for back in range(days - 1, -1, -1)]
    signins = Counter(map(_day, silver.signins))
    chart = parts["signins-chart"]["data"]
    assert [point["signins"] for point in chart] == [signins[day] for day in shown]
    assert [point["before"] for point in chart] == [signins[day - timedelta(days=days)] for day in shown]
    lines = parts["active-chart"]["data"]
    assert [(p["people"], p["people_7"], p["people_30"]) for p in lines] == [
        (len(silver.active.get(day, ())), silver.people(day, 7), silver.people(day, 30)) for day in shown
    ]
    life = parts["lifecycle-chart"]["data"]
    for day, point in zip(shown, life, strict=True):
        today = silver.active.get(day, set())
        earlier = set().union(*(people for other, people in silver.active.items() if other < day))
        month = set().union(*(silver.active.get(day - timedelta(days=back), set()) for back in range(1, 31)))
        gone = silver.active.get(day - timedelta(days=30), set()) - set().union(
            *(silver.active.get(day - timedelta(days=back), set()) for back in range(30))
        )
        wanted = (len(today - earlier), len(today & month), len((today & earlier) - month), len(gone))
        assert (point["new"], point["returning"], point["resurrected"], point["dormant"]) == wanted


def _retention(silver: Silver, row: Row) -> None:
    def monday(day: date) -> str:
        return (day - timedelta(days=day.weekday())).isoformat()

    weeks: dict[str, set[str]] = {}
    first: dict[str, str] = {}
    for day, people in sorted(silver.active.items()):
        weeks.setdefault(monday(day), set()).update(people)
        for person in people:
            first.setdefault(person, monday(day))
    wanted = {week: dict(Counter(first[one] for one in weeks[week])) for week in sorted(weeks)[:-1]}
    assert {week: dict(line) for week, _, line in row["weeks"]} == wanted


def _census(silver: Silver, row: Row) -> None:
    signins = Counter(f"{one['provider']}|{one['user_id']}" for one in silver.signins)
    edges = [least for least, _ in row["by_signins"]]
    counted = Counter(max(edge for edge in edges if edge <= number) for number in signins.values())
    assert row["people"] == len(signins)
    assert row["by_signins"] == [[edge, counted[edge]] for edge in edges]
    assert row["silent"] == [[days, len(signins) - silver.people(silver.last, days)] for days in (30, 60, 90)]


def _list(silver: Silver, parts: dict[str, Any]) -> None:
    signins = Counter(f"{one['provider']}|{one['user_id']}" for one in silver.signins)
    top = sorted(((number, key) for key, number in signins.items()), reverse=True)[:50]
    names = {f"{one['provider']}|{one['user_id']}": one["username"] for one in silver.signins}
    drawn = parts["people-list"]["data-drawn"]
    places = [drawn.index(f'"title":{json.dumps(names[key], ensure_ascii=False)}') for _, key in top[:3]]
    assert all(place > 0 for place in places)


def _demo(data: Path, people: int, days: int) -> Path:
    command = CommandLine(data)
    command("demo", "--people", str(people), "--days", str(days), "--seed", "11")
    command.pass_through()
    return data


def test_every_figure_of_a_small_demo(tmp_path: Path) -> None:
    _check(_demo(tmp_path / "data", 120, 100))


@pytest.mark.drill
@pytest.mark.timeout(1800)
def test_every_figure_of_five_thousand_people_and_120_days(tmp_path: Path) -> None:
    _check(_demo(tmp_path / "data", 5_000, 120))
