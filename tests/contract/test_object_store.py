"""What every object store must do, run on every adapter (and on the fake that other tests rely on)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.object_store import FakeStore
from services_azurite_mongo import Lakes

from loginlake.errors import Conflict, ObjectExists, ObjectNotFound
from loginlake.lake.by_url import open_store
from loginlake.lake.store import ObjectStore


@pytest.fixture(params=["folder", "memory", "fake", pytest.param("azure", marks=pytest.mark.services)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    """An empty store of each kind."""
    if request.param == "folder":
        yield open_store(f"file:{tmp_path / 'a' / 'lake'}")
    elif request.param == "memory":
        yield open_store("memory:")
    elif request.param == "azure":
        lakes: Lakes = request.getfixturevalue("lakes")
        yield lakes.new()
    else:
        yield FakeStore()


def names(store: ObjectStore, prefix: str, after: str | None = None) -> list[str]:
    return [entry.key for entry in store.list(prefix, after)]


def test_what_was_written_is_read(store: ObjectStore) -> None:
    store.create("a/b=1/c.bin", b"\x00\xff" * 1000)
    assert store.get("a/b=1/c.bin").data == b"\x00\xff" * 1000


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put("todo/x", b"")
    assert store.get("todo/x").data == b""
    assert names(store, "todo") == ["todo/x"]


def test_a_missing_object_is_named(store: ObjectStore) -> None:
    store.put("a/b", b"1")
    for key in ("nothing", "a", "a/c", "a/b/c", "x/y/z"):
        with pytest.raises(ObjectNotFound):
            store.get(key)


@pytest.mark.parametrize("key", ["", "/", "a//b", "a/../b", "../b", ".locks/x"])
def test_a_name_that_no_object_has_is_not_found(store: ObjectStore, key: str) -> None:
    with pytest.raises(ObjectNotFound):
        store.get(key)


def test_create_only_lets_the_first_win(store: ObjectStore) -> None:
    store.create("a", b"first")
    with pytest.raises(ObjectExists):
        store.create("a", b"second")
    assert store.get("a").data == b"first"


def test_replace_takes_the_version_that_was_read(store: ObjectStore) -> None:
    store.create("a", b"1")
    read = store.get("a")
    store.replace("a", b"2", read.version)
    with pytest.raises(Conflict):
        store.replace("a", b"3", read.version)
    assert store.get("a").data == b"2"


def test_versions_differ_though_content_and_size_are_equal(store: ObjectStore) -> None:
    seen = set()
    for _ in range(50):
        store.put("a", b"same")
        seen.add(store.get("a").version)
    assert len(seen) == 50


def test_replace_of_nothing_creates_only(store: ObjectStore) -> None:
    store.replace("a", b"1", None)
    with pytest.raises(Conflict):
        store.replace("a", b"2", None)


def test_replace_of_something_that_is_gone_conflicts(store: ObjectStore) -> None:
    store.create("a", b"1")
    version = store.get("a").version
    store.delete("a")
    with pytest.raises(Conflict):
        store.replace("a", b"2", version)


def test_put_writes_whatever_is_there(store: ObjectStore) -> None:
    store.put("a", b"1")
    store.put("a", b"22")
    assert store.get("a").data == b"22"


def test_delete_removes_and_forgives(store: ObjectStore) -> None:
    store.put("a/b/c", b"1")
    store.put("a/d", b"1")
    store.delete("a/b/c")
    store.delete("a/b/c")
    store.delete("never/was")
    assert names(store, "a") == ["a/d"]
    store.put("a/b/c", b"2")
    assert store.get("a/b/c").data == b"2"


def test_list_goes_by_name_and_by_whole_segments(store: ObjectStore) -> None:
    keys = ["a-b", "a/b-c/d", "a/bc/d", "a/c", "ab/c", "b"]
    for key in reversed(keys):
        store.put(key, key.encode())
    assert names(store, "a") == names(store, "a/") == ["a/b-c/d", "a/bc/d", "a/c"]
    assert names(store, "") == sorted(keys)
    assert names(store, "a/b") == []
    assert names(store, "nothing") == []


def test_list_goes_on_past_a_name(store: ObjectStore) -> None:
    keys = [f"x/date=2026-11-{day:02d}/{offset:020d}" for day in (1, 2, 3) for offset in (0, 5)]
    for key in keys:
        store.put(key, b"")
    for at, key in enumerate(keys):
        assert names(store, "x", key) == keys[at + 1 :]
        assert names(store, "x", key + "!") == keys[at + 1 :]
    assert names(store, "x/date=2026-11-02", keys[2]) == [keys[3]]
    for past in ("x/date=2026-11-02/\x7f", "x/date=2026-11-02/~", "x/date=2026-11-02/z/", "x/date=2026-11-03"):
        assert names(store, "x", past) == keys[4:]
    for before in ("x/date=2026-11-02/", "x/date=2026-11-02//z", "x/date=2026-11-02/\x00"):
        assert names(store, "x", before) == keys[2:]


def test_list_tells_size_and_the_version_that_get_tells(store: ObjectStore) -> None:
    store.put("a/b", b"12345")
    (entry,) = store.list("a")
    assert (entry.key, entry.size, entry.version) == ("a/b", 5, store.get("a/b").version)


def test_of_many_creators_one_wins(store: ObjectStore) -> None:
    won: list[int] = []
    barrier = threading.Barrier(8)

    def create(who: int) -> None:
        barrier.wait()
        try:
            store.create("deep/er/name", b"%d" % who * 1000)
        except ObjectExists:
            return
        won.append(who)

    run_all(create, 8)
    assert len(won) == 1
    assert store.get("deep/er/name").data == b"%d" % won[0] * 1000


def test_no_update_is_lost_by_replace(store: ObjectStore) -> None:
    store.create("n", b"0")

    def add(_: int) -> None:
        for _ in range(10):
            while True:
                read = store.get("n")
                try:
                    store.replace("n", b"%d" % (int(read.data) + 1), read.version)
                except Conflict:
                    continue
                break

    run_all(add, 4)
    assert store.get("n").data == b"40"


def test_writers_and_removers_of_one_folder_do_not_disturb_each_other(store: ObjectStore) -> None:
    def churn(who: int) -> None:
        for turn in range(20):
            store.put(f"todo/d/{who}-{turn}", b"")
            store.delete(f"todo/d/{who}-{turn}")

    run_all(churn, 4)
    assert names(store, "todo") == []


def test_a_lock_can_be_taken_again(store: ObjectStore) -> None:
    for _ in range(2):
        with store.lock("silver/signins/date=2026-11-24/hour=01"):
            store.put("a", b"1")


def run_all(work: object, threads: int) -> None:
    assert callable(work)
    failures: list[BaseException] = []

    def guarded(who: int) -> None:
        try:
            work(who)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    running = [threading.Thread(target=guarded, args=(who,)) for who in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert failures == []
