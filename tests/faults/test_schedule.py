"""A schedule is a pure function of its seed, and neighbouring seeds have every fault."""

from __future__ import annotations

import pytest
from faults.drill import schedules
from faults.schedule import KINDS, System, schedule


def test_a_seed_gives_the_same_schedule_again() -> None:
    assert schedule(7, "embedded") == schedule(7, "embedded") != schedule(8, "embedded")


@pytest.mark.parametrize(("system", "count"), [("embedded", 16), ("real", 7)])
def test_neighbouring_seeds_have_every_fault(system: System, count: int) -> None:
    assert {act.kind for plan in schedules(count, 3, system) for act in plan.acts} == set(KINDS[system])


def test_four_real_schedules_have_every_fault_that_only_real_servers_have() -> None:
    dealt = {act.kind for plan in schedules(4, 0, "real") for act in plan.acts}
    assert set(KINDS["real"]) - set(KINDS["embedded"]) <= dealt


def test_every_fifth_schedule_of_a_drill_is_on_real_servers() -> None:
    systems = [plan.system for plan in schedules(200, 0)]
    assert (systems.count("embedded"), systems.count("real")) == (160, 40)
