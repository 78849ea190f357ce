"""What the stages did is counted, and where the path stands is read from its systems."""

from __future__ import annotations

import threading
import urllib.request
from collections import Counter
from datetime import UTC, datetime

import pytest
from fakes.gold_store import FakeGold
from fakes.landing import LIMITS, T0, filled
from fakes.memory_log import MemoryLog
from fakes.object_store import FakeStore
from fakes.silver_messages import RULES
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from loginlake.bronze.land import Lander
from loginlake.errors import Misconfigured, Unavailable
from loginlake.gold.publish import PublishReport, publish
from loginlake.lake.manifest import Lake
from loginlake.observe import audited
from loginlake.observe.meter import Meter
from loginlake.observe.metered import MeteredStore
from loginlake.observe.server import StageUp, serving
from loginlake.observe.state import PathState
from loginlake.schedule import Step
from loginlake.silver.clean import CleanReport, clean

Samples = dict[tuple[str, str], float]
NOW = T0 / 1000 + 3600


def samples(*collectors: Collector) -> Samples:
    """Each sample by its name and the value of its label, if it has one."""
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for collector in collectors
        for metric in collector.collect()
        for sample in metric.samples
    }


def test_a_pass_is_counted_by_its_report() -> None:
    meter = Meter(clock=lambda: NOW, timer=iter([1.0, 3.0, 10.0, 10.5]).__next__)
    report = CleanReport(objects=2, lines=10, kept=6, repeated=1, rejected=Counter(null_email=2, not_json=1))
    assert meter.step(Step("clean", lambda: report)).run() is report
    meter.step(Step("publish", lambda: PublishReport(days=3, refreshes=1))).run()
    found = samples(meter.registry)
    ends = {end: found["loginlake_clean_lines_total", end] for end in ("kept", "repeated", "rejected", "erased")}
    assert ends == {"kept": 6, "repeated": 1, "rejected": 3, "erased": 0}
    assert found["loginlake_clean_rejected_total", "null_email"] == 2
    assert found["loginlake_clean_objects_total", ""] == 2
    assert found["loginlake_pass_seconds_sum", "clean"] == 2
    assert found["loginlake_pass_seconds_sum", "publish"] == 0.5
    assert found["loginlake_publish_days_total", ""] == 3
    assert found["loginlake_pass_success_timestamp_seconds", "clean"] == NOW


def test_a_pass_that_fails_is_counted_and_still_fails() -> None:
    meter = Meter()

    def fails() -> None:
        raise Unavailable("The lake does not answer.")

    with pytest.raises(Unavailable):
        meter.step(Step("clean", fails)).run()
    found = samples(meter.registry)
    assert found["loginlake_pass_failures_total", "clean"] == 1
    assert ("loginlake_pass_success_timestamp_seconds", "clean") not in found


def test_what_is_written_to_the_lake_is_counted_by_layer() -> None:
    meter, fake = Meter(), FakeStore()
    store = MeteredStore(fake, meter)
    store.create("bronze/a", b"123")
    store.put("silver/b", b"4567")
    store.replace("silver/b", b"89", store.get("silver/b").version)
    fake.fail_next(call="get")
    with pytest.raises(Unavailable):
        store.get("silver/b")
    found = samples(meter.registry)
    assert found["loginlake_lake_written_bytes_total", "bronze"] == 3
    assert found["loginlake_lake_written_bytes_total", "silver"] == 6
    assert found["loginlake_lake_unavailable_total", ""] == 1
    assert [entry.key for entry in store.list("")] == ["bronze/a", "silver/b"]


def test_landed_objects_and_records() -> None:
    meter, log, store = Meter(), filled(10, partitions=2), FakeStore()
    Lander(log, Lake(store), LIMITS, clock=lambda: T0).run(threading.Event(), once=True, on_landed=meter.landed)
    found = samples(meter.registry)
    assert found["loginlake_land_records_total", ""] == 10
    assert found["loginlake_land_objects_total", ""] == len(store.content("bronze/"))


