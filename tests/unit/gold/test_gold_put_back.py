"""A gold that is older than what was published, or gone under a running publisher: the next pass makes it whole."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.gold_store import FakeGold
from fakes.object_store import FakeStore
from fakes.silver_objects import Row, put_silver, signin

from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.publish import PublishReport, publish
from loginlake.gold.read import Snapshot, person
from loginlake.gold.store import GoldStore
from loginlake.lake import keys

FIRST = [signin(f"u{number}", f"2026-11-{10 + number}T10:00") for number in range(5)]
LATER = [*FIRST, signin("u1", "2026-11-12T11:00"), signin("u9", "2026-11-20T11:00")]


def run(store: FakeStore, gold: GoldStore) -> PublishReport:
    return publish(store, gold, now=lambda: datetime(2026, 11, 24, 12, tzinfo=UTC))


def seen(gold: GoldStore) -> tuple[object, ...]:
    """What readers find."""
    snapshot = Snapshot.open(gold)
    people = [person(gold, "google", f"u{number}") or {} for number in range(10)]
    known = [{key: value for key, value in found.items() if key != "generation"} for found in people]
    return snapshot.all_days(), snapshot.pipeline(), snapshot.recent(), known


def expected(rows: list[Row]) -> tuple[object, ...]:
    store, gold = FakeStore(), FakeGold()
    put_silver(store, rows)
    run(store, gold)
    return seen(gold)


def test_an_older_gold_put_back_is_published_to_whole_once() -> None:
    store, gold = FakeStore(), FakeGold()
    put_silver(store, FIRST)
    run(store, gold)
    backup = copy.deepcopy(gold.collections)
    put_silver(store, LATER)
    run(store, gold)
    run(store, gold)
    gold.collections = backup
    assert seen(gold) != expected(LATER)
    assert run(store, gold).days == 6
    assert seen(gold) == expected(LATER)
    assert run(store, gold).days == 0


@pytest.mark.parametrize("said", [None, b"", b"{", b'{"generation":"x"}'])
def test_a_lake_that_says_nothing_of_it_is_told(said: bytes | None) -> None:
    store, gold = FakeStore(), FakeGold()
    put_silver(store, FIRST)
    run(store, gold)
    if said is None:
        store.delete(keys.PUBLISH_WATERMARK)
    else:
        store.put(keys.PUBLISH_WATERMARK, said)
    assert run(store, gold).days == 0
    assert store.get(keys.PUBLISH_WATERMARK).data == b'{"generation":1}'


def test_another_gold_for_a_lake_is_published_to_whole_once() -> None:
    store, gold, other = FakeStore(), FakeGold(), FakeGold()
    for rows in (FIRST, LATER, FIRST):
        put_silver(store, rows)
        run(store, gold)
    assert run(store, other).days == 5
    assert run(store, other).days == 0
    assert seen(other) == expected(FIRST)


def remove(path: Path) -> None:
    for name in ("gold.db", "gold.db-wal", "gold.db-shm"):
        (path.parent / name).unlink(missing_ok=True)


def exchange(path: Path) -> None:
    shutil.copy(path.parent / "backup.db", path.parent / "new.db")
    remove(path)
    (path.parent / "new.db").rename(path)


@pytest.mark.parametrize("change", [Path.unlink, remove, exchange])
def test_a_file_gone_under_a_publisher_is_made_anew_by_its_next_pass(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    store, path = FakeStore(), tmp_path / "gold.db"
    put_silver(store, FIRST)
    first = EmbeddedGold(path)
    run(store, first)
    first.close()
    shutil.copy(path, tmp_path / "backup.db")
    gold = EmbeddedGold(path)
    put_silver(store, LATER)
    run(store, gold)
    change(path)
    run(store, gold)
    other = EmbeddedGold(path)
    assert seen(other) == seen(gold) == expected(LATER)
    gold.close()
    other.close()
