"""What an operator may do by mistake, and a lake that holds what no stage wrote: the audit says it plainly."""

from __future__ import annotations

import gzip
import shutil

import pytest
from fakes.command_line import CommandLine, content

DEMO = ("demo", "--people", "40", "--days", "2", "--until", "2026-11-20")


def filled(line: CommandLine) -> CommandLine:
    line(*DEMO)
    line.pass_through()
    return line


@pytest.mark.parametrize("folder", ["bronze/signins", "todo", "silver", "repeated", "rejected", "receipts"])
def test_an_object_that_no_stage_writes_is_named_and_in_nobodys_way(line: CommandLine, folder: str) -> None:
    filled(line)
    stray = line.data / "lake" / folder / "notes.txt"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"made by hand")
    for depth in ((), ("--deep",)):
        report = line.json("audit", *depth)
        assert report["balanced"]
        assert [(found["fault"], found["where"]) for found in report["findings"]] == [
            ("strange_object", f"{folder}/notes.txt")
        ]
    shutil.rmtree(line.data / "lake" / "heads")  # land looks through bronze then
    line.pass_through()
    for words in ("status --check", "rejected list", "rejected explain 0:0", "rebuild silver", "rejected replay"):
        line(*words.split())
    assert [line.json("status")["layers"]["to_clean_objects"], stray.read_bytes()] == [0, b"made by hand"]


def test_an_outcome_of_expired_records_that_cannot_be_read_is_named(line: CommandLine) -> None:
    filled(line)
    (line.data / "lake" / "expired").mkdir()
    (line.data / "lake" / "expired" / "note").write_bytes(b"made by hand")
    for verb in ("audit", "status"):
        result = line.run(verb)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert "expired/note, an outcome of expired records, cannot be read." in result.stderr


def test_days_that_end_before_they_begin_are_no_proof(line: CommandLine) -> None:
    filled(line)
    for verb in (("audit",), ("rebuild", "gold"), ("rejected", "list")):
        result = line.run(*verb, "--from", "2026-11-20", "--to", "2026-11-19")
        assert (result.exit_code, "--from is after --to" in result.output) == (2, True)


@pytest.mark.parametrize("folder", ["silver/signins", "repeated"])
@pytest.mark.parametrize("more", [b"\n", b" \n"])
def test_a_blank_line_in_an_hour_is_named(line: CommandLine, folder: str, more: bytes) -> None:
    line(*DEMO, "--repeats", "0.2")
    line.pass_through()
    path = line.files(folder)[0]
    path.write_bytes(gzip.compress(content(path) + more))
    found = line.json("audit", "--deep", code=1)["findings"]
    assert ("hour_unreadable", str(path.relative_to(line.data / "lake"))) in [(f["fault"], f["where"]) for f in found]
