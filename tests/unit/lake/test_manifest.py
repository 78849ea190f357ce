"""lake.json: made once whoever comes first, and the numbers of the logs."""

from __future__ import annotations

import threading

import pytest
from fakes.object_store import FakeStore

from loginlake.errors import Corrupt, Unavailable, UnknownLayout, UnknownLog
from loginlake.lake.by_url import open_store
from loginlake.lake.manifest import Lake, find_manifest


def test_the_first_log_is_0_and_stays_so() -> None:
    store = FakeStore()
    assert [Lake(store).log_number("a"), Lake(store).log_number("a")] == [0, 0]
    assert store.content()["lake.json"] == b'{"layout":1,"rules":1,"shards":1,"logs":["a"],"partitions":null}\n'


def test_a_lake_made_by_another_stage_takes_the_first_log() -> None:
    store = FakeStore()
    assert Lake(store, rules=3, shards=2).manifest().logs == ()
    assert Lake(store).log_number("a") == 0
    manifest = Lake(store).manifest()
    assert (manifest.rules, manifest.shards) == (3, 2)


def test_another_log_stops_with_the_next_move() -> None:
    store = FakeStore()
    Lake(store).log_number("a")
    with pytest.raises(UnknownLog, match="loginlake topic --new-log"):
        Lake(store).log_number("b")
    assert Lake(store).add_log("b") == Lake(store).add_log("b") == Lake(store).log_number("b") == 1
    with pytest.raises(UnknownLog):
        Lake(store).log_number("a")
    assert Lake(store).add_log("a") == 2


def test_an_unknown_layout_stops() -> None:
    store = FakeStore()
    store.put("lake.json", b'{"layout":2,"something":"else"}')
    with pytest.raises(UnknownLayout):
        Lake(store).log_number("a")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"layout":1}', b"\xff"])
def test_a_broken_file_stops(data: bytes) -> None:
    store = FakeStore()
    store.put("lake.json", data)
    with pytest.raises(Corrupt):
        Lake(store).manifest()


def test_of_many_first_comers_all_agree() -> None:
    store = open_store("memory:")
    barrier = threading.Barrier(8)
    numbers: list[int] = []

    def come(who: int) -> None:
        barrier.wait()
        if who % 2:
            Lake(store).manifest()
        else:
            numbers.append(Lake(store).log_number("a"))

    threads = [threading.Thread(target=come, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers == [0, 0, 0, 0]
    assert Lake(store).manifest().logs == ("a",)


def test_two_first_logs_do_not_both_win() -> None:
    store = FakeStore()
    store.fail_next(how="own", call="replace")
    assert Lake(store).log_number("a") == 0
    with pytest.raises(UnknownLog):
        Lake(store).log_number("b")


@pytest.mark.parametrize("nth", range(5))
def test_a_time_out_at_any_call_can_be_repeated(nth: int) -> None:
    store = FakeStore()
    store.fail_at(nth, "after")
    try:
        Lake(store).log_number("a")
    except Unavailable:
        assert Lake(store).log_number("a") == 0
    assert Lake(store).manifest().logs == ("a",)


def test_land_tells_how_wide_the_last_log_is_and_a_log_only_grows() -> None:
    store = FakeStore()
    Lake(store).log_number("a")
    assert Lake(store).manifest().partitions is None
    for told, kept in ((4, 4), (12, 12), (4, 12)):  # at last a lander that slept through the growth
        Lake(store).tell_partitions(0, told)
        assert Lake(store).manifest().partitions == kept
    Lake(store).add_log("b")
    Lake(store).tell_partitions(0, 40)
    assert Lake(store).manifest().partitions is None, "that was another log"
    Lake(store).tell_partitions(1, 3)
    found = find_manifest(store)
    assert found is not None
    assert found.partitions == 3


def test_a_lake_that_is_not_there_is_not_made_by_asking() -> None:
    store = FakeStore()
    assert find_manifest(store) is None
    assert store.objects == {}
