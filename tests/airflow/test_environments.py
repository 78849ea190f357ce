"""Two environments side by side: each is whole, Airflow's holds what its lock names, the product's has no Airflow."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from services.airflow import write_environment

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ROOT / ".venv"


def check(environment: Path) -> subprocess.CompletedProcess[str]:
    command = [
        str(PRODUCT / "bin" / "uv"),
        "pip",
        "check",
        "--offline",
        "--python",
        str(environment / "bin" / "python"),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_package_of_either_asks_for_what_is_not_there() -> None:
    for environment in (PRODUCT, Path(sys.prefix)):
        done = check(environment)
        assert done.returncode == 0, done.stderr


def test_what_is_installed_is_what_the_lock_names() -> None:
    pinned = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
    text = (ROOT / "lock" / "airflow.txt").read_text()
    locked = {(name.lower(), version) for name, version in pinned.findall(text)}  # of some, one a version of Python
    found = {re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(): one.version for one in distributions()}
    found.pop("loginlake")
    assert found.items() - locked == set()
    assert "apache-airflow" in found


def test_the_product_has_no_airflow() -> None:
    asked = [str(PRODUCT / "bin" / "python"), "-I", "-c", "import importlib.util as u; print(u.find_spec('airflow'))"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() == "None"


def test_the_drivers_of_a_postgresql_are_there() -> None:
    assert None not in {name: find_spec(name) for name in ("psycopg2", "asyncpg")}.values()


def test_a_database_of_the_callers_is_in_the_file_that_a_backfill_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, url = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql+psycopg2://airflow:a 'secret'@db/airflow"
    monkeypatch.setenv(name, url)
    path = write_environment(tmp_path / "home", 8080, {})
    assert path.stat().st_mode & 0o777 == 0o600
    shown = ["sh", "-c", f'. "$0" && printf %s "${name}"', str(path)]
    assert subprocess.run(shown, capture_output=True, text=True, check=True, env={}).stdout == url
