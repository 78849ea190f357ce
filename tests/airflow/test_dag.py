"""dagEtl by `dag.test()`: what it leaves is what the command line leaves, whatever happens on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import CommandLine
from fakes.silver_messages import signin, value

from loginlake import wiring
from loginlake.errors import Denied, LoginlakeError, Unavailable
from loginlake.lake.keys import Slot
from loginlake.lake.store import ObjectStore
from loginlake.schedule import Step, run_passes
from loginlake.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
Point = Callable[..., None]
STEPS = ["find", "azureEtl.check", "azureEtl.hours", "azureEtl.merge", "azureEtl.receipts", "goldDB", "audit"]
ONE = Counter({"success": 1})


def left(line: CommandLine) -> list[Path]:
    return [path for folder in ("todo", "rows", "checked", "dirty") for path in line.files(folder)]


def same(line: CommandLine, other: CommandLine) -> None:
    ours, theirs = line.lake(), other.lake()
    assert [key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)] == []
    assert line.documents() == other.documents()
    assert left(line) == []


def test_it_is_parsed_without_errors_or_warnings(dag_bag: Any) -> None:
    assert dag_bag.import_errors == {}
    assert list(dag_bag.dags) == ["dagEtl"]
    dag = dag_bag.dags["dagEtl"]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        import_module("airflow.dag_processing.dagbag").DagBag(str(ROOT / "dags"))
    assert [str(warning.message) for warning in seen] == []
    assert [task.task_id for task in dag.topological_sort()] == STEPS
    assert (dag.max_active_runs, dag.catchup, dag.tags) == (1, False, {"loginlake", "etl"})
    assert dag.doc_md
    for task in dag.tasks:
        assert task.owner == "loginlake"
        assert timedelta(0) < task.execution_timeout <= timedelta(hours=1)
        assert task.retries == 3
        assert task.retry_exponential_backoff == 2.0
        assert task.python_callable.__doc__
    assert [asset.uri for asset in dag.get_task("azureEtl.merge").outlets] == ["loginlake://silver/"]


def test_the_routing_slip_is_short() -> None:
    slip = (ROOT / "dags" / "dagEtl.py").read_text()
    assert len(slip.splitlines()) < 70
    assert "loginlake." not in slip.split('"""', 2)[2]


def test_a_run_leaves_what_the_command_line_leaves(etl: Any, line: CommandLine, by_hand: CommandLine) -> None:
    state, tasks = etl.run()
    assert state == "success"
    assert tasks == dict.fromkeys(STEPS, ONE)
    same(line, by_hand)
    assert line.json("status", "--check")["to_clean"] == 0
    assert etl.run() == (
        "success",
        {**tasks, "azureEtl.check": Counter(skipped=1), "azureEtl.merge": Counter(skipped=1)},
    )
    same(line, by_hand)


