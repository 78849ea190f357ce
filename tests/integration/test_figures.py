"""Every figure of every page, recomputed from silver by the standard library alone: nothing of gold's is used."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import pytest
from fakes.command_line import CommandLine

from loginlake.dashboard.ask import Ask, Shown, Sources
from loginlake.dashboard.pages import PAGES
from loginlake.dashboard.parts import Parts
from loginlake.dashboard.photos import Photos
from loginlake.dashboard.source import Stages
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
    return (json.loads(line) for _, line in _lines(folder))


def _lines(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as text:
            yield from ((path, line) for line in text)


def _day(row: Row) -> date:
    return date.fromisoformat(row["time"][:10])


def _check(data: Path) -> None:
    silver, gold = Silver(data), EmbeddedGold(data / "gold.db")
    snapshot, end = Snapshot.open(gold), silver.last
    now = datetime(end.year, end.month, end.day, 23, 30, tzinfo=UTC)
    shown = Shown(MADRID, Photos(()), 120)

    def parts(page: str, query: str) -> dict[str, Any]:
        found = Parts(page)
        ask = Ask(parse(page, query, end), "en", now, shown, admin=True)
        sources = Sources(lambda: snapshot, People(gold), NoPath())  # type: ignore[arg-type]
        PAGES[page].draw(found, snapshot, sources, ask)
        return found.found

    for days in (7, 30, 90):
        _overview(silver, parts("overview", f"?range={days}"), days)
        _bars(silver, parts("overview", f"?range={days}"), days, "")
        _summary(silver, parts("", f"?range={days}"), days)
        _refused(silver, parts("security", f"?range={days}"), days)
    for source in {row["source"] for row in silver.signins}:
        key = hashlib.sha256(source.encode()).hexdigest()[:12]
        _bars(silver, parts("overview", f"?range=30&app={key}"), 30, source)
    _heat(silver, parts("overview", "?range=90"), 90)
    _retention(silver, snapshot.cohorts())
    _census(silver, snapshot.census(), parts("security", ""))
    _list(silver, parts("people", "?order=signins"))
    _one_person(silver, parts)
    _pipeline(silver, parts("pipeline", ""), data)
    gold.close()


class NoPath:
    """The live side of the path, which no figure of gold's needs."""

    def stages(self) -> Stages:
        return Stages()

    def rejected(self, *_: object) -> list[Any]:
        return []


def texts(part: Mapping[str, Any]) -> list[str]:
    """The texts of a drawn part, in reading order."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, str):
            yield from [node] if node else []
        else:
            for child in node[2:]:
                yield from walk(child)

    return list(walk(json.loads(part["data-drawn"])))


def _chosen(silver: Silver, days: int, source: str = "") -> list[Row]:
    first = silver.last - timedelta(days=days - 1)
    return [row for row in silver.signins if _day(row) >= first and source in {"", row["source"]}]


def _whole(points: list[Row], key: str) -> list[int]:
    """A line's numbers: the day that is not over is drawn apart."""
    return [point[f"{key}_so_far"] if point.get(key) is None else point[key] for point in points]


def _overview(silver: Silver, parts: dict[str, Any], days: int) -> None:
    shown = [silver.last - timedelta(days=back) for back in range(days - 1, -1, -1)]
    signins = Counter(map(_day, silver.signins))
    chart = parts["signins-chart"]["data"]
    assert _whole(chart, "signins") == [signins[day] for day in shown]
    weeks = {7: 1, 30: 5, 90: 13}[days]
    earlier = [day - timedelta(weeks=weeks) for day in shown]
    known = min(_day(row) for row in (*silver.signins, *silver.refusals))
    assert [point.get("before") for point in chart] == [signins[day] if day >= known else None for day in earlier]
    lines = parts["active-chart"]["data"]
    found = [_whole(lines, key) for key in ("people", "people_7", "people_30")]
    wanted = [[len(silver.active.get(day, ())), silver.people(day, 7), silver.people(day, 30)] for day in shown]
    assert [list(point) for point in zip(*found, strict=True)] == wanted
    _lifecycle(silver, parts["lifecycle-chart"]["data"], shown)
    said = texts(parts["sums"])
    assert said[said.index("Sign-ins") + 1] == f"{sum(signins[day] for day in shown):,}"
    refused = sum(1 for row in silver.refusals if _day(row) >= shown[0])
    assert said[said.index("Refused") + 1] == f"{refused:,}"
    assert said[said.index("People in 30 days") + 1] == f"{silver.people(silver.last, 30):,}"
    over = [day for day in shown if day < silver.last]
    mean = sum(len(silver.active.get(day, ())) for day in over) / sum(1 for day in over if day in silver.active)
    assert said[said.index("People a day") + 1] == f"{round(mean):,}"


