"""Each drill ends with nothing lost and nothing double; and the count after it can fail."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.command_line import CommandLine

from loginlake.drill import catalog
from loginlake.drill.count import count
from loginlake.drill.ground import Ground

OPERATIONS = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
# What the timeline of each must tell: the failure did happen.
HAPPENED = {
    "broker-down": r"[1-9]\d* by the spool",
    "lake-down": "land: the lake goes down in the middle of it",
    "gold-down": "publish: cut short [1-9] times",
    "kill-lander": "land killed with -9",
    "kill-cleaner": "clean killed with -9",
    "clock-jump": "the clock jumps back",
    "duplicate-storm": "most of them had come before",
    "poison-lines": "[1-9][0-9]* poisonous lines",
    "full-disk": "land: refused [1-9] times",
}


@pytest.mark.parametrize("name", catalog.DRILLS)
def test_a_drill_loses_nothing_and_counts_nothing_twice(name: str) -> None:
    told: list[str] = []
    outcome = catalog.run(name, seed=3, size=80, tell=told.append)
    assert (outcome.lost, outcome.double, outcome.faults) == (0, 0, []), "\n".join(told)
    assert re.search(HAPPENED[name], "\n".join(told)), "\n".join(told)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path / "data", seed=3, size=60, tell=lambda _: None)
    made.send(made.messages())
    made.finish()
    yield made
    made.close()


def test_a_message_that_was_accepted_and_is_nowhere(ground: Ground) -> None:
    ground.accepted.append(b"{}")
    assert count(ground)[:2] == (1, 0)


def test_a_row_that_is_there_twice(ground: Ground) -> None:
    path = min((ground.data / "lake" / "silver" / "signins").rglob("*.gz"))
    rows = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join([rows[0], *rows])))
    outcome = count(ground)
    assert (outcome.lost, outcome.double) == (1, 1)  # and gold tells one less than silver by now
    assert not outcome.good
    assert outcome.faults


def test_the_list_is_the_one_of_the_docs() -> None:
    table = dict(re.findall(r"^\| `loginlake drill ([a-z-]+)` \| (.+?) \|", OPERATIONS, re.MULTILINE))
    assert list(table) == list(catalog.DRILLS) == [line.name for line in catalog.listed()]
    assert all(len(line.summary) > 20 for line in catalog.listed())


def test_the_command_lists_and_refuses_unknown_names(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    assert [row.split()[0] for row in line("drill").splitlines()] == list(catalog.DRILLS)
    refused = line.run("drill", "earthquake")
    assert refused.exit_code != 0
    assert "duplicate-storm" in refused.stderr


def test_the_command_ends_with_the_sum_and_touches_nobodys_data(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data", LOGINLAKE_LOG_URL="kafka://127.0.0.1:1/none")
    shown = line("drill", "duplicate-storm", "--size", "40", "--seed", "5").splitlines()
    assert shown[-1] == "lost 0 double 0 seed 5"
    assert not line.data.exists()
