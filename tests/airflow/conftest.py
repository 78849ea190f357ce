"""A real Airflow for the tests of the DAG: its database in a folder of the run, the DAG parsed once.

These tests run in .venv-airflow (tests/airflow/run.sh). The product's own environment has no Airflow, so there they are
not collected.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret of the tests, of more than 32 characters"
# Elsewhere "airflow" is this very folder, which has no origin. Nothing is imported: Airflow would read its settings.
_AIRFLOW = find_spec("airflow")
HAS_AIRFLOW = _AIRFLOW is not None and bool(_AIRFLOW.origin)
collect_ignore_glob = [] if HAS_AIRFLOW else ["test_*.py"]
if HAS_AIRFLOW:  # elsewhere tests/conftest.py names it, and pytest wants it named at its root
    pytest_plugins = ["services_azurite_mongo"]


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
        import_module("airflow.utils.db").initdb()
        yield Path(folder)


@pytest.fixture(scope="session")
def dag_bag(airflow_home: Path) -> Any:
    """Every DAG of dags/, parsed as Airflow does."""
    return import_module("airflow.dag_processing.dagbag").DagBag(str(ROOT / "dags"))


@pytest.fixture
def etl(dag_bag: Any) -> Etl:
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
