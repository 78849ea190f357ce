"""The drills by name, and how one is run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from loginlake.drill import crashes, inputs, outages
from loginlake.drill.count import Outcome, count
from loginlake.drill.ground import Ground

DRILLS: dict[str, Callable[[Ground], None]] = {
    "broker-down": outages.broker_down,
    "lake-down": outages.lake_down,
    "gold-down": outages.gold_down,
    "kill-lander": crashes.kill_lander,
    "kill-cleaner": crashes.kill_cleaner,
    "clock-jump": inputs.clock_jump,
    "duplicate-storm": inputs.duplicate_storm,
    "poison-lines": inputs.poison_lines,
    "full-disk": outages.full_disk,
}


class Line(NamedTuple):
    """A drill in the list."""

    name: str
    summary: str


def listed() -> list[Line]:
    """Every drill and what happens in it."""
    return [Line(name, (drill.__doc__ or "").partition("\n")[0]) for name, drill in DRILLS.items()]


def run(name: str, *, seed: int, size: int, tell: Callable[[str], None]) -> Outcome:
    """Run a drill in a temporary folder, which is removed; `tell` gets the lines of the timeline."""
    with tempfile.TemporaryDirectory(prefix=f"loginlake-{name}-") as folder:
        ground = Ground(Path(folder) / "data", seed=seed, size=size, tell=tell)
        try:
            DRILLS[name](ground)
            ground.finish()
            return count(ground)
        finally:
            ground.close()
