"""dagEtl on a live api-server, scheduler and dag-processor: triggered by REST, its states read back by REST."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import suppress
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
    "DAGETL_SCHEDULE": "none",  # no run but ours
}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return CommandLine(tmp_path_factory.mktemp("live") / "data", LOGINLAKE_LAND_MAX_RECORDS="10")


@pytest.fixture(scope="module")
def server(line: CommandLine, airflow_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """The three processes, on a copy of the migrated database; they die with this one."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(Path(sys.prefix) / "migrated.db", home / "airflow.db")
    settings = {**SOON, **line.env}
    running = start(home, venv=Path(sys.prefix), migrate=False, settings=settings)
    yield running
    running.stop()


def land(line: CommandLine, seed: int) -> None:
    line("demo", "--people", "30", "--days", "3", "--until", f"2026-11-{10 + seed}", "--seed", str(seed))
    line("land", "--once")


def wait_for(found: Callable[[], Any], within_s: float = 200) -> Any:
    pause, deadline = threading.Event(), time.monotonic() + within_s
    while not (result := found()):
        assert time.monotonic() < deadline
        pause.wait(0.2)
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


def running(server: Airflow, name: str) -> list[int]:
    return [one["pid"] for one in instances(server, name) if one["state"] == "running" and one["pid"]]


def told(server: Airflow, name: str) -> str:
    """What the failed tasks' logs end with."""
    found = sorted(server.home.glob(f"logs/dag_id=dagEtl/run_id={name}/**/*.log"))
    return "\n".join(f"{path.parent.name} {path.read_text()[-1500:]}" for path in found)


def cleaned(line: CommandLine) -> bool:
    return not any(line.files(folder) for folder in ("todo", "rows", "checked", "dirty"))


def test_a_run_triggered_by_rest(server: Airflow, line: CommandLine) -> None:
    land(line, 1)
    trigger(server, "by-hand")
    with pytest.raises(urllib.error.HTTPError, match="409"):
        trigger(server, "by-hand")
    assert end_of(server, "by-hand") == "success", told(server, "by-hand")
    found = instances(server, "by-hand")
    assert {one["state"] for one in found} == {"success"}
    assert cleaned(line)
    account = line.json("status", "--check")
    assert account["clean"] == account["gold"] > 0
    names = {one["task_id"]: one["rendered_map_index"] for one in found if one["map_index"] >= 0}
    assert " hour " in names["azureEtl.check"]
    assert names["azureEtl.merge"].startswith("2026-11-")
    dag = server.ask("dags/dagEtl/details")
    assert (dag["is_paused"], dag["max_active_runs"]) == (False, 1)
    assert "bronze to silver to gold" in dag["doc_md"]
    assert server.ask("importErrors")["total_entries"] == 0


def test_a_task_and_the_scheduler_killed_in_the_middle_of_a_run(server: Airflow, line: CommandLine) -> None:
    land(line, 2)
    trigger(server, "cut-short")
    for pid in wait_for(lambda: running(server, "cut-short")):
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, signal.SIGKILL)
    group = server.children["scheduler"].pid
    server.children["scheduler"].kill()  # its workers live on, and the task that one of them has in hand
    server.children["scheduler"].start_again()
    end_of(server, "cut-short")
    end_group(group)
    trigger(server, "after")
    assert end_of(server, "after") == "success", told(server, "after")
    assert cleaned(line)
    assert line.json("status", "--check")["to_clean"] == 0
