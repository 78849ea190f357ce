"""A lake of 1, 4 or 16 shards: other objects, the same gold, by the command line and by the steps of the DAG."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import CommandLine

from loginlake.lake.by_url import open_store
from loginlake.silver import steps
from loginlake.silver.reasons import Rules

DEMO = ("--people", "60", "--days", "3", "--until", "2026-11-20", "--seed", "5", "--broken", "0.1", "--repeats", "0.2")


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    line = CommandLine(tmp_path_factory.mktemp("landed") / "data", LOGINLAKE_LAND_MAX_RECORDS="20")
    line("demo", *DEMO)
    line("land", "--once")
    return line.data


def split(landed: Path, data: Path, shards: int) -> CommandLine:
    """A copy of what landed, as if its lake had been created with so many shards."""
    shutil.copytree(landed, data)
    manifest = data / "lake" / "lake.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "shards": shards}))
    return CommandLine(data)


def answers(line: CommandLine) -> dict[str, Any]:
    """Gold, but for the publisher's own note of how the people of a day are stored (a digest by shard)."""
    found = line.documents()
    for day in found["rows"]["totals"]["days"]:
        del day[4]
    return found


@pytest.fixture(scope="module")
def one(landed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    line = split(landed, tmp_path_factory.mktemp("one") / "data", 1)
    line("clean", "--once")
    line("publish", "--once")
    return answers(line)


def test_a_lake_keeps_the_shards_that_it_was_created_with(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data", LOGINLAKE_SHARDS="4")
    line("demo", *DEMO)
    line("land", "--once")
    line.env["LOGINLAKE_SHARDS"] = "16"
    line("clean", "--once")
    assert len({path.name for path in line.files("silver")}) == 4


@pytest.mark.parametrize("shards", [4, 16])
def test_gold_is_the_same(shards: int, landed: Path, one: dict[str, Any], tmp_path: Path) -> None:
    line = split(landed, tmp_path / "data", shards)
    line("clean", "--once")
    line("publish", "--once")
    assert len({path.name for path in line.files("silver")}) == shards
    assert len({path.name for path in line.files("people")}) == shards
    assert answers(line) == one
    line("audit")


def test_the_steps_of_the_dag_split_an_hour_into_many_tasks(landed: Path, one: dict[str, Any], tmp_path: Path) -> None:
    line = split(landed, tmp_path / "data", 4)
    store = open_store(f"file:{line.data / 'lake'}")
    rules, found = Rules(secret=line.env["LOGINLAKE_SECRET"].encode()), steps.find(store, most=1000)
    report = steps.check(store, rules, lambda _: 4, found.objects)
    on_the_way = steps.on_the_way(store)
    assert {waiting.slot.shard for waiting in on_the_way} == {0, 1, 2, 3}
    for waiting in on_the_way:
        steps.merge(store, rules, [waiting.slot])
    steps.settle(store, found, report.waiting)
    line("publish", "--once")
    assert answers(line) == one