def test_lag_and_the_age_of_what_waits() -> None:
    log = filled(6, partitions=2)
    log.commits["loginlake-land"] = {0: 3}
    found = samples(PathState(log=log, clock=lambda: NOW))
    assert found["loginlake_land_lag_records", "0"] == 0
    assert found["loginlake_land_oldest_seconds", "0"] == 0
    assert found["loginlake_land_lag_records", "1"] == 3
    assert found["loginlake_land_oldest_seconds", "1"] == pytest.approx(3600 - 60)
    assert found["loginlake_metrics_away", "log"] == 0


def test_work_lists_watermarks_and_the_last_audit() -> None:
    log, store, gold = filled(6), FakeStore(), FakeGold()
    Lander(log, Lake(store), LIMITS, clock=lambda: T0 + 10**7).run(threading.Event(), once=True)
    before = samples(PathState(store=store, gold=gold))
    assert before["loginlake_clean_waiting_objects", ""] == len(store.content("todo/")) > 0
    assert ("loginlake_audit_faults", "") not in before
    clean(store, RULES)
    waiting = samples(PathState(store=store))["loginlake_publish_waiting_days", ""]
    assert waiting > 0
    publish(store, gold, now=lambda: datetime(2025, 11, 26, tzinfo=UTC))
    audited.keep(store, audited.Audited(at="2025-11-24T20:00:00.000000Z", deep=True, faults=2))
    after = samples(PathState(store=store, gold=gold))
    assert after["loginlake_clean_waiting_objects", ""] == after["loginlake_publish_waiting_days", ""] == 0
    assert after["loginlake_clean_complete_until_timestamp_seconds", ""] >= T0 / 1000
    assert after["loginlake_complete_until_timestamp_seconds", ""] >= T0 / 1000
    assert after["loginlake_gold_records", "rejected"] == 6
    assert after["loginlake_audit_faults", ""] == 2
    assert after["loginlake_audit_timestamp_seconds", ""] == datetime(2025, 11, 24, 20, tzinfo=UTC).timestamp()


def test_a_system_that_is_away_is_named_and_the_others_are_told() -> None:
    log, store = filled(2), FakeStore()
    log.fail_next("ranges")
    found = samples(PathState(log=log, store=store))
    assert found["loginlake_metrics_away", "log"] == 1
    assert found["loginlake_metrics_away", "lake"] == 0
    assert ("loginlake_land_lag_records", "0") not in found


def test_the_systems_are_not_asked_again_within_five_seconds() -> None:
    times = iter([0.0, 0.0, 0.0, 4.9, 5.0, 5.0, 5.0])
    log = MemoryLog()
    state = PathState(log=log, clock=lambda: next(times))
    assert samples(state)["loginlake_land_lag_records", "0"] == 0
    log.append(b"{}")
    assert samples(state)["loginlake_land_lag_records", "0"] == 0


def test_a_user_who_may_only_read_can_audit() -> None:
    class ReadOnly(FakeStore):
        def put(self, key: str, data: bytes) -> None:
            from loginlake.errors import Denied

            raise Denied("You may only read.")

    assert not audited.keep(ReadOnly(), audited.Audited(at="2025-11-24T20:00:00Z", deep=False, faults=0))


def test_a_stage_alone_serves_its_metrics_on_a_port_of_its_own() -> None:
    meter = Meter()
    meter.landed(7)
    with serving("127.0.0.1", 0, [StageUp({"land": True}), meter.registry]) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        with pytest.raises(Misconfigured, match="LOGINLAKE_METRICS_PORT"), serving("127.0.0.1", port, []):
            pass
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"loginlake_stage_up", "loginlake_land_records"} <= names
    assert "loginlake_land_records_total 7.0" in text
    assert "_created" not in generate_latest(meter.registry).decode()
