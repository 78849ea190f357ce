"""dagEtl on a live api-server, scheduler and dag-processor: triggered by REST, its states read back by REST."""

from __future__ import annotations

import sys
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import CommandLine

from services.airflow import Airflow, end_group, start

ENDED = {"success", "failed"}
# A dead scheduler's tasks are given up soon, and tried again at once.
SOON = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "3",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return CommandLine(tmp_path_factory.mktemp("live") / "data", LOGINLAKE_LAND_MAX_RECORDS="10")


@pytest.fixture(scope="module")
def server(line: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """The three processes; they die with this one."""
    settings = {**SOON, **line.env}
    running = start(tmp_path_factory.mktemp("home"), venv=Path(sys.prefix), settings=settings)
    yield running
    running.stop()


def land(line: CommandLine, seed: int) -> None:
    line("demo", "--people", "30", "--days", "3", "--until", f"2026-11-{10 + seed}", "--seed", str(seed))
    line("land", "--once")


def wait_for(found: Callable[[], Any], within_s: float = 200) -> Any:
    pause, deadline = threading.Event(), time.monotonic() + within_s
    while not (result := found()):
        assert time.monotonic() < deadline
        pause.wait(0.3)
    return result


def trigger(server: Airflow, name: str) -> None:
    server.ask("dags/dagEtl/dagRuns", {"dag_run_id": name, "logical_date": None})


def end_of(server: Airflow, name: str) -> str:
    def ended() -> str | None:
        state: str = server.ask(f"dags/dagEtl/dagRuns/{name}")["state"]
        return state if state in ENDED else None

    result: str = wait_for(ended)
    return result


def instances(server: Airflow, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.ask(f"dags/dagEtl/dagRuns/{name}/taskInstances")["task_instances"]
    return found


def told(server: Airflow, name: str) -> str:
    """What the failed tasks' logs end with."""
    found = sorted(server.home.glob(f"logs/dag_id=dagEtl/run_id={name}/**/*.log"))
    return "\n".join(f"{path.parent.name} {path.read_text()[-1500:]}" for path in found)


def cleaned(line: CommandLine) -> bool:
    return not any(line.files(folder) for folder in ("todo", "rows", "checked", "dirty"))


def test_it_is_there_unpaused_and_documented(server: Airflow) -> None:
    dag = server.ask("dags/dagEtl/details")
    assert (dag["is_paused"], dag["max_active_runs"]) == (False, 1)
    assert "bronze to silver to gold" in dag["doc_md"]
    assert server.ask("importErrors")["total_entries"] == 0


def test_a_run_triggered_by_rest(server: Airflow, line: CommandLine) -> None:
    land(line, 1)
    trigger(server, "by-hand")
    with pytest.raises(urllib.error.HTTPError, match="409"):
        trigger(server, "by-hand")
    assert end_of(server, "by-hand") == "success", told(server, "by-hand")
    found = instances(server, "by-hand")
    assert {one["state"] for one in found} <= {"success", "skipped"}
    assert cleaned(line)
    account = line.json("status", "--check")
    assert account["clean"] == account["gold"] > 0
    runs = [run["dag_run_id"] for run in server.ask("dags/dagEtl/dagRuns")["dag_runs"]]
    names = {
        one["task_id"]: one["rendered_map_index"]
        for run in runs
        for one in instances(server, run)
        if one["map_index"] >= 0
    }
    assert " hour " in names["azureEtl.check"]
    assert names["azureEtl.merge"].startswith("2026-11-")


def test_a_scheduler_killed_in_the_middle_of_a_run(server: Airflow, line: CommandLine) -> None:
    land(line, 2)
    trigger(server, "cut-short")
    wait_for(lambda: any(one["state"] == "running" for one in instances(server, "cut-short")))
    group = server.children["scheduler"].pid
    server.children["scheduler"].kill()  # its workers live on, and the task that one of them has in hand
    server.children["scheduler"].start_again()
    end_of(server, "cut-short")
    end_group(group)
    trigger(server, "after")
    assert end_of(server, "after") == "success", told(server, "after")
    assert cleaned(line)
    assert line.json("status", "--check")["to_clean"] == 0
