"""Scripts that `make` runs by their path find what they import, whatever folder they are run from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORT = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='imported')"


@pytest.mark.parametrize("script", ["tests/end_to_end/make_shots.py", "bench/bench_viewers.py", "bench/start.py"])
def test_it_finds_what_it_imports(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    command = [sys.executable, "-c", IMPORT, str(ROOT / script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
