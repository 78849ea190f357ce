"""A schedule of faults: a pure function of its seed. What each fault does is in acts.py."""

from __future__ import annotations

import random
from typing import Literal, NamedTuple

System = Literal["embedded", "real"]

STAGE_KILLS = (
    *("land.kill.fetch", "land.kill.put", "land.kill.commit"),
    *("clean.kill.rejected", "clean.kill.repeated", "clean.kill.silver", "clean.kill.receipt"),
    *("publish.kill.rows", "publish.kill.pointer"),
)
ANYWHERE = (*STAGE_KILLS, "land.zombie", "land.two", "web.kill")
KINDS: dict[System, tuple[str, ...]] = {
    "embedded": (*ANYWHERE, "land.full", "clean.full", "web.full"),
    "real": (
        *("broker.kill", "store.cut", "store.reply_dropped", "gold.kill"),
        *("broker.pause", "store.hung", "store.500", "gold.cut"),
        *("broker.down", "store.slow", "store.503", "web.full"),
        *("broker.cut", "broker.ack_dropped", "broker.slow", "store.reset"),
        *ANYWHERE,
    ),
}
ACTS_A_SCHEDULE = 4


When = Literal["before", "during", "after"]
WHEN: tuple[When, ...] = ("before", "during", "after")


class Act(NamedTuple):
    """One fault. It strikes at the `nth` call of its step, `when` tells where in it, and lasts for `hold_s`."""

    kind: str
    nth: int
    when: When
    events: int  # answered before it, at least
    hold_s: float
    chance: float  # what else there is to choose: from 0 up to, without, 1


class Schedule(NamedTuple):
    """The faults of one run, in their order."""

    seed: int
    system: System
    acts: tuple[Act, ...]


def schedule(seed: int, system: System) -> Schedule:
    """The schedule of a seed. Kinds are dealt like cards, so that neighbouring seeds together have every one."""
    chance = random.Random(f"{system} {seed}")
    kinds = KINDS[system]
    dealt = [kinds[(seed * ACTS_A_SCHEDULE + place) % len(kinds)] for place in range(ACTS_A_SCHEDULE)]
    chance.shuffle(dealt)
    return Schedule(seed, system, tuple(_act(kind, chance) for kind in dealt))


def _act(kind: str, chance: random.Random) -> Act:
    return Act(
        kind,
        chance.choice((1, 1, 2)),
        chance.choice(WHEN),
        chance.randrange(8, 25),
        chance.uniform(0.1, 0.8),
        chance.random(),
    )
