"""docs/check.md has a row for each broken setting, with the words that the program is tested to print."""

from __future__ import annotations

from pathlib import Path

from fakes.broken_settings import CASES

PAGE = Path(__file__).parents[2] / "docs" / "check.md"


def test_each_broken_setting_has_its_row() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    rows = {name.strip(): said for _, name, said, _ in (line.split("|") for line in lines[1:])}
    assert list(rows) == list(CASES)
    for name, case in CASES.items():
        assert case.words in rows[name]
