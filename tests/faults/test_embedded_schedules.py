"""Sixteen seeded schedules on the embedded systems, in processes of their own: nothing lost, nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.drill import HEAD, run, schedules, too_few, totals

COUNT = 16


@pytest.mark.kill
@pytest.mark.timeout(1800)
def test_whatever_was_answered_is_there_once(tmp_path: Path) -> None:
    rows = [run(plan, tmp_path / str(plan.seed)) for plan in schedules(COUNT, 0, "embedded")]
    print(HEAD, *rows, totals(rows), sep="\n")
    assert [str(row) for row in rows if not row.good] == []
    assert too_few(rows) == []
