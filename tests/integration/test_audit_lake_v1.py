"""A lake of layout v1, kept in the repository: it opens, passes the deep audit, and is cleaned to equal content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fakes.command_line import CommandLine

FIXTURE = Path(__file__).parents[1] / "fixtures" / "lake-v1"


@pytest.fixture
def old(tmp_path: Path) -> CommandLine:
    shutil.copytree(FIXTURE, tmp_path / "data")
    command = CommandLine(tmp_path / "data")
    command("publish", "--once")  # gold of that version had no months, no census and nothing to search by
    return command


def test_it_opens_and_passes_the_audit(old: CommandLine) -> None:
    assert b'"layout":1' in (old.data / "lake" / "lake.json").read_bytes()
    assert "Everything is accounted for." in old("audit", "--deep")
    account = old.json("status", "--check")
    assert (account["landed"], account["clean"], account["repeated"], account["rejected"]) == (43, 32, 5, 6)


def test_it_is_cleaned_anew_to_equal_content(old: CommandLine) -> None:
    before = old.lake()
    for path in old.files("receipts"):
        todo = Path(str(path).replace("/receipts/", "/todo/").replace(".json", ".jsonl.gz"))
        todo.parent.mkdir(parents=True, exist_ok=True)
        todo.touch()
    for folder in ("silver", "repeated", "rejected", "receipts"):
        shutil.rmtree(old.data / "lake" / folder)
    old("clean", "--once")
    old("publish", "--once")
    assert old.lake() == before
    assert old.json("audit", "--deep")["balanced"]


def test_new_sign_ins_go_the_whole_way(old: CommandLine) -> None:
    old("demo", "--people", "90", "--days", "2", "--until", "2026-11-22")
    old.pass_through()
    report = old.json("audit", "--deep")
    assert report["balanced"]
    assert report["account"]["landed"] > 43


def test_it_is_made_anew_in_place(old: CommandLine) -> None:
    before, documents = old.lake(), old.documents()
    old("rebuild", "silver")
    old("rebuild", "gold")
    assert (old.lake(), old.documents()) == (before, documents)
