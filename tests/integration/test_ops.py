"""ops/ is true: every metric that it asks for is exposed by a running product, and every alert fires when it must."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.command_line import SECRET, CommandLine
from fakes.promql import Evaluator, Scrape, Vector, names, scrape
from prometheus_client import CollectorRegistry, generate_latest

from loginlake import verbs
from loginlake.settings import Settings
from loginlake.stream.spool_record import SpoolState
from loginlake.web.health import _Spool
from services.child import free_port

ROOT = Path(__file__).parents[2]
ALERTS: dict[str, Any] = {
    rule["alert"]: rule
    for group in yaml.safe_load((ROOT / "ops" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
DASHBOARD: dict[str, Any] = json.loads((ROOT / "ops" / "grafana-dashboard.json").read_text())
PANELS = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]
DOCS = (ROOT / "docs" / "metrics.md").read_text()
LONG_S = 120.0
ALL: frozenset[tuple[str, str]] = frozenset()


def get(port: int, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=LONG_S) as answer:
        text: str = answer.read().decode()
        return text


def value(found: Scrape, name: str) -> float:
    return sum(found.samples.get(name, {}).values())


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """/metrics of `loginlake run`, before and after a few hundred sign-ins went through it; the second has a spool."""
    folder, port = tmp_path_factory.mktemp("ops"), free_port()
    line = CommandLine(folder / "data")
    line("demo", "--people", "40", "--days", "2")
    line.send(b"no JSON")
    line("audit")
    env = {name: text for name, text in os.environ.items() if not name.upper().startswith("LOGINLAKE_")}
    env |= {"LOGINLAKE_DATA": str(line.data), "LOGINLAKE_SECRET": SECRET, "LOGINLAKE_PORT": str(port)}
    command = [sys.executable, "-m", "loginlake", "run"]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        first = get(port)
        get(port, "/ready")
        deadline = time.monotonic() + LONG_S
        while not _is_through(text := get(port)):
            assert time.monotonic() < deadline, text
            threading.Event().wait(0.2)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Spool(SpoolState(0, 0, 0.0, True, ())))
        yield [first, text + generate_latest(registry).decode() + 'up{job="loginlake"} 1\n']
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LONG_S)


def _is_through(text: str) -> bool:
    found = scrape(text, 0)
    names = ("gold_records", "clean_rejected_total", "pass_success_timestamp_seconds")
    return all(value(found, f"loginlake_{name}") > 0 for name in names)


@pytest.fixture
def healthy(exposed: list[str]) -> tuple[Scrape, Scrape]:
    """The product as it is, said to have been so for an hour."""
    now = time.time()
    return scrape(exposed[1], now - 3600), scrape(exposed[1], now)


def changed(healthy: tuple[Scrape, Scrape], changes: dict[str, Vector | float]) -> Evaluator:
    """The product with some samples put in place of its own: all of a metric, or more since the earlier scrape."""
    earlier, later = healthy
    samples = dict(later.samples)
    for name, change in changes.items():
        if isinstance(change, dict):
            samples[name] = change
        else:
            samples[name] = {labels: number + change for labels, number in later.samples[name].items()}
    return Evaluator(earlier, Scrape(later.at, samples))


def test_every_metric_that_ops_asks_for_is_exposed(healthy: tuple[Scrape, Scrape]) -> None:
    asked = {name for rule in ALERTS.values() for name in names(rule["expr"])}
    asked |= {name for _, expression in PANELS for name in names(expression)}
    assert len(asked) > 25
    assert asked - healthy[1].samples.keys() == set()


def test_every_metric_is_in_the_docs_and_named_by_convention(exposed: list[str]) -> None:
    families = dict(re.findall(r"^# TYPE (loginlake_\w+) (\w+)$", "\n".join(exposed), re.MULTILINE))
    told = set(re.findall(r"^\| `(loginlake_\w+)` \|", DOCS, re.MULTILINE))
    assert told == set(families)
    helped = dict(re.findall(r"^# HELP (loginlake_\w+) (.+)$", "\n".join(exposed), re.MULTILINE))
    assert helped.keys() == families.keys()
    for name, kind in families.items():
        assert name.endswith("_total") == (kind == "counter"), name
        assert not re.search(r"_(ms|minutes|kb|mb)$", name), name


def test_no_metric_holds_a_persons_datum(exposed: list[str]) -> None:
    assert "@" not in exposed[1]
    labels = set(re.findall(r'[{,](\w+)="', exposed[1]))
    assert labels <= {"partition", "end", "reason", "stage", "layer", "kind", "system", "le", "job"}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_silent_while_all_is_well(healthy: tuple[Scrape, Scrape], name: str) -> None:
    assert Evaluator(*healthy)(ALERTS[name]["expr"]) == {}


NOW = time.time()
REJECTED = {frozenset({("end", "rejected")}): 1e5, frozenset({("end", "kept")}): 1e5}
TROUBLE: dict[str, dict[str, Vector | float]] = {
    "LoginlakeStageDown": {"loginlake_stage_up": {frozenset({("stage", "land")}): 0.0}},
    "LoginlakeAway": {"up": {frozenset({("job", "loginlake")}): 0.0}},
    "LoginlakeLag": {"loginlake_land_oldest_seconds": 301.0},
    "LoginlakeBehind": {"loginlake_complete_until_timestamp_seconds": {ALL: NOW - 7200}},
    "LoginlakeRejectedShare": {"loginlake_clean_lines_total": REJECTED},
    "LoginlakeExpired": {"loginlake_land_expired_records": 3.0},
    "LoginlakeAuditFailed": {"loginlake_audit_faults": 1.0},
    "LoginlakeAuditOld": {"loginlake_audit_timestamp_seconds": {ALL: NOW - 180_000}},
    "LoginlakeDamagedObjects": {"loginlake_clean_damaged_objects": 1.0},
    "LoginlakeSpoolFilling": {"loginlake_spool_oldest_seconds": 700.0},
    "LoginlakeSpoolFull": {"loginlake_spool_takes": {ALL: 0.0}},
    "LoginlakeUnavailable": {"loginlake_web_unavailable_total": 5.0, "loginlake_web_answered_total": 95.0},
    "LoginlakeKeysStale": {"loginlake_keys_age_seconds": 8000.0, "loginlake_keys_failed": 1.0},
    "LoginlakePassesFail": {"loginlake_pass_failures_total": 4.0},
}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_fires_when_it_must(healthy: tuple[Scrape, Scrape], name: str) -> None:
    assert changed(healthy, TROUBLE[name])(ALERTS[name]["expr"]), ALERTS[name]["expr"]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_is_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"page", "warn"}
    assert {"summary", "description"} <= rule["annotations"].keys()
    assert f"| `{name}` |" in DOCS


@pytest.mark.parametrize(("title", "expression"), PANELS)
def test_a_panel_shows_something(healthy: tuple[Scrape, Scrape], title: str, expression: str) -> None:
    assert Evaluator(*healthy)(expression)


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    taken = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(set(taken)) == len(taken), "panels overlap"
    assert max(x for x, _ in taken) < 24
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in panels)
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]


def test_prometheus_asks_where_the_product_answers() -> None:
    asked = yaml.safe_load((ROOT / "ops" / "prometheus.yml").read_text())
    assert asked["rule_files"] == ["alerts.yml"]
    assert asked["scrape_configs"][0]["job_name"] == "loginlake"
    assert asked["scrape_configs"][0]["static_configs"][0]["targets"] == [f"localhost:{Settings().port}"]


def test_a_lander_alone_answers_on_its_own_port(tmp_path: Path) -> None:
    port, stop = free_port(), threading.Event()
    CommandLine(tmp_path / "data").send(b"{}")
    settings = Settings(data=tmp_path / "data", metrics_port=port, land_max_records=1)
    landing = threading.Thread(target=lambda: verbs.land(settings, stop, once=False))
    landing.start()
    try:
        deadline = time.monotonic() + LONG_S
        while not (text := _answer(port)) or "loginlake_land_records_total 1.0" not in text:
            assert time.monotonic() < deadline, text
            threading.Event().wait(0.05)
    finally:
        stop.set()
        landing.join()
    assert 'loginlake_stage_up{stage="land"} 1.0' in text
    assert 'loginlake_land_lag_records{partition="0"}' in text
    assert "loginlake_gold_records" not in text


def _answer(port: int) -> str:
    try:
        return get(port)
    except OSError:  # not listening yet
        return ""
