"""Gold's totals equal silver's, recomputed here by an independent few lines: no word of loginlake in them."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import CommandLine


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    line = CommandLine(tmp_path_factory.mktemp("totals") / "data")
    line("demo", "--people", "80", "--days", "40", "--until", "2026-11-20", "--refusals", "0.05", "--nulls", "0.03")
    line.pass_through()
    return line


def silver(line: CommandLine, kind: str) -> list[dict[str, Any]]:
    folder = line.data / "lake" / "silver" / kind
    return [json.loads(row) for path in folder.rglob("*.gz") for row in gzip.decompress(path.read_bytes()).splitlines()]


def day_rows(line: CommandLine) -> dict[str, dict[str, Any]]:
    rows = line.documents()["rows"]
    return {key.removeprefix("day:"): row for key, row in rows.items() if key.startswith("day:")}


def counted(values: Iterable[str]) -> list[dict[str, Any]]:
    found = Counter(values)
    return [{"name": name, "count": found[name]} for name in sorted(found, key=lambda name: (-found[name], name))]


def test_every_days_numbers(filled: CommandLine) -> None:
    per_day: Counter[str] = Counter()
    by_hour: defaultdict[str, list[int]] = defaultdict(lambda: [0] * 24)
    people: defaultdict[str, set[str]] = defaultdict(set)
    for row in silver(filled, "signins"):
        day = row["time"][:10]
        per_day[day] += 1
        by_hour[day][int(row["time"][11:13])] += 1
        people[day].add(row["user_id"])
    refusals = Counter(row["time"][:10] for row in silver(filled, "refusals"))
    found = day_rows(filled)
    assert len(per_day) >= 39
    for day in sorted(per_day.keys() | refusals.keys()):
        row, last = found[day], date.fromisoformat(day)

        def distinct(days: int, last: date = last) -> int:
            window = [(last - timedelta(days=back)).isoformat() for back in range(days)]
            return len(set().union(*(people[name] for name in window if name in people)))

        assert row["signins"] == per_day[day]
        assert row["refusals"] == refusals[day]
        assert row["by_hour"] == by_hour[day]
        assert (row["people"], row["people_7"], row["people_30"]) == (distinct(1), distinct(7), distinct(30)), day
    assert sum(row["signins"] + row["refusals"] for row in found.values()) == sum(per_day.values()) + refusals.total()


def test_every_days_lists(filled: CommandLine) -> None:
    by_day: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in silver(filled, "signins"):
        by_day[row["time"][:10]].append(row)
    found = day_rows(filled)
    for day, rows in by_day.items():
        assert found[day]["by_source"] == counted(row["source"] for row in rows)
        assert found[day]["by_method"] == counted(row["method"] for row in rows)
        assert found[day]["by_domain"] == counted(row["email"].rpartition("@")[2] for row in rows)
    rejected = [
        json.loads(line)
        for path in (filled.data / "lake" / "rejected").rglob("*.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert rejected
    total = filled.documents()["rows"]["pipeline"]
    assert total["rejected_by_reason"] == counted(row["reason"] for row in rejected)
    assert total["rejected"] == len(rejected)


def test_every_persons_numbers(filled: CommandLine) -> None:
    days: defaultdict[str, Counter[str]] = defaultdict(Counter)
    times: defaultdict[str, list[str]] = defaultdict(list)
    for row in silver(filled, "signins"):
        name = f"{row['provider']}|{row['user_id']}"
        days[name][row["time"][:10]] += 1
        times[name].append(row["time"])
    users = filled.documents()["users"]
    assert users.keys() == days.keys()
    for name, document in users.items():
        assert document["days"] == days[name]
        assert document["signins"] == days[name].total()
        assert document["active_days"] == len(days[name])
        assert (document["first"], document["last"]) == (min(times[name]), max(times[name]))
    pipeline = filled.documents()["rows"]["pipeline"]
    assert pipeline["people"] == len(days)
    assert pipeline["signins"] == sum(found.total() for found in days.values())


def test_the_account_counts_the_same(filled: CommandLine) -> None:
    account = filled.json("status", "--check")
    assert account["clean"] == account["gold"] == len(silver(filled, "signins")) + len(silver(filled, "refusals"))
    assert account["accepted"] == account["landed"]
    assert account["repeated"] > 0


def test_a_late_row_changes_the_windows_after_it(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    made = line("demo", "--people", "12", "--days", "20", "--until", "2026-11-20", "--print", "--broken", "0")
    events = made.encode().splitlines()
    late = [event for event in events if b'"time":"2026-11-03T' in event]
    assert late
    line.send(*(event for event in events if event not in late))
    line.pass_through()
    line.send(*late)
    line.pass_through()
    fresh = CommandLine(tmp_path / "fresh")
    fresh.send(*events)
    fresh.pass_through()
    ours, theirs = line.documents(), fresh.documents()
    assert ours["users"] == theirs["users"]
    assert day_rows(line) == day_rows(fresh)
