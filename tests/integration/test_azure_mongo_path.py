"""The whole path on Azurite and MongoDB gives what it gives on a folder and SQLite; two of a stage lose nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import whole_path
from fakes.landing import land
from fakes.silver_messages import RULES
from services_azurite_mongo import Golds, Lakes

from loginlake.errors import Conflict
from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.publish import publish
from loginlake.lake.by_url import open_store
from loginlake.silver.clean import clean

pytestmark = pytest.mark.services
EVENTS = 400


@pytest.fixture
def expected(tmp_path: Path) -> tuple[dict[str, bytes], object]:
    """The lake's content and gold's documents of an undisturbed run on a folder and SQLite."""
    store, gold = open_store(f"file:{tmp_path / 'lake'}"), EmbeddedGold(tmp_path / "gold.db")
    whole_path.pass_through(whole_path.filled(EVENTS), store, gold)
    found = whole_path.content(store), whole_path.documents(gold)
    gold.close()
    tops = {key.split("/")[0] for key in found[0]}
    assert tops == {"bronze", "silver", "repeated", "rejected", "receipts", "people", "lake.json"}
    return found


def together(*work: Callable[[], object]) -> None:
    """Run all at once; the first failure is raised."""
    failures: list[BaseException] = []
    start = threading.Barrier(len(work))

    def guarded(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(act,)) for act in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_the_path_gives_what_it_gives_on_one_machine(
    lakes: Lakes, golds: Golds, expected: tuple[dict[str, bytes], object]
) -> None:
    log, store, gold = whole_path.filled(EVENTS), lakes.new(), golds.new()
    for _ in range(2):  # the second finds nothing to do, and changes nothing
        whole_path.pass_through(log, store, gold)
        assert whole_path.content(store) == expected[0]
        assert whole_path.documents(gold) == expected[1]
        assert whole_path.left_to_do(store) == []


def test_two_of_every_stage_at_once_lose_nothing(
    lakes: Lakes, golds: Golds, expected: tuple[dict[str, bytes], object]
) -> None:
    log, url, place = whole_path.filled(EVENTS), lakes.url(), golds.url()
    first, second = lakes.again(url), lakes.again(url)
    together(*(lambda store=store: land(log, store, whole_path.LIMITS) for store in (first, second)))
    together(*(lambda store=store: clean(store, RULES) for store in (first, second)))
    publishers = [(first, golds.again(place)), (second, golds.again(place))]
    together(
        *(lambda store=store, gold=gold: publish(store, gold, now=lambda: whole_path.NOW) for store, gold in publishers)
    )
    assert whole_path.content(first) == expected[0]
    assert whole_path.documents(publishers[0][1]) == expected[1]
    assert whole_path.left_to_do(first) == []


def test_a_publisher_beside_two_cleaners_misses_no_day(
    lakes: Lakes, golds: Golds, expected: tuple[dict[str, bytes], object]
) -> None:
    """Days are published while their hours still change: a mark that is lost would leave old answers for good."""
    url, gold = lakes.url(), golds.new()
    land(whole_path.filled(EVENTS), lakes.again(url), whole_path.LIMITS)
    cleaned = threading.Event()

    def clean_both() -> None:
        together(*(lambda: clean(lakes.again(url), RULES, max_rows=40) for _ in range(2)))
        cleaned.set()

    def publish_all_along() -> None:
        while not cleaned.is_set():
            try:
                publish(lakes.again(url), gold, now=lambda: whole_path.NOW)
            except Conflict:
                continue

    together(clean_both, publish_all_along)
    publish(lakes.again(url), gold, now=lambda: whole_path.NOW)
    assert whole_path.content(lakes.again(url)) == expected[0]
    assert whole_path.documents(gold) == expected[1]
    assert whole_path.left_to_do(lakes.again(url)) == []
