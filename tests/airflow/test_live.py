"""dagEtl on a live api-server, scheduler and dag-processor: by its clock, by REST, by a backfill; killed; red."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import CommandLine
from fakes.silver_messages import numbered

from loginlake.stream.embedded import EmbeddedLog
from services.airflow import Airflow, end_group, start

ENDED = {"success", "failed"}
# A dead scheduler's tasks are given up soon, and tried again at once.
SOON = {
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "400",
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "100",  # SQLite is now and then locked for a while
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "3",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "DAGETL_SCHEDULE": "0 0 1 * *",  # at the start the run of last month; then no run but ours
}
LAST_MONTH = (datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0) - timedelta(1)).replace(day=1)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Sign-ins that arrived last month, landed."""
    line = CommandLine(tmp_path_factory.mktemp("live") / "data", LOGINLAKE_LAND_MAX_RECORDS="10")
    line.data.mkdir()
    arrival = LAST_MONTH + timedelta(hours=13)
    arrival_ms = round(arrival.timestamp() * 1000)
    with closing(EmbeddedLog(line.data / "log.db", partitions=4, clock=lambda: arrival_ms)) as log:
        for number in range(30):
            then = arrival - timedelta(hours=number % 3, minutes=1)
            log.send(str(number).encode(), numbered(number, f"{then:%FT%TZ}")).result()
    line("land", "--once")
    return line


@pytest.fixture(scope="module")
def told() -> Iterator[list[str]]:
    """What a webhook is told, its address first."""
    heard: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            del format, args

    with HTTPServer(("127.0.0.1", 0), Hook) as hook:
        heard.append(f"http://127.0.0.1:{hook.server_port}/a-secret")
        thread = threading.Thread(target=hook.serve_forever, daemon=True)
        thread.start()
        yield heard
        hook.shutdown()


@pytest.fixture(scope="module")
def server(
    line: CommandLine, told: list[str], airflow_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    """The three processes, on a copy of the migrated database; they die with this one."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(Path(sys.prefix) / "migrated.db", home / "airflow.db")
    settings = {**SOON, **line.env, "DAGETL_ALERT_WEBHOOK": told[0]}
    running = start(home, venv=Path(sys.prefix), migrate=False, settings=settings)
    yield running
    running.stop()


def land(line: CommandLine, seed: int) -> None:
    line("demo", "--people", "30", "--days", "3", "--until", f"2026-11-{10 + seed}", "--seed", str(seed))
    line("land", "--once")


def wait_for(found: Callable[[], Any], within_s: float = 900) -> Any:
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


def logs(server: Airflow, name: str) -> str:
    """What the tasks' logs end with."""
    found = sorted(server.home.glob(f"logs/dag_id=dagEtl/run_id={name}/**/*.log"))
    return "\n".join(f"{path.parent.name} {path.read_text()[-1500:]}" for path in found)


def cleaned(line: CommandLine) -> bool:
    return not any(line.files(folder) for folder in ("todo", "rows", "checked", "dirty"))


def by_hand(line: CommandLine) -> CommandLine:
    """A copy, cleaned and published by the command line."""
    copy = CommandLine(line.data.with_name("by_hand"))
    shutil.rmtree(copy.data, ignore_errors=True)
    shutil.copytree(line.data, copy.data)
    copy("clean", "--once")
    copy("publish", "--once")
    return copy


def same(line: CommandLine, other: CommandLine) -> bool:
    return line.lake() == other.lake() and line.documents() == other.documents()


def test_the_clock_starts_a_run_and_a_backfill_does_its_hours_again(server: Airflow, line: CommandLine) -> None:
    expected = by_hand(line)
    first = wait_for(lambda: server.ask("dags/dagEtl/dagRuns")["dag_runs"])[0]
    name = first["dag_run_id"]
    assert first["run_type"] == "scheduled"
    assert end_of(server, name) == "success", logs(server, name)
    assert same(line, expected)
    line.files("silver")[0].unlink()
    assert not same(line, expected)
    environment = ["sh", "-c", '. "$0" && exec "$@"', str(server.home / "environment.sh")]
    dates = ["--from-date", f"{LAST_MONTH:%F}", "--to-date", f"{LAST_MONTH:%F}"]
    command = ["backfill", "create", "--dag-id", "dagEtl", *dates, "--reprocess-behavior", "completed"]
    subprocess.run([*environment, str(Path(sys.prefix) / "bin" / "airflow"), *command], check=True, capture_output=True)
    again = server.ask("dags/dagEtl/dagRuns")["dag_runs"]
    assert [run["run_type"] for run in again] == ["backfill"]
    name = again[0]["dag_run_id"]
    assert end_of(server, name) == "success", logs(server, name)
    assert same(line, expected)


def test_a_run_triggered_by_rest(server: Airflow, line: CommandLine) -> None:
    land(line, 1)
    trigger(server, "by-hand")
    with pytest.raises(urllib.error.HTTPError, match="409"):
        trigger(server, "by-hand")
    assert end_of(server, "by-hand") == "success", logs(server, "by-hand")
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
    expected = by_hand(line)
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
    assert end_of(server, "after") == "success", logs(server, "after")
    assert cleaned(line)
    assert same(line, expected)


def test_a_failed_audit_says_what_and_where_and_a_next_move_that_helps(
    server: Airflow, line: CommandLine, told: list[str]
) -> None:
    gone = line.files("silver")[0]
    gone.unlink()
    land(line, 3)
    trigger(server, "red")
    assert end_of(server, "red") == "failed"
    assert {one["task_id"] for one in instances(server, "red") if one["state"] != "success"} == {"audit"}
    entries = server.ask("dags/dagEtl/dagRuns/red/taskInstances/audit/logs/1")["content"]
    what, next_move = (entry["event"] for entry in entries if entry.get("logger") == "azureEtl")
    assert what.startswith(f"{gone.relative_to(line.data / 'lake')}: Rows that bronze has")
    (error,) = (entry["error_detail"][0] for entry in entries if entry.get("error_detail"))
    assert (error["exc_type"], error["exc_value"]) == ("AirflowFailException", f"Diverged: {what} {next_move}")
    (text,) = wait_for(lambda: about(told, "red"))
    assert text.startswith("loginlake: dagEtl failed, run red.")
    line(*next_move.partition(";")[0].split()[1:])  # loginlake rebuild silver --from D --to D; then ...
    land(line, 4)
    trigger(server, "green-again")
    assert end_of(server, "green-again") == "success", logs(server, "green-again")
    assert [len(about(told, name)) for name in ("red", "green-again")] == [1, 0]


def about(told: list[str], name: str) -> list[str]:
    """What was told of a run. (The one that was cut short may have failed, and may not.)"""
    texts = [str(json.loads(said)["text"]) for said in told[1:]]
    return [text for text in texts if f"run {name}." in text]
