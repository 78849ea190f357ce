"""check: a line a system, with what to do; every system is tried and left as it was found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fakes.gold_store import FakeGold
from fakes.memory_log import MemoryLog
from fakes.object_store import FakeStore

from loginlake.check import Line, check, gold_probe, lake_probe, log_probe
from loginlake.errors import Denied
from loginlake.gold.publish import INDEXES
from loginlake.lake.store import ObjectStore

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_every_system_that_is_well_has_a_line() -> None:
    log, store, gold = MemoryLog(3), FakeStore(), FakeGold()
    log.append(b"{}")
    lines = check({"log": log_probe(log), "lake": lake_probe(store), "gold": gold_probe(gold, INDEXES)})
    assert [(line.system, line.well) for line in lines] == [("log", True), ("lake", True), ("gold", True)]
    assert "3 partitions, 1 records" in lines[0].said
    assert "no lake yet" in lines[1].said
    assert store.objects == {}
    assert gold.count("pointer") == 0


def test_what_is_wrong_is_said_with_the_next_move_and_the_others_are_asked() -> None:
    log, store, gold = MemoryLog(), FakeStore(), FakeGold()
    log.fail_next("ranges")
    gold.fail_at(0)

    def refused() -> str:
        raise Denied("The topic is closed to us.", "The password is wrong.", "Correct it.")

    assert log_probe(MemoryLog(2), lambda: "topic as it must be")() == "topic as it must be; 2 partitions, 0 records."
    probes = {
        "log": log_probe(log),
        "topic": log_probe(MemoryLog(), refused),
        "lake": lake_probe(store),
        "gold": gold_probe(gold, INDEXES),
    }
    lines = {line.system: line for line in check(probes)}
    assert [system for system, line in lines.items() if not line.well] == ["log", "topic", "gold"]
    assert lines["topic"] == ("topic", False, "The topic is closed to us. The password is wrong.", "Correct it.")
    assert str(lines["topic"]) == "FAIL topic The topic is closed to us. The password is wrong. Correct it."


class Careless(FakeStore):
    """A store without conditions."""

    def create(self, key: str, data: bytes) -> None:
        self.put(key, data)


def test_a_store_that_does_not_keep_its_promise_is_found() -> None:
    store: ObjectStore = Careless()
    (line,) = check({"lake": lake_probe(store)})
    assert not line.well
    assert "taken" in line.said


@pytest.mark.parametrize(("skew_s", "well"), [(0, True), (-29, True), (31, False), (-3_600, False)])
def test_clocks_are_compared(skew_s: int, well: bool) -> None:
    def clock() -> datetime:
        return NOW + timedelta(seconds=skew_s)

    lines = check(
        {
            "lake": lake_probe(FakeStore(), clock=clock, now=lambda: NOW),
            "gold": gold_probe(FakeGold(), INDEXES, clock=clock, now=lambda: NOW),
        }
    )
    assert [line.well for line in lines] == [well, well]
    assert well or "NTP" in lines[0].next_move


def test_a_missing_container_is_created_when_asked_for() -> None:
    (line,) = check({"lake": lake_probe(FakeStore(), create=lambda: True, clock=lambda: None)})
    assert line.well
    assert "container created" in line.said


def test_no_system_is_no_line() -> None:
    assert check({}) == []
    assert str(Line("gold", True, "Fine.")) == "ok   gold  Fine."
