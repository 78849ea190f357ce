"""A real Airflow for the tests of the DAG: its database in a folder of the run, the DAG parsed once.

These tests run in .venv-airflow (tests/airflow/run.sh). The product's own environment has no Airflow, so there they are
not collected.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import SECRET, CommandLine

ROOT = Path(__file__).resolve().parents[2]
# Elsewhere "airflow" is this very folder, which has no origin. Nothing is imported: Airflow would read its settings.
_AIRFLOW = find_spec("airflow")
HAS_AIRFLOW = _AIRFLOW is not None and bool(_AIRFLOW.origin)
collect_ignore_glob = [] if HAS_AIRFLOW else ["test_*.py"]
if HAS_AIRFLOW:  # elsewhere tests/conftest.py names it, and pytest wants it named at its root
    pytest_plugins = ["services_azurite_mongo"]
MIGRATED = Path(sys.prefix) / "migrated.db"
DEMO = ("--people", "40", "--days", "3", "--until", "2026-11-20", "--seed", "3", "--broken", "0.1", "--repeats", "0.2")


class Etl:
    """dagEtl, run in this process by Airflow's own `dag.test()`."""

    def __init__(self, dag: Any) -> None:
        self.dag = dag

    def run(self, **how: Any) -> tuple[str, dict[str, Counter[str]]]:
        """The run's state, and how many of each task's instances ended in which."""
        run = self.dag.test(**how)
        states: dict[str, Counter[str]] = {}
        for instance in run.get_task_instances():
            states.setdefault(instance.task_id, Counter())[str(instance.state)] += 1
        return str(run.state), states


@pytest.fixture(scope="session", autouse=True)
def airflow_home() -> Iterator[Path]:
    """A migrated database. Set before Airflow is imported: it reads its settings then."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIRFLOW_HOME"] = folder
        os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(ROOT / "dags")
        os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
        os.environ["AIRFLOW__API_AUTH__JWT_SECRET"] = "a" * 64
        if MIGRATED.exists():
            shutil.copy(MIGRATED, Path(folder) / "airflow.db")
        else:
            import_module("airflow.utils.db").initdb()
            _keep(Path(folder) / "airflow.db")
        yield Path(folder)


def _keep(made: Path) -> None:
    """A migration takes many seconds: one does for all runs of an environment."""
    copy = MIGRATED.with_name(f"migrated-{os.getpid()}.db")
    with closing(sqlite3.connect(made)) as database, closing(sqlite3.connect(copy)) as there:
        database.backup(there)
    copy.rename(MIGRATED)


@pytest.fixture(scope="session")
def dag_bag(airflow_home: Path) -> Any:
    """Every DAG of dags/, parsed as Airflow does."""
    return import_module("airflow.dag_processing.dagbag").DagBag(str(ROOT / "dags"))


@pytest.fixture
def etl(dag_bag: Any) -> Etl:
    """The DAG, whose retries come at once."""
    dag = dag_bag.dags["dagEtl"]
    for one in dag.tasks:
        one.retry_delay = timedelta(0)
    return Etl(dag)


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Point LOGINLAKE_* at a data folder."""

    def point(data: Path, **more: str) -> None:
        for name, value in {"DATA": str(data), "SECRET": SECRET, **more}.items():
            monkeypatch.setenv(f"LOGINLAKE_{name}", value)

    return point


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with made-up sign-ins in bronze: good, repeated, broken, refused."""
    line = CommandLine(tmp_path_factory.mktemp("landed") / "data", LOGINLAKE_LAND_MAX_RECORDS="10")
    line("demo", *DEMO)
    line("land", "--once")
    return line.data


@pytest.fixture(scope="session")
def by_hand(landed: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The same, cleaned and published by the command line."""
    line = CommandLine(tmp_path_factory.mktemp("by_hand") / "data")
    shutil.copytree(landed, line.data, dirs_exist_ok=True)
    line("clean", "--once")
    line("publish", "--once")
    return line


@pytest.fixture
def line(landed: Path, tmp_path: Path, settings_of: Callable[..., None]) -> CommandLine:
    """A copy of what landed, and Airflow's settings pointed at it."""
    line = CommandLine(tmp_path / "data")
    shutil.copytree(landed, line.data)
    settings_of(line.data)
    return line
