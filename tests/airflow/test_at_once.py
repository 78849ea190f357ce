"""The DAG's tasks and the embedded schedule on one lake at the same moment: nothing is lost, nothing is twice."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.command_line import SECRET, CommandLine
from fakes.whole_path import copy_lake, left_to_do, outcomes
from services_azurite_mongo import Lakes

from loginlake import schedule, wiring
from loginlake.lake.by_url import open_store
from loginlake.lake.store import ObjectStore
from loginlake.settings import Settings
from loginlake.silver import steps
from loginlake.silver.reasons import Rules

FEW, MANY = 4, 100
ROUNDS = [FEW, pytest.param(MANY, marks=(pytest.mark.drill, pytest.mark.timeout(3600)))]
TRIES = 4


class Tasks:
    """The functions of azureEtl.py in dagEtl.py's order: mapped ones two at a time, tried again as Airflow does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tasks: Any = import_module("azureEtl")
        self.again: Any = import_module("airflow.sdk.exceptions").AirflowException
        self.never: Any = import_module("airflow.sdk.exceptions").AirflowFailException
        self.span: dict[str, Any] = {}
        context = {
            "dag_run": SimpleNamespace(run_type="manual"),
            "ti": SimpleNamespace(xcom_push=lambda _key, value: self.span.update(value)),
        }
        monkeypatch.setattr(self.tasks, "get_current_context", lambda: context)
        monkeypatch.setattr(self.tasks, "PORTION_BYTES", 1)
        monkeypatch.setattr(self.tasks, "MOST_TASKS", 3)

    def tried(self, name: str, *arguments: Any) -> Any:
        for left in reversed(range(TRIES)):
            try:
                return getattr(self.tasks, name).function(*arguments)
            except self.never:
                raise
            except self.again:
                if not left:
                    raise
        raise AssertionError

    def run(self) -> None:
        with ThreadPoolExecutor(2) as pool:
            portions = self.tried("find")
            checks = list(pool.map(lambda portion: self.tried("check", portion, self.span), portions))
            list(pool.map(lambda slots: self.tried("merge", slots), self.tried("hours")))
            self.tried("receipts", portions, self.span, checks)
            self.tried("gold_db")

    def backfill(self, objects: list[str]) -> None:
        """A backfill's task over some bronze objects: Airflow counts such runs apart, and may start one beside any."""
        self.tried("check", objects, {"again": True})


def embedded(barrier: threading.Barrier, ended: threading.Event, failed: list[BaseException]) -> None:
    """Clean and publish, again and again, as `loginlake run` does."""
    try:
        told = Settings()
        store = wiring.open_lake(told)
        with closing(wiring.open_gold(told)) as gold:
            steps: list[schedule.Step[Any]] = [wiring.clean_step(told, store), wiring.publish_step(store, gold)]
            barrier.wait()
            schedule.run_passes(steps, ended, every_s=0.001)
    except BaseException as error:  # noqa: BLE001 - told by the test
        failed.append(error)
        barrier.abort()


def backfilling(tasks: Tasks, objects: list[str], barrier: threading.Barrier, failed: list[BaseException]) -> None:
    try:
        barrier.wait()
        tasks.backfill(objects)
    except BaseException as error:  # noqa: BLE001 - told by the test
        failed.append(error)


def clean_half(store: ObjectStore) -> None:
    """Half of the objects as other rules judged them, which reject people of no organisation: a backfill has work."""
    rules = Rules(secret=SECRET.encode(), required=frozenset({"hosted_domain"}))
    steps.check(store, rules, lambda _: 1, steps.find(store, 1_000).objects[::2])
    steps.merge(store, rules, [found.slot for found in steps.on_the_way(store)])
    steps.settle(store, steps.Found([], more=True), [])


def one_round(tasks: Tasks, store: ObjectStore) -> None:
    """A run, two runs of a backfill and the embedded schedule, all at once."""
    clean_half(store)
    bronze = [entry.key for entry in store.list("bronze/")]
    middle = len(bronze) // 2
    barrier, ended = threading.Barrier(4), threading.Event()
    failed: list[BaseException] = []
    backfills = [
        threading.Thread(target=backfilling, args=(tasks, part, barrier, failed))
        for part in (bronze[:middle], bronze[middle:])
    ]
    thread = threading.Thread(target=embedded, args=(barrier, ended, failed))
    for one in (*backfills, thread):
        one.start()
    try:
        barrier.wait()
        tasks.run()
        for one in backfills:
            one.join()
    finally:
        ended.set()
        thread.join()
    assert failed == []
    tasks.run()  # what one of them left in the other's hands


@pytest.mark.parametrize("rounds", ROUNDS)
def test_rounds_on_a_folder(
    rounds: int,
    landed: Path,
    by_hand: CommandLine,
    tmp_path: Path,
    settings_of: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks, expected = Tasks(monkeypatch), outcomes(open_store(f"file:{by_hand.data / 'lake'}"))
    for number in range(rounds):
        line = CommandLine(tmp_path / str(number))
        shutil.copytree(landed, line.data)
        settings_of(line.data)
        store = open_store(f"file:{line.data / 'lake'}")
        one_round(tasks, store)
        assert outcomes(store) == expected
        assert left_to_do(store) == []
        assert line.documents() == by_hand.documents()
        shutil.rmtree(line.data)


@pytest.mark.services
@pytest.mark.parametrize("rounds", ROUNDS)
def test_rounds_on_azurite(
    rounds: int,
    landed: Path,
    by_hand: CommandLine,
    tmp_path: Path,
    lakes: Lakes,
    settings_of: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks, expected = Tasks(monkeypatch), outcomes(open_store(f"file:{by_hand.data / 'lake'}"))
    folder = open_store(f"file:{landed / 'lake'}")
    for number in range(rounds):
        store = lakes.new()
        copy_lake(folder, store)
        line = CommandLine(tmp_path / str(number))
        settings_of(line.data, LAKE_URL=lakes.made[-1])
        one_round(tasks, store)
        assert outcomes(store) == expected
        assert left_to_do(store) == []
        assert line.documents() == by_hand.documents()
