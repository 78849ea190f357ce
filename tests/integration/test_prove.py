"""`make prove` can fail: whatever is lost or doubled, at any stage, the independent recount says so."""

from __future__ import annotations

import ast
import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import CommandLine

from prove.recount import Counted, recount

ROOT = Path(__file__).parents[2]
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    line = CommandLine(tmp_path_factory.mktemp("prove") / "data")
    made = line("demo", "--people", "60", "--days", "3", "--repeats", "0.1", "--nulls", "0.4", "--print")
    lines = made.encode().removesuffix(b"\n").split(b"\n")
    line.send(*lines)
    line.pass_through()
    return line.data, lines


@pytest.fixture
def counted(sent: tuple[Path, list[bytes]], tmp_path: Path) -> Callable[[], Counted]:
    shutil.copytree(sent[0], tmp_path / "data", ignore=shutil.ignore_patterns(".locks"))
    return lambda: recount(tmp_path / "data", sent[1])


def change(data: Path, folder: str, edit: Callable[[Rows], Rows]) -> None:
    """Edit the rows of the first object below a folder that has more than one."""
    for path in sorted((data / "lake" / folder).rglob("*.gz")):
        rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        if len(rows) > 1:
            path.write_bytes(gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in edit(rows))))
            return
    raise AssertionError("nothing to change")


def test_an_undisturbed_path_loses_nothing(counted: Callable[[], Counted]) -> None:
    found = counted()
    assert (found.lost, found.double) == (0, 0)
    log, bronze, ends, silver, gold = found.stages
    assert log.holds == bronze.holds == ends.holds > silver.holds == gold.holds > 0


@pytest.mark.parametrize(
    ("folder", "edit", "difference"),
    [
        ("silver/signins", lambda rows: rows[1:], (1, 0)),
        ("silver/signins", lambda rows: [*rows, rows[0]], (0, 1)),
        ("rejected", lambda rows: rows[1:], (1, 0)),
        ("rejected", lambda rows: [*rows, rows[0]], (0, 1)),
        ("silver/signins", lambda rows: [{**rows[0], "id": "another"}, *rows[1:]], (1, 1)),
    ],
)
def test_a_row_lost_doubled_or_exchanged(
    counted: Callable[[], Counted],
    tmp_path: Path,
    folder: str,
    edit: Callable[[Rows], Rows],
    difference: tuple[int, int],
) -> None:
    change(tmp_path / "data", folder, edit)
    found = counted()
    assert (found.lost, found.double) == difference


def test_a_bronze_object_lost(counted: Callable[[], Counted], tmp_path: Path) -> None:
    path = min((tmp_path / "data" / "lake" / "bronze").rglob("*.gz"))
    lines = gzip.decompress(path.read_bytes()).count(b"\n")
    path.unlink()
    found = counted()
    assert (found.lost, found.double) == (lines, 0)


def test_one_byte_of_bronze_changed(counted: Callable[[], Counted], tmp_path: Path) -> None:
    path = min((tmp_path / "data" / "lake" / "bronze").rglob("*.gz"))
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b'"username":"', b'"username":"x', 1)))
    found = counted()
    assert (found.lost, found.double) == (1, 1)


@pytest.mark.parametrize(("by", "difference"), [(1, (0, 1)), (-1, (1, 0))])
def test_one_count_of_gold_changed(
    counted: Callable[[], Counted], tmp_path: Path, by: int, difference: tuple[int, int]
) -> None:
    with closing(sqlite3.connect(tmp_path / "data" / "gold.db")) as gold, gold:
        for name, body in gold.execute("SELECT id, body FROM documents_rows").fetchall():
            row = json.loads(body)
            if ":day:" in name and row["signins"]:
                row["signins"] += by
                gold.execute("UPDATE documents_rows SET body=? WHERE id=?", (json.dumps(row), name))
                break
    found = counted()
    assert (found.lost, found.double) == difference


def test_a_message_that_never_came(sent: tuple[Path, list[bytes]]) -> None:
    found = recount(sent[0], [*sent[1], b"{}"])
    assert (found.lost, found.double) == (1, 0)


def test_the_recount_shares_no_code_with_the_product() -> None:
    for path in (ROOT / "prove").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert {name.split(".")[0] for name in names} <= {*sys.stdlib_module_names, "prove"}, path


@pytest.mark.kill
@pytest.mark.timeout(900)
def test_the_whole_of_it() -> None:
    words = ("--seed", "3", "--people", "120", "--days", "2", "--kills", "2")
    done = subprocess.run(
        [sys.executable, "-m", "prove", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("killed with -9") == 2
    assert done.stdout.splitlines()[-1] == "lost 0, double 0, seed 3"
