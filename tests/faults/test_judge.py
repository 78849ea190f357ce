"""The judge of the schedules sees what it is there to see."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest
from fakes import whole_path
from fakes.gold_store import FakeGold
from fakes.memory_log import MemoryLog
from fakes.object_store import FakeStore
from faults.client import Client
from faults.judge import Verdict, judge


class After:
    """A run of every stage that nothing disturbed, and a client that was told of all that is in silver."""

    def __init__(self) -> None:
        self.log: MemoryLog = whole_path.filled(60)
        self.store, self.gold = FakeStore(), FakeGold()
        whole_path.pass_through(self.log, self.store, self.gold)
        self.client = Client(0, "", [], 0)
        lines = [line for data in self.store.content("silver/").values() for line in gzip.decompress(data).splitlines()]
        self.client.answered = {json.loads(line)["id"] for line in lines}

    def verdict(self) -> Verdict:
        return judge(self.log, self.store, self.gold, self.client)

    def count_a_day_too_high(self) -> None:
        next(row for name, row in self.gold.collections["rows"].items() if ":day:" in name)["signins"] += 1

    def first(self, folder: str) -> str:
        return next(iter(self.store.content(folder)))


@pytest.fixture
def after() -> After:
    return After()


def test_nothing_is_wrong_with_an_undisturbed_run(after: After) -> None:
    verdict = after.verdict()
    assert (verdict.records, verdict.lost, verdict.double, verdict.wrong) == (60, 0, 0, [])
    assert min(verdict.repeated, verdict.rejected) > 0


@pytest.mark.parametrize("folder", ["bronze/", "silver/signins/"])
def test_what_is_gone_is_lost(after: After, folder: str) -> None:
    after.store.delete(after.first(folder))
    verdict = after.verdict()
    assert verdict.lost > 0
    assert verdict.wrong


@pytest.mark.parametrize("folder", ["bronze/", "silver/signins/", "repeated/", "rejected/"])
def test_what_is_there_again_is_double(after: After, folder: str) -> None:
    key = after.first(folder)
    after.store.put(
        key.replace("000", "001", 1) if folder == "bronze/" else f"{folder}again", after.store.get(key).data
    )
    assert after.verdict().double > 0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda after: after.store.put("todo/x", b""), "work on a list"),
        (lambda after: after.store.delete(after.first("rejected/")), "in no end"),
        (lambda after: after.client.bad.update(after.client.answered), "lacks an e-mail"),
        (lambda after: after.count_a_day_too_high(), "gold's days"),
    ],
)
def test_everything_else_is_said_in_words(after: After, spoil: Callable[[After], object], words: str) -> None:
    spoil(after)
    assert any(words in said for said in after.verdict().wrong)
