"""Kill land, clean and publish with -9, again and again, and compare what is left with an undisturbed run.

`python -m kill.drill --rounds 100 --seed 7` ends after 100 kills, once each step was hit at least 5 times.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from kill.processes import forking
from kill.stage import SECRET, STAGE_OF_STEP, run_stage

from loginlake import verbs
from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.store import Index
from loginlake.lake import lines
from loginlake.settings import Settings

UNTIL = datetime(2026, 11, 20, 18, tzinfo=UTC)
COMPARED = ("bronze", "silver", "repeated", "rejected", "receipts", "people", "expired")
STAGES = ("land", "clean", "publish")
_LONGEST_S = 600


class Outcome(NamedTuple):
    kills: Counter[str]
    differences: list[str]


def make_log(data: Path) -> None:
    """A log full of made-up sign-ins, with every kind of trouble in them."""
    options = verbs.DemoOptions(60, 2, 7, UNTIL, 0.1, 0.06, 0.04, 0.05, if_empty=False, to_stdout=False)
    verbs.demo(Settings(data=data, secret=SECRET), options)


def run(data: Path, stage: str, step: str = "none", nth: int = 1, when: str = "before") -> bool:
    """Run a stage once in a process of its own; whether it was killed. Any other bad end is an error."""
    process = forking().Process(target=run_stage, args=(str(data), stage, step, nth, when))
    process.start()
    process.join(_LONGEST_S)
    if process.exitcode == -signal.SIGKILL:
        return True
    if process.exitcode != 0:
        raise RuntimeError(f"{stage} ended with {process.exitcode}")
    return False


def content(data: Path) -> dict[str, Any]:
    """Everything that must be equal: each object's uncompressed content, each document without its generation."""
    found: dict[str, Any] = {}
    lake = data / "lake"
    for folder in COMPARED:
        for path in sorted((lake / folder).rglob("*")):
            if path.is_file():
                raw = path.read_bytes()
                found[str(path.relative_to(lake))] = lines.decode(raw) if path.suffix == ".gz" else raw
    gold = EmbeddedGold(data / "gold.db")
    pointer = gold.read("pointer", ["current"])["current"]
    for key, generation in pointer["keys"]:
        name = f"{generation}:{key}"
        found[f"rows/{key}"] = _plain(gold.read("rows", [name])[name])
    for document in _all_users(gold):
        found[f"users/{document['_id']}"] = _plain(document)
    gold.close()
    return found


def _all_users(gold: EmbeddedGold) -> Iterator[Any]:
    after = None
    while page := gold.page(Index("users", ()), after=after, limit=500):
        yield from page
        after = (page[-1]["_id"],)


def _plain(document: Any) -> Any:
    return {k: v for k, v in document.items() if k not in {"_id", "generation", "version", "published_at"}}


def leftovers(data: Path) -> list[str]:
    """Work that is still on a list although everything was done."""
    return [str(p) for folder in ("todo", "dirty") for p in (data / "lake" / folder).rglob("*") if p.is_file()]


def compare(expected: dict[str, Any], data: Path) -> list[str]:
    actual = content(data)
    names = sorted(expected.keys() | actual.keys())
    return [n for n in names if expected.get(n) != actual.get(n)] + leftovers(data)


def one_round(rng: random.Random, log: Path, expected: dict[str, Any], data: Path, wanted: list[str]) -> Outcome:
    """Kills at the wanted steps in random order, then every stage twice in random order, then once more in order."""
    shutil.copytree(log, data)
    kills: Counter[str] = Counter()
    for step in wanted:
        when = rng.choice(("before", "during", "after"))
        if run(data, STAGE_OF_STEP[step], step, rng.randrange(1, 4), when):
            kills[step] += 1
        if rng.random() < 0.5:
            run(data, rng.choice(STAGES))
    twice = [*STAGES, *STAGES]
    rng.shuffle(twice)
    for stage in (*twice, *STAGES):
        run(data, stage)
    return Outcome(kills, compare(expected, data))


def wanted_steps(rng: random.Random, kills: Counter[str]) -> list[str]:
    """The steps in an order that the path can reach, those hit least so far first within a stage."""
    steps = sorted(STAGE_OF_STEP, key=lambda step: (STAGES.index(STAGE_OF_STEP[step]), kills[step], rng.random()))
    return steps if rng.random() < 0.7 else rng.sample(steps, len(steps))


def drill(kills_wanted: int, seed: int, least: int) -> Outcome:
    """Rounds until so many kills have happened and every step had its share; stops at the first difference."""
    rng = random.Random(seed)
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        make_log(base / "log")
        shutil.copytree(base / "log", base / "undisturbed")
        for stage in STAGES:
            run(base / "undisturbed", stage)
        expected = content(base / "undisturbed")
        number = 0
        while sum(total.values()) < kills_wanted or min(total[step] for step in STAGE_OF_STEP) < least:
            number += 1
            outcome = one_round(rng, base / "log", expected, base / f"round{number}", wanted_steps(rng, total))
            total += outcome.kills
            print(f"round {number}: {dict(outcome.kills)} differences {len(outcome.differences)}", flush=True)
            if outcome.differences:
                return Outcome(total, outcome.differences)
            shutil.rmtree(base / f"round{number}")
    return Outcome(total, [])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="kills")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--least", type=int, default=5, help="kills that every step must have had")
    arguments = parser.parse_args()
    outcome = drill(arguments.rounds, arguments.seed, arguments.least)
    print(f"seed {arguments.seed}, kills {sum(outcome.kills.values())}: {msgspec.json.encode(outcome.kills).decode()}")
    for name in outcome.differences[:20]:
        print(f"DIFFERENT: {name}")
    print(f"different objects and documents: {len(outcome.differences)}")
    return 1 if outcome.differences else 0


if __name__ == "__main__":
    sys.exit(main())
