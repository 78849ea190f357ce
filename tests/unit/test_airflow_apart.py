"""Airflow is imported by dags/ and by the tests that run in its own environment, and is nowhere in the product's."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
BESIDE = ("kafka", "azure", "mongo")  # the extras that go into Airflow's environment


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def sources(folder: Path) -> Iterator[Path]:
    """Ours: what other tests have installed by now, or install in this moment, is not looked into."""
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in {"node_modules", "cache", ".cache"}]
        yield from (Path(at, name) for name in names if name.endswith(".py"))


def pins(name: str) -> dict[str, str]:
    found = PINNED.findall((ROOT / "lock" / name).read_text())
    return {canonicalize_name(package): version for package, version in found}


def test_only_dags_import_airflow() -> None:
    importers = {
        str(path.relative_to(ROOT))
        for folder in ("src", "services", "bench", "tests", "dags", "prove")
        for path in sources(ROOT / folder)
        if any(name.split(".")[0] == "airflow" for name in imported(path))
    }
    assert importers == {"dags/dagEtl.py", "dags/azureEtl.py", "dags/etlAlert.py"}


def test_the_products_environment_has_no_airflow() -> None:
    assert [name for name in pins("run.txt") | pins("dev.txt") if "airflow" in name] == []
    installed = {canonicalize_name(found.metadata["Name"]) for found in distributions()}
    assert [name for name in installed if "airflow" in name] == []


def test_airflows_environment_is_within_the_products_bounds() -> None:
    """What the package asks for is what lies beside Airflow; pip check, in tests/airflow, asks the environments."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [one for name in BESIDE for one in project["optional-dependencies"][name]]
    wanted = [Requirement(text) for text in (*project["dependencies"], *extras)]
    beside = pins("airflow.txt")
    unmet = [str(one) for one in wanted if not one.specifier.contains(beside.get(canonicalize_name(one.name), "0"))]
    assert unmet == []
    assert "dash" not in beside