def _lifecycle(silver: Silver, life: list[Row], shown: list[date]) -> None:
    for day, point in zip(shown, life, strict=True):
        today = silver.active.get(day, set())
        earlier = set().union(*(people for other, people in silver.active.items() if other < day))
        month = set().union(*(silver.active.get(day - timedelta(days=back), set()) for back in range(1, 31)))
        gone = silver.active.get(day - timedelta(days=30), set()) - set().union(
            *(silver.active.get(day - timedelta(days=back), set()) for back in range(30))
        )
        wanted = (len(today - earlier), len(today & month), len((today & earlier) - month), -len(gone))
        assert (point["new"], point["returning"], point["resurrected"], point["dormant"]) == wanted


def _bars(silver: Silver, parts: dict[str, Any], days: int, source: str) -> None:
    """Each list of names, with all applications or one: names, numbers and order, as they stand on the page."""
    chosen = _chosen(silver, days, source)
    agents = [_agent(row["user_agent"] or "") for row in chosen]
    first = silver.last - timedelta(days=days - 1)
    refused = [row for row in silver.refusals if _day(row) >= first and source in {"", row["source"]}]
    wanted = {
        "by_source": Counter(urlsplit(row["source"]).netloc for row in chosen),
        "by_domain": Counter(row["email"].rsplit("@", 1)[1].lower() for row in chosen),
        "by_method": Counter(row["method"] for row in chosen),
        "by_device": Counter(device for device, _, _ in agents),
        "by_browser": Counter(browser for _, browser, _ in agents),
        "by_system": Counter(system for _, _, system in agents),
        "refused_by_reason": Counter(row["reason"] for row in refused),
    }
    if source:
        del wanted["by_source"]
        assert _whole(parts["signins-chart"]["data"], "signins")[-1] == sum(_day(r) == silver.last for r in chosen)
    for field, counts in wanted.items():
        said = texts(parts[f"{field}-list"])
        for name, number in counts.items():
            assert f"{number:,}" in said, (field, name)
        shown = [int(text.replace(",", "")) for text in said if text.replace(",", "").isdigit()]
        assert sorted(shown, reverse=True) == sorted(counts.values(), reverse=True), field


def _agent(text: str) -> tuple[str, str, str]:
    """Device, browser and system of the demo's own browsers, by their plainest marks."""
    for mark, (device, browser, system) in {
        "iPhone": ("mobile", "Mobile Safari", "iOS"),
        "Android": ("mobile", "Chrome Mobile", "Android"),
        "Windows NT": ("desktop", "Chrome", "Windows"),
        "Macintosh": ("desktop", "Safari", "Mac OS X"),
        "Linux": ("desktop", "Chrome", "Linux"),
    }.items():
        if mark in text:
            named = {"Edg/": "Edge", "Firefox/": "Firefox"}
            return device, next((name for key, name in named.items() if key in text), browser), system
    return "", "", ""


def _summary(silver: Silver, parts: dict[str, Any], days: int) -> None:
    said = texts(parts["totals"])
    last, signins = silver.last, Counter(map(_day, silver.signins))
    for label, number in {
        "Sign-ins today": signins[last],
        "People today": len(silver.active[last]),
        "People in 7 days": silver.people(last, 7),
        "People in 30 days": silver.people(last, 30),
        "Refused today": sum(1 for row in silver.refusals if _day(row) == last),
    }.items():
        assert said[said.index(label) + 1] == f"{number:,}", label
    assert f"7 days ago, the whole day: {len(silver.active.get(last - timedelta(days=7), ())):,}" in said
    points = parts["daily-chart"]["data"]
    assert _whole(points, "signins") == [signins[last - timedelta(days=back)] for back in range(days - 1, -1, -1)]
    hours = Counter(_local(row).hour for row in _chosen(silver, days))
    assert [point["signins"] for point in parts["hourly-chart"]["data"]] == [hours[hour] for hour in range(24)]
    facts = texts(parts["path"])
    assert facts[facts.index("Sign-ins in gold") + 1] == f"{len(silver.signins):,}"
    assert facts[facts.index("People") + 1] == f"{len(set().union(*silver.active.values())):,}"
    newest = sorted((row["time"] for row in silver.signins), reverse=True)[:25]
    for row in (row for row in silver.signins if row["time"] in newest[:5]):
        assert row["username"] in texts(parts["latest"])


def _refused(silver: Silver, parts: dict[str, Any], days: int) -> None:
    first = silver.last - timedelta(days=days - 1)
    chosen = [row for row in silver.refusals if _day(row) >= first]
    said = texts(parts["threats"])
    assert said[said.index("Refused") + 1] == f"{len(chosen):,}"
    replayed = sum(1 for row in chosen if row["reason"] == "replayed_nonce")
    assert said[said.index("Replayed tokens") + 1] == f"{replayed:,}"
    by_day = Counter(map(_day, chosen))
    keys = [one["name"] for one in parts["refused-chart"]["series"]]
    for back, point in enumerate(reversed(parts["refused-chart"]["data"])):
        assert sum(point[key] for key in keys) == by_day[silver.last - timedelta(days=back)]


def _local(row: Row) -> datetime:
    return datetime.fromisoformat(row["time"]).astimezone(MADRID)


