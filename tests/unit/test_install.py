"""services/venv.sh: an environment of another folder is made anew, and two makes at once make one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A Python that knows how to be asked for a venv, and says so in a file each time.
PYTHON = """#!/bin/sh
case "$1 $2" in
"-m venv")
    echo made >> made.log
    mkdir -p "$3/bin"
    echo "VIRTUAL_ENV=\\"$(pwd -P)/$3\\"" > "$3/bin/activate"
    printf '#!/bin/sh\\ntouch "%s/bin/uv"; chmod +x "%s/bin/uv"\\n' "$3" "$3" > "$3/bin/python"
    chmod +x "$3/bin/python" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "a clone"
    (folder / "services").mkdir(parents=True)
    shutil.copy(ROOT / "services" / "venv.sh", folder / "services")
    (folder / "python").write_text(PYTHON)
    (folder / "python").chmod(0o755)
    return folder


def begin(clone: Path, *words: str, path: str = os.environ["PATH"]) -> subprocess.Popen[str]:
    command = ["/bin/sh", "services/venv.sh", *words]
    return subprocess.Popen(command, cwd=clone, env={"PATH": path}, stdout=subprocess.PIPE, text=True)


def said(clone: Path, *words: str) -> str:
    with begin(clone, *words) as process:
        assert process.stdout is not None
        shown = process.stdout.read()
    assert process.returncode == 0
    return shown


def made(clone: Path) -> int:
    return len((clone / "made.log").read_text().splitlines())


def test_an_environment_that_moved_with_its_clone_is_made_anew(clone: Path) -> None:
    said(clone, "uv", "./python", "1")
    assert (made(clone), said(clone, "moved")) == (1, "")
    said(clone, "uv", "./python", "1")
    assert made(clone) == 1
    elsewhere = clone.rename(clone.parent / "another place")
    assert said(elsewhere, "moved") == "moved\n"
    said(elsewhere, "uv", "./python", "1")
    assert (made(elsewhere), said(elsewhere, "moved")) == (2, "")


def test_without_an_environment_nothing_moved(clone: Path) -> None:
    assert said(clone, "moved") == ""


@pytest.mark.parametrize("flock", [True, False])
def test_two_at_once_make_one_environment(clone: Path, flock: bool) -> None:
    tools = clone / "tools"
    tools.mkdir()
    for name in ("dirname", "grep", "mkdir", "rmdir", "rm", "sleep", "chmod", "touch", *(["flock"] if flock else [])):
        if found := shutil.which(name):  # without flock both ways are the same one
            (tools / name).symlink_to(found)
    several = [begin(clone, "uv", "./python", "1", path=str(tools)) for _ in range(4)]
    for process in several:
        process.communicate()
    assert [process.returncode for process in several] == [0] * 4
    assert made(clone) == 1
    assert not (clone / ".venv.lock").exists()


def test_the_product_is_compiled_when_it_is_installed(clone: Path) -> None:
    """A Python that keeps none of its own bytecode would else compile all of it at each start."""
    said(clone, "uv", "./python", "1")
    (clone / "src").mkdir()
    (clone / "src" / "module.py").write_text("x = 1\n")
    (clone / "lock").mkdir()
    for name in ("lock/run.txt", "pyproject.toml"):
        (clone / name).touch()
    inside = clone / ".venv" / "bin" / "python"
    inside.unlink()
    inside.symlink_to(sys.executable)
    said(clone, "run")
    assert list((clone / "src" / "__pycache__").glob("module.*.pyc"))


def test_make_takes_the_steps_from_the_script() -> None:
    text = (ROOT / "Makefile").read_text()
    assert ".venv/bin/uv: $(shell sh services/venv.sh moved)" in text
    assert [step for step in ("uv", "run", "dev") if f"@sh services/venv.sh {step}" in text] == ["uv", "run", "dev"]