def test_small_portions_make_many_tasks_and_the_same_content(
    etl: Any, line: CommandLine, by_hand: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure_etl = sys.modules[etl.dag.get_task("find").python_callable.__module__]
    monkeypatch.setattr(azure_etl, "PORTION_BYTES", 1)
    monkeypatch.setattr(azure_etl, "MOST_TASKS", 6)
    state, tasks = etl.run()
    assert state == "success"
    assert tasks["azureEtl.check"]["success"] > 2
    assert tasks["azureEtl.merge"]["success"] > 2
    same(line, by_hand)


def test_airflow_and_the_embedded_schedule_call_the_same_functions_in_the_same_order(
    etl: Any, line: CommandLine, by_hand: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    def watch(module: str, owner: str | None, name: str) -> None:
        holder: Any = import_module(module)
        holder = getattr(holder, owner) if owner else holder
        real = getattr(holder, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            if name not in called:
                called.append(name)
            return real(*arguments, **named)

        monkeypatch.setattr(holder, name, watched)

    watch("loginlake.silver.check", "Checker", "check")
    watch("loginlake.silver.merger", "Merger", "merge")
    watch("loginlake.silver.merger", None, "merge_hours")
    watch("loginlake.gold.publish", None, "publish")
    told, stop = Settings(), threading.Event()
    store = wiring.open_lake(told)
    with closing(wiring.open_gold(told)) as gold:
        passes: list[Step[Any]] = [wiring.clean_step(told, store), wiring.publish_step(store, gold)]
        run_passes([*passes, Step("stop", stop.set)], stop, every_s=0)
    same(line, by_hand)
    by_schedule, called[:] = list(called), []
    shutil.rmtree(line.data)
    shutil.copytree(by_hand.data, line.data)
    shutil.rmtree(line.data / "lake" / "receipts")
    for path in (line.data / "lake" / "bronze").rglob("*.gz"):
        entry = line.data / "lake" / "todo" / path.relative_to(line.data / "lake" / "bronze")
        entry.parent.mkdir(parents=True, exist_ok=True)
        entry.touch()
    assert etl.run()[0] == "success"
    assert by_schedule == called == ["check", "merge", "merge_hours", "publish"]
    same(line, by_hand)


@pytest.mark.parametrize(
    ("places", "name"),
    [
        ([(13, 0)], "2026-11-24 hour 13"),
        ([(13, 2)], "2026-11-24 hour 13 shard 02"),
        ([(13, 2), (13, 3)], "2026-11-24 hour 13 shards 02 to 03"),
        ([(13, 0), (14, 0)], "2026-11-24 hour 13 to 2026-11-24 hour 14"),
    ],
)
def test_the_name_of_a_merge(places: list[tuple[int, int]], name: str) -> None:
    azure_etl: Any = import_module("azureEtl")
    assert azure_etl.slots_name([Slot("signins", "2026-11-24", hour, shard) for hour, shard in places]) == name


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-24T13:00", "2026-11-24T13:05", [("2026-11-24", 13)]),
        ("2026-11-24T13:05", "2026-11-24T14:00", []),
        ("2026-11-24T22:55", "2026-11-25T00:05", [("2026-11-24", 23), ("2026-11-25", 0)]),
    ],
)
def test_the_hours_of_a_backfill(start: str, end: str, hours: list[tuple[str, int]]) -> None:
    timezone: Any = import_module("airflow.sdk.timezone")
    azure_etl: Any = import_module("azureEtl")
    assert azure_etl.whole_hours(timezone.parse(start), timezone.parse(end)) == hours


def test_a_run_with_nothing_new_lists_no_history(etl: Any, line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert etl.run()[0] == "success"
    listed: list[str] = []
    real = wiring.open_lake

    def watched(*told: Any) -> Any:
        store = real(*told)
        find = store.list

        def noted(prefix: str, *after: Any) -> Any:
            listed.append(prefix)
            return find(prefix, *after)

        monkeypatch.setattr(store, "list", noted)
        return store

    monkeypatch.setattr(wiring, "open_lake", watched)
    assert etl.run()[0] == "success"
    assert set(listed) == {"todo/", "heads/", "rows/", "checked/", "dirty/"}


class Broken:
    """A lake of which each of some methods raises at its next call, so many times."""

    def __init__(self, store: ObjectStore, error: Exception, times: dict[str, int]) -> None:
        self._store, self._error, self._times = store, error, times

    def __getattr__(self, name: str) -> Any:
        if self._times.get(name):
            self._times[name] -= 1
            raise self._error
        return getattr(self._store, name)


def break_lake(monkeypatch: pytest.MonkeyPatch, error: Exception, **times: int) -> dict[str, int]:
    real = wiring.open_lake
    monkeypatch.setattr(wiring, "open_lake", lambda told: Broken(real(told), error, times))
    return times


def test_a_store_that_is_down_for_one_try_is_tried_again(
    etl: Any, line: CommandLine, by_hand: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = Unavailable("The lake did not answer.", "", "It is tried again.")
    left_to_fail = break_lake(monkeypatch, down, list=1, get=1, put=1, replace=1, delete=1)
    assert etl.run()[0] == "success"
    assert set(left_to_fail.values()) == {0}
    same(line, by_hand)


def test_what_cannot_pass_fails_at_once_and_the_next_run_heals(
    etl: Any, line: CommandLine, by_hand: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        break_lake(patch, Denied("The lake refused.", "It is read-only.", "Give the right to write."), replace=99)
        state, tasks = etl.run()
    assert state == "failed"
    assert tasks["azureEtl.merge"] == Counter(failed=1)
    assert tasks["goldDB"] == Counter(upstream_failed=1)
    assert etl.run()[0] == "success"
    same(line, by_hand)


@pytest.fixture(scope="module")
def killer(airflow_home: Path) -> Iterator[subprocess.Popen[str]]:
    """The process that runs the DAG in forks of its own, to be killed (killed_run.py)."""
    path = os.pathsep.join(str(ROOT / part) for part in ("src", "tests", "dags", "."))
    command = [sys.executable, str(Path(__file__).with_name("killed_run.py"))]
    with (
        (airflow_home / "killer.log").open("w") as log,
        subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            bufsize=1,
        ) as process,
    ):
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("step", "nth", "when"),
    [("rejected", 1, "after"), ("silver", 2, "during"), ("receipt", 3, "after"), ("rows", 1, "before")],
)
def test_a_task_killed_while_it_writes_is_healed_by_the_next_run(
    etl: Any, killer: Any, line: CommandLine, by_hand: CommandLine, step: str, nth: int, when: str
) -> None:
    asked = {"step": step, "nth": nth, "when": when, "settings": line.env}
    killer.stdin.write(f"{json.dumps(asked)}\n")
    assert int(killer.stdout.readline()) == -signal.SIGKILL
    assert left(line) != []
    assert etl.run()[0] == "success"
    same(line, by_hand)


def test_the_audit_fails_the_run_when_the_account_does_not_balance(etl: Any, line: CommandLine) -> None:
    assert etl.run()[0] == "success"
    lost = line.files("silver")[0]
    lost.unlink()
    line.send(value(signin(time="2026-11-20T10:00:00Z")))
    line("land", "--once")
    state, tasks = etl.run()
    assert (state, tasks["goldDB"], tasks["audit"]) == ("failed", ONE, Counter(failed=1))


@pytest.mark.parametrize(("error", "at_once"), [(Denied, True), (Unavailable, False)])
def test_a_condition_is_a_few_lines_of_the_log_and_airflows_own(
    error: type[LoginlakeError], at_once: bool, caplog: pytest.LogCaptureFixture
) -> None:
    azure_etl: Any = import_module("azureEtl")

    @azure_etl.named  # type: ignore[untyped-decorator]
    def task() -> None:
        raise error("The lake refused.", "It is read-only.", "Give the right to write.")

    exceptions: Any = import_module("airflow.sdk.exceptions")
    with pytest.raises(exceptions.AirflowException, match=error.__name__) as raised:
        task()
    assert isinstance(raised.value, exceptions.AirflowFailException) is at_once
    assert raised.value.__suppress_context__  # one trace, not two
    assert caplog.messages == ["The lake refused.", "It is read-only.", "Give the right to write."]


def test_a_damaged_object_fails_the_audit_and_stops_nothing_else(etl: Any, line: CommandLine) -> None:
    line.files("bronze")[0].write_bytes(b"no gzip")
    state, tasks = etl.run()
    assert (state, tasks["goldDB"], tasks["audit"]) == ("failed", ONE, Counter(failed=1))
    assert len(line.files("todo")) == 1


def test_settings_from_a_connection(
    etl: Any, line: CommandLine, by_hand: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOGINLAKE_SECRET")
    monkeypatch.setenv("DAGETL_CONNECTION", "lake")
    told = {"conn_type": "generic", "password": line.env["LOGINLAKE_SECRET"], "extra": {}}
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(told))
    assert etl.run()[0] == "success"
    same(line, by_hand)


def test_a_connection_with_an_extra_that_is_no_setting_fails_at_once(
    etl: Any, line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGETL_CONNECTION", "lake")
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", '{"conn_type": "generic", "extra": {"lake": "x"}}')
    state, tasks = etl.run()
    assert (state, tasks["find"]) == ("failed", Counter(failed=1))


def test_a_failed_run_is_told_to_a_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            del format, args

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setenv("DAGETL_ALERT_WEBHOOK", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("DAGETL_ALERT_EMAIL", "ops@example.com")
        alert: Any = import_module("etlAlert")
        told = alert.callbacks()
        assert len(told) == 2
        told[0]({"dag": type("D", (), {"dag_id": "dagEtl"}), "run_id": "r1"})
    assert b"dagEtl failed, run r1" in heard[0]