def _heat(silver: Silver, parts: dict[str, Any], days: int) -> None:
    counted = Counter((_local(row).weekday(), _local(row).hour) for row in _chosen(silver, days))
    said = [text for text in texts(parts["heat"]) if text.replace(",", "").isdigit()]
    cells = [int(text.replace(",", "")) for text in said[24:]]
    assert cells == [counted[weekday, hour] for weekday in range(7) for hour in range(24)]


def _one_person(silver: Silver, parts: Callable[[str, str], dict[str, Any]]) -> None:
    """Somebody's own page: the sum, the first and the last, and each day."""
    key = max(
        set().union(*silver.active.values()), key=lambda one: sum(one in people for people in silver.active.values())
    )
    own = [row for row in silver.signins if f"{row['provider']}|{row['user_id']}" == key]
    found = parts("person", f"?id={quote(key)}")
    said, days = texts(found["facts"]), Counter(map(_day, own))
    assert said[said.index("Sign-ins") + 1] == f"{len(own):,}"
    assert said[said.index("Active days") + 1] == f"{len(days):,}"
    for label, row in (("First time", min), ("Last time", max)):
        moment = _local(row(own, key=lambda one: one["time"]))
        assert said[said.index(label) + 1].endswith(f"{moment:%Y, %H:%M}")
    numbers = [text for text in texts(found["history"]) if text.isdigit()]
    assert numbers == [str(days[day]) for day in sorted(days, reverse=True)]
    begin = max(days) - timedelta(days=89)
    used = {(_agent(row["user_agent"] or ""), _day(row)) for row in own if _day(row) >= begin}
    counted = Counter(" · ".join(filter(None, (kind.title(), *names))) or "—" for (kind, *names), _ in used)
    said = texts(found["devices"])
    assert {words: int(said[said.index(words) + 1]) for words in counted} == counted


def _pipeline(silver: Silver, parts: dict[str, Any], data: Path) -> None:
    said = texts(parts["flow"])
    assert said[said.index("In gold") + 1] == f"{len(silver.signins) + len(silver.refusals):,}"
    rejected = Counter(row["reason"] for row in _rows(data / "lake/rejected/signins"))
    repeated = Counter(path.parts[-3].removeprefix("date=") for path, _ in _lines(data / "lake/repeated"))
    assert repeated
    for label, number in {
        "Clean": len(silver.signins) + len(silver.refusals),
        "Repeated": repeated.total(),
        "Rejected": rejected.total(),
    }.items():
        assert said[said.index(label) + 1] == f"{number:,}"
    arrived = Counter(path.parts[-5].removeprefix("date=") for path, _ in _lines(data / "lake/rejected"))
    signins, refused = (Counter(map(_day, rows)) for rows in (silver.signins, silver.refusals))
    shown = [silver.last - timedelta(days=back) for back in range(14)]
    numbers = [int(text.replace(",", "")) for text in texts(parts["by-day"]) if text.replace(",", "").isdigit()]
    assert numbers == [
        number
        for day in shown
        for number in (signins[day], refused[day], repeated[day.isoformat()], arrived[day.isoformat()])
    ]
    rows = texts(parts["rejected-rows"])
    assert [text for text in rows if text.isdigit()] == [str(n) for n in sorted(rejected.values(), reverse=True)]


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


def _census(silver: Silver, row: Row, parts: dict[str, Any]) -> None:
    signins = Counter(f"{one['provider']}|{one['user_id']}" for one in silver.signins)
    edges = [least for least, _ in row["by_signins"]]
    counted = Counter(max(edge for edge in edges if edge <= number) for number in signins.values())
    assert row["people"] == len(signins)
    assert row["by_signins"] == [[edge, counted[edge]] for edge in edges]
    silent = {days: len(signins) - silver.people(silver.last, days) for days in (30, 60, 90)}
    assert row["silent"] == [[days, number] for days, number in silent.items()]
    said = texts(parts["threats"])
    for days, number in silent.items():
        assert said[said.index(f"No sign-in for {days} days") + 1] == f"{number:,}"


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
    command("send", "-", sent=_signin_now(command))
    command.pass_through()
    return data


def _signin_now(command: CommandLine) -> bytes:
    """A sign-in of this moment: at night the demo's people sleep, and the day under way may have none."""
    printed = command("demo", "--people", "20", "--days", "7", "--print", "--nulls", "0", "--broken", "0")
    event = json.loads(next(line for line in printed.splitlines() if '"loginlake.signin.v1"' in line))
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps(event | {"id": "a-sign-in-of-now", "time": now, "received": now}).encode() + b"\n"


def test_every_figure_of_a_small_demo(tmp_path: Path) -> None:
    _check(_demo(tmp_path / "data", 120, 100))


@pytest.mark.drill
@pytest.mark.timeout(1800)
def test_every_figure_of_five_thousand_people_and_120_days(tmp_path: Path) -> None:
    _check(_demo(tmp_path / "data", 5_000, 120))
