"""A `loginlake` on an empty data folder, for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.command_line import CommandLine


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "data")
