"""Bronze objects judged again, while others land and clean."""

from __future__ import annotations

import pytest
from fakes.object_store import FakeStore, Killed
from fakes.silver_messages import RULES, later, origins, put_bronze, rows, signin, value
from fakes.silver_objects import full_outcome

from loginlake.errors import Corrupt
from loginlake.lake import keys, lines
from loginlake.silver.clean import clean
from loginlake.silver.hours import Owners
from loginlake.silver.reasons import REQUIRED, Rules
from loginlake.silver.reclean import rebuild, reclean, unfinished

DAY = "2026-11-24"


def one_shard(_date: str) -> int:
    return 1


class Beside(FakeStore):
    """Lands and cleans more, once, right after the reclean has listed bronze."""

    def __init__(self) -> None:
        super().__init__()
        self._partitions: tuple[int, ...] = ()

    def more(self, *partitions: int) -> None:
        self._partitions = partitions

    def get(self, key: str):  # type: ignore[no-untyped-def]
        waiting, self._partitions = self._partitions, ()
        for partition in waiting if key.startswith("bronze/") else ():
            put_bronze(self, [value(signin())] * 3, start=50, partition=partition, arrived=later(5))
            clean(self, RULES)
        self._partitions = self._partitions or (() if key.startswith("bronze/") else waiting)
        return super().get(key)


@pytest.mark.parametrize("partitions", [(0,), (0, 7)])
def test_a_rebuild_keeps_what_was_landed_and_cleaned_after_it_began(partitions: tuple[int, ...]) -> None:
    store = Beside()
    key = put_bronze(store, [value(signin()), value(signin()), value(signin(id="e2"))])
    clean(store, RULES)
    store.more(*partitions)
    rebuild(store, RULES, shards=one_shard)
    ends = [origins(rows(store, prefix)) for prefix in ("silver/", "repeated/")]
    assert sorted(ends[0] + ends[1]) == origins(rows(store, "bronze/"))
    before = full_outcome(store)
    reclean(store, RULES, [key], shards=one_shard)
    assert full_outcome(store) == before


def test_rows_of_no_object_go_from_silver_and_from_repeated() -> None:
    store = FakeStore()
    put_bronze(store, [value(signin()), value(signin())])
    clean(store, RULES)
    before = full_outcome(store)
    slot = keys.Slot("signins", DAY, 10)
    for key in (keys.silver(slot), keys.repeated(slot)):
        content = lines.decode(store.get(key).data)
        store.put(key, lines.compress(content + content.replace(b'"offset":', b'"offset":77')))
    rebuild(store, RULES, shards=one_shard)
    assert full_outcome(store) == before


def test_an_owner_that_landed_later_is_found_when_looked_for_again() -> None:
    store = FakeStore()
    first = put_bronze(store, [value(signin())] * 2)
    owners = Owners(store)
    second = put_bronze(store, [value(signin())] * 2, start=2, arrived=later(4000))
    other = put_bronze(store, [value(signin())], partition=3)
    places = [(0, 0, 1), (0, 0, 3), (0, 3, 0), (0, 3, 1), (1, 0, 0)]
    assert [owners.of(place) for place in places] == [first, None, None, None, None]
    owners.look_again()
    assert [owners.of(place) for place in places] == [first, second, other, None, None]


def test_the_rows_behind_a_damaged_last_object_are_its_own() -> None:
    store = FakeStore()
    key = put_bronze(store, [value(signin())])
    store.put(key, b"no gzip")
    assert Owners(store).of((0, 0, 5)) == key


def strict(*without: str) -> Rules:
    return Rules(secret=RULES.secret, required=frozenset(REQUIRED) - {*without})


