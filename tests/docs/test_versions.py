"""One version everywhere, and lock files that anybody can install from."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import loginlake

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "lock").glob("*.txt"))


def project() -> dict[str, object]:
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def test_the_newest_change_is_of_this_version() -> None:
    newest = re.findall(
        r"^## (\d+\.\d+\.\d+)(?: - (\d{4}-\d\d-\d\d))?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert newest[0][0] == loginlake.__version__ == project()["version"] == version("loginlake")
    numbers = [tuple(map(int, found.split("."))) for found, _ in newest]
    assert numbers == sorted(numbers, reverse=True)
    assert all(day for _, day in newest)


def test_the_licence_is_the_one_that_is_named() -> None:
    assert project()["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0" in text


def test_the_product_and_the_tests_have_their_locks() -> None:
    assert {path.name for path in LOCKS} >= {"dev.txt", "run.txt"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_has_no_address_and_a_hash_for_everything(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(r"https?:|ftp:|git\+|file:|@ |--(extra-)?index-url|--find-links|--trusted-host", text)
    pins = re.split(r"^(?=[a-zA-Z])", text, flags=re.MULTILINE)[1:]
    assert pins
    for pin in pins:
        assert re.match(r"[\w.\[\]-]+==\S+", pin), pin.splitlines()[0]
        assert "--hash=sha256:" in pin, pin.splitlines()[0]


def pinned(lock: Path) -> dict[str, str]:
    return {
        name.lower(): number for name, number in re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE)
    }


def test_the_tests_run_on_what_the_product_runs_on() -> None:
    dev, run = pinned(ROOT / "lock" / "dev.txt"), pinned(ROOT / "lock" / "run.txt")
    assert {name: number for name, number in run.items() if dev.get(name) != number} == {}


def test_everything_the_project_asks_for_is_locked() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = asked["project"]["optional-dependencies"]
    extras = [name for key, group in groups.items() if key != "otel" for name in group]  # who traces asks for it
    product = {re.split(r"[\[<>=!~ ]", name)[0].lower() for name in [*asked["project"]["dependencies"], *extras]}
    traced = {re.split(r"[\[<>=!~ ]", name)[0].lower() for name in groups["otel"]}
    tests = {re.split(r"[\[<>=!~ ]", name)[0].lower() for name in asked["dependency-groups"]["dev"]} | traced
    dev, run = pinned(ROOT / "lock" / "dev.txt"), pinned(ROOT / "lock" / "run.txt")
    assert product - run.keys() == set()
    assert not traced & run.keys()
    assert tests - dev.keys() == set()


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml", ".env", "data/"])
def test_what_must_not_be_committed_is_ignored(name: str) -> None:
    assert name in (ROOT / ".gitignore").read_text().splitlines()
