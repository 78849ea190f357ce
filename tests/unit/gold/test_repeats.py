"""How many repeats there are follows what is in the lake, also where nothing of silver changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fakes.gold_store import FakeGold
from fakes.object_store import FakeStore
from fakes.silver_messages import RULES, later, put_bronze, signin, value

from loginlake.errors import Conflict
from loginlake.gold.publish import publish
from loginlake.gold.read import Snapshot
from loginlake.lake import keys, lines
from loginlake.silver.clean import clean
from loginlake.silver.hours import Replacement, replace
from loginlake.silver.reclean import rebuild, reclean
from loginlake.silver.rows import Rows

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = "2026-11-24"
SLOT = keys.Slot("signins", DAY, 10)


def figures(store: FakeStore, gold: FakeGold) -> tuple[int, int]:
    """Sign-ins and repeats, published."""
    publish(store, gold, now=lambda: NOW)
    snapshot = Snapshot.open(gold)
    (day,), sums = snapshot.days(DAY, DAY), snapshot.pipeline()
    assert (day["signins"], day["repeated"]) == (sums["signins"], sums["repeated"])
    return sums["signins"], sums["repeated"]


def one_shard(_date: str) -> int:
    return 1


def test_repeats_that_arrive_later_are_counted() -> None:
    store, gold = FakeStore(), FakeGold()
    first = put_bronze(store, [value(signin())] * 2)
    clean(store, RULES)
    assert figures(store, gold) == (1, 1)
    before = store.content("silver/")
    put_bronze(store, [value(signin())] * 3, start=50, arrived=later(5))
    clean(store, RULES)
    assert store.content("silver/") == before
    assert figures(store, gold) == (1, 4)
    reclean(store, RULES, [first], shards=one_shard)
    rebuild(store, RULES, shards=one_shard)
    assert figures(store, gold) == (1, 4)


def test_a_rebuild_that_changes_only_repeats_is_published() -> None:
    store, gold = FakeStore(), FakeGold()
    put_bronze(store, [value(signin())] * 2)
    clean(store, RULES)
    key = keys.repeated(SLOT)
    content = lines.decode(store.get(key).data)
    store.put(key, lines.compress(content + content.replace(b'"offset":', b'"offset":77')))
    store.put(keys.dirty(DAY), b"")
    assert figures(store, gold) == (1, 2)
    rebuild(store, RULES, shards=one_shard)
    assert figures(store, gold) == (1, 1)


class Beaten(FakeStore):
    """Another process writes silver's hour, as it was to be, in the moment before it is replaced."""

    armed = False

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        if self.armed and key == keys.silver(SLOT):
            self.armed = False
            self.put(key, data)
            raise Conflict("written", "by another", "again")
        super().replace(key, data, expected)


@pytest.mark.parametrize("armed", [False, True])
def test_an_hour_whose_repeats_were_written_has_changed(armed: bool) -> None:
    store = Beaten()
    put_bronze(store, [value(signin())] * 2)
    clean(store, RULES)
    store.armed = armed
    nothing = Replacement(Rows(), lambda _: None, lambda: None, (), False, lambda _: None, lambda: None)
    assert replace(store, SLOT, nothing)
    assert [lines.decode(store.get(key).data) for key in (keys.silver(SLOT), keys.repeated(SLOT))] == [b"", b""]
    assert not replace(store, SLOT, nothing)