def test_a_replay_that_was_cut_and_is_ended_by_other_rules_leaves_nothing_of_the_first() -> None:
    """The row that only the middle rules accept is in an hour that neither the receipt nor the last rules name."""
    whole = FakeStore()
    alone = value(signin({"picture": None}, id="e2", time=f"{DAY}T08:00:00Z"))
    put_bronze(whole, [value(signin()), alone])
    clean(whole, RULES)
    for nth in range(60):
        store = FakeStore()
        key = put_bronze(store, [value(signin()), alone])
        clean(store, RULES)
        for entry in list(store.list("dirty/")):
            store.delete(entry.key)
        store.fail_at(nth, "kill-after")
        try:
            reclean(store, strict("picture"), [key], shards=one_shard)
        except Killed:
            store.heal()
            again = unfinished(store)
            reclean(store, RULES, [], shards=one_shard)
            if again:
                assert full_outcome(store) == full_outcome(whole)
                assert keys.dirty(DAY) in store.objects or nth < 8
            assert unfinished(store) == []
        else:
            assert nth > 15
            return
    raise AssertionError("it never ended")


def test_a_replay_takes_no_damaged_hour_for_an_empty_one() -> None:
    store = FakeStore()
    key = put_bronze(store, [value(signin())])
    put_bronze(store, [value(signin(id="e2"))], start=5)
    clean(store, RULES)
    silver = keys.silver(keys.Slot("signins", DAY, 10))
    store.put(silver, b"cut")
    with pytest.raises(Corrupt, match=rf"{silver}.*rebuild silver --from {DAY} --to {DAY}"):
        reclean(store, RULES, [key], shards=one_shard)
    assert store.get(silver).data == b"cut"


@pytest.mark.parametrize("of", ["silver", "repeated"])
@pytest.mark.parametrize("damage", [b"", b"no gzip", lines.compress(b'{"log":0,"partition":0,"offset":0}\n')])
def test_a_rebuild_makes_a_damaged_hour_anew(of: str, damage: bytes) -> None:
    store = FakeStore()
    for number in range(20):  # more than are judged at once
        event = signin(id=f"e{number // 2}") if of == "repeated" else signin(id=f"e{number}")
        put_bronze(store, [value(event)], start=number)
    clean(store, RULES)
    before = full_outcome(store)
    slot = keys.Slot("signins", DAY, 10)
    store.put(keys.silver(slot) if of == "silver" else keys.repeated(slot), damage)
    rebuild(store, RULES, shards=one_shard, first=DAY, last=DAY)
    assert full_outcome(store) == before


def test_a_damaged_hour_of_nothing_is_emptied() -> None:
    store = FakeStore()
    slot = keys.Slot("signins", DAY, 7)
    store.put(keys.silver(slot), b"cut")
    store.put(keys.repeated(keys.Slot("refusals", DAY, 8)), b"cut")
    rebuild(store, RULES, shards=one_shard)
    assert lines.decode(store.get(keys.silver(slot)).data) == b""
    assert full_outcome(store) == {}


def test_a_rebuild_of_a_damaged_hour_that_was_cut_goes_on_where_it_was() -> None:
    for nth in range(0, 400, 7):
        store = FakeStore()
        for number in range(20):
            put_bronze(store, [value(signin(id=f"e{number}"))], start=number)
        clean(store, RULES)
        before = full_outcome(store)
        store.put(keys.silver(keys.Slot("signins", DAY, 10)), b"cut")
        store.fail_at(nth, "kill-after")
        try:
            rebuild(store, RULES, shards=one_shard)
        except Killed:
            store.heal()
            if lines_or_none(store) is not None:  # no longer damaged: nobody would call for a rebuild
                reclean(store, RULES, [], shards=one_shard)
                assert full_outcome(store) == before
        else:
            return
    raise AssertionError("it never ended")


def lines_or_none(store: FakeStore) -> bytes | None:
    try:
        return lines.decode(store.get(keys.silver(keys.Slot("signins", DAY, 10))).data)
    except Corrupt:
        return None


def test_an_object_whose_receipt_cannot_be_read_is_made_anew_whatever_days_are_asked_for() -> None:
    store = FakeStore()
    key = put_bronze(store, [value(signin())])
    clean(store, RULES)
    before = full_outcome(store)
    store.put(keys.receipt(key), b"{")
    rebuild(store, RULES, shards=one_shard, first=DAY, last=DAY)
    assert full_outcome(store) == before
