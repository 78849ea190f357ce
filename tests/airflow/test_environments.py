"""Two environments side by side: each is whole, Airflow's holds what its lock names, the product's has no Airflow."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

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
