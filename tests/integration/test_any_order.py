"""Land, clean and publish, each twice and in any order: the same lake and the same gold as once and in order."""

from __future__ import annotations

import shutil
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fakes.command_line import CommandLine

# A batch that closes by age would have another end on a slow machine, and so another object's name.
UNHURRIED = {"LOGINLAKE_LAND_MAX_AGE_S": "3600"}
STAGES = ("land", "clean", "publish")
ORDERS = sorted(
    {order for order in permutations(STAGES * 2) if order[0] == "land" or order[:2] == ("clean", "publish")}
)


class Undisturbed(NamedTuple):
    log: Path
    lake: dict[str, bytes]
    documents: dict[str, Any]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("orders")
    line = CommandLine(folder / "data", **UNHURRIED)
    line(
        "demo",
        "--people",
        "25",
        "--days",
        "3",
        "--until",
        "2026-11-20",
        "--nulls",
        "0.2",
        "--repeats",
        "0.2",
        "--broken",
        "0.1",
    )
    shutil.copytree(line.data, folder / "log")
    line.pass_through()
    return Undisturbed(folder / "log", line.lake(), line.documents())


def same(line: CommandLine, expected: Undisturbed) -> None:
    found = line.lake()
    assert found.keys() == expected.lake.keys()
    assert {name for name in found if found[name] != expected.lake[name]} == set()
    assert line.documents() == expected.documents


def test_the_lake_holds_every_kind_of_end(undisturbed: Undisturbed) -> None:
    tops = {name.split("/")[0] for name in undisturbed.lake}
    assert tops == {"bronze", "silver", "repeated", "rejected", "receipts", "people", "lake.json"}
    assert undisturbed.documents["users"]


@pytest.mark.parametrize("order", [ORDERS[at] for at in range(0, len(ORDERS), len(ORDERS) // 11)], ids="-".join)
def test_each_stage_twice_in_any_order_then_once(
    tmp_path: Path, undisturbed: Undisturbed, order: tuple[str, ...]
) -> None:
    """In an order that ends before its time something is left to do, which one more pass in order does."""
    line = CommandLine(tmp_path / "data", **UNHURRIED)
    shutil.copytree(undisturbed.log, line.data)
    for stage in order:
        line(stage, "--once")
        line.json("status", "--check")
    line.pass_through()
    same(line, undisturbed)
    before = {path: path.stat().st_mtime_ns for folder in ("bronze", "silver") for path in line.files(folder)}
    line.pass_through()
    same(line, undisturbed)
    after = {path: path.stat().st_mtime_ns for folder in ("bronze", "silver") for path in line.files(folder)}
    assert after == before, "equal content was written again"


def test_stages_beside_each_other_while_events_arrive(tmp_path: Path, undisturbed: Undisturbed) -> None:
    """The log in two halves, with a pass of every stage in between, gives what one pass over all of it gives."""
    line = CommandLine(tmp_path / "data", LOGINLAKE_PARTITIONS="1")
    made = line("demo", "--people", "25", "--days", "3", "--until", "2026-11-20", "--print").encode().splitlines()
    for start in range(0, len(made), 20):
        line.send(*made[start : start + 20])
        line.pass_through()
    once = CommandLine(tmp_path / "once", LOGINLAKE_PARTITIONS="1")
    once.send(*made)
    once.pass_through()
    assert line.documents() == once.documents()

    def cleaned(side: CommandLine, folder: str) -> list[tuple[str, ...]]:
        kept = ("id", "source", "time", "user_id", "reason", "offset", "winner_offset")
        return sorted(tuple(str(row.get(name)) for name in kept) for row in side.rows(folder))

    for folder in ("silver", "repeated", "rejected"):
        assert cleaned(line, folder) == cleaned(once, folder)
    line.json("status", "--check")
