"""What every gold store must do. Adapters join ADAPTERS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.gold_store import FakeGold
from services_azurite_mongo import Golds

from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.store import GoldStore, Index

Opener = Callable[[], GoldStore]


def _embedded(request: pytest.FixtureRequest) -> Opener:
    path = request.getfixturevalue("tmp_path") / "deep" / "gold.db"
    return lambda: EmbeddedGold(path)


def _fake(_: pytest.FixtureRequest) -> Opener:
    gold = FakeGold()
    return lambda: gold


def _mongo(request: pytest.FixtureRequest) -> Opener:
    golds: Golds = request.getfixturevalue("golds")
    url = golds.url()
    return lambda: golds.again(url)


# Each makes the opener of one new place: opened twice, two clients of it.
ADAPTERS = {"embedded": _embedded, "fake": _fake, "mongo": _mongo}
MANY = {"embedded": 12_000, "fake": 12_000, "mongo": 1_200}
BY_LAST = Index("people", ("town", "last"))


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.services] if name == "mongo" else []) for name in ADAPTERS]
)
def opener(request: pytest.FixtureRequest) -> Opener:
    return ADAPTERS[request.param](request)


@pytest.fixture
def many(request: pytest.FixtureRequest) -> int:
    return MANY[request.node.callspec.params["opener"]]


@pytest.fixture
def gold(opener: Opener) -> Iterator[GoldStore]:
    store = opener()
    yield store
    store.close()


def _person(name: str, town: str = "a", last: int = 0, **more: Any) -> dict[str, Any]:
    return {"_id": name, "town": town, "last": last, **more}


def test_reads_of_what_was_never_prepared_are_empty(gold: GoldStore) -> None:
    assert gold.read("people", ["x"]) == {}
    assert gold.count("people") == 0
    assert gold.page(BY_LAST) == []
    gold.delete("people", ["x"])


def test_prepare_is_idempotent_and_keeps_documents(gold: GoldStore) -> None:
    gold.prepare([BY_LAST])
    gold.replace("people", [_person("x")])
    gold.prepare([BY_LAST, Index("people", ("last",))])
    assert gold.count("people") == 1
    assert [document["_id"] for document in gold.page(Index("people", ("last",)))] == ["x"]


def test_a_document_comes_back_as_it_was_written(gold: GoldStore) -> None:
    document = {
        "_id": "google|1",
        "name": 'Ñandú "x" \x00 \U0001f600 \u202e',
        "none": None,
        "yes": True,
        "number": 2**53,
        "half": 0.5,
        "list": [1, [2, {"a": None}]],
        "days": {"2026-11-24": 3},
    }
    gold.replace("people", [document])
    assert gold.read("people", ["google|1", "other"]) == {"google|1": document}


def test_replace_is_whole(gold: GoldStore) -> None:
    gold.replace("people", [_person("x", extra=1)])
    gold.replace("people", iter([_person("x", last=2)]))
    assert gold.read("people", ["x"]) == {"x": _person("x", last=2)}


def test_collections_are_apart(gold: GoldStore) -> None:
    gold.replace("people", [_person("x")])
    gold.replace("rows", [{"_id": "x", "other": 1}])
    gold.delete("rows", ["x", "absent"])
    assert gold.count("people") == 1
    assert gold.read("rows", ["x"]) == {}


@pytest.mark.parametrize(("stored", "new", "kept"), [(5, 4, 5), (5, 5, 5), (5, 6, 6)])
def test_replace_newer_never_goes_back(gold: GoldStore, stored: int, new: int, kept: int) -> None:
    gold.replace_newer("people", [_person("x", generation=stored, mark="stored")])
    gold.replace_newer("people", [_person("x", generation=new, mark="new"), _person("y", generation=new)])
    found = gold.read("people", ["x", "y"])
    assert found["x"]["generation"] == kept
    assert found["x"]["mark"] == ("stored" if new < stored else "new")
    assert found["y"]["generation"] == new


def test_compare_and_set_needs_the_expected_version(gold: GoldStore) -> None:
    first = {"_id": "current", "version": 1}
    assert not gold.compare_and_set("pointer", first, 0)
    assert gold.compare_and_set("pointer", first, None)
    assert not gold.compare_and_set("pointer", first, None)
    assert not gold.compare_and_set("pointer", {"_id": "current", "version": 9}, 2)
    assert gold.compare_and_set("pointer", {"_id": "current", "version": 2}, 1)
    assert gold.read("pointer", ["current"]) == {"current": {"_id": "current", "version": 2}}


def test_one_of_many_wins_a_compare_and_set(gold: GoldStore) -> None:
    start = threading.Barrier(8)
    wins: list[int] = []

    def compete(number: int) -> None:
        start.wait()
        if gold.compare_and_set("pointer", {"_id": "current", "version": 1, "by": number}, None):
            wins.append(number)

    threads = [threading.Thread(target=compete, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    assert gold.read("pointer", ["current"])["current"]["by"] == wins[0]


@pytest.mark.parametrize("descending", [False, True])
def test_pages_cover_everything_once_in_order(gold: GoldStore, descending: bool) -> None:
    gold.prepare([BY_LAST])
    people = [_person(f"p{n:02d}", town="ab"[n % 2], last=n // 5) for n in range(23)]
    gold.replace("people", people)
    seen: list[tuple[str, int, str]] = []
    after: tuple[str, int, str] | None = None
    while page := gold.page(BY_LAST, after=after, limit=4, descending=descending):
        assert len(page) <= 4
        seen += [(document["town"], document["last"], document["_id"]) for document in page]
        after = seen[-1]
    assert seen == sorted(((p["town"], p["last"], p["_id"]) for p in people), reverse=descending)


@pytest.mark.parametrize("descending", [False, True])
def test_a_prefix_holds_the_first_fields(gold: GoldStore, descending: bool) -> None:
    gold.replace("people", [_person(f"p{n}", town="ab"[n % 2], last=n) for n in range(8)])
    page = gold.page(BY_LAST, prefix=("b",), limit=2, descending=descending)
    mark = ("b", page[-1]["last"], page[-1]["_id"])
    page += gold.page(BY_LAST, prefix=("b",), after=mark, limit=9, descending=descending)
    assert [document["last"] for document in page] == sorted([1, 3, 5, 7], reverse=descending)


def test_a_count_is_of_the_range_from_its_value(gold: GoldStore) -> None:
    index = Index("users", ("signins",))
    gold.replace("users", [{"_id": f"u{n}", "signins": n % 7, "last": f"2026-11-{n + 1:02d}"} for n in range(20)])
    assert [gold.count_from(index, least) for least in (0, 1, 6, 7)] == [20, 17, 2, 0]
    assert gold.count_from(Index("users", ("last",)), "2026-11-20") == 1
    assert gold.count_from(Index("nobody", ("signins",)), 0) == 0


def test_many_documents_at_once(gold: GoldStore, many: int) -> None:
    names = [f"p{n}" for n in range(many)]
    gold.replace("people", (_person(name) for name in names))
    assert len(gold.read("people", names)) == many
    gold.delete("people", names[1:])
    assert gold.count("people") == 1


def test_a_second_store_on_the_same_place_sees_the_first(opener: Opener) -> None:
    first, second = opener(), opener()
    first.replace("people", [_person("x")])
    assert second.count("people") == 1
    assert second.compare_and_set("pointer", {"_id": "current", "version": 1}, None)
    assert not first.compare_and_set("pointer", {"_id": "current", "version": 1}, None)
    first.close()
    second.close()


def test_of_many_writers_the_newest_generation_stays(opener: Opener) -> None:
    stores = [opener() for _ in range(4)]
    start = threading.Barrier(4)

    def write(number: int) -> None:
        start.wait()
        for generation in range(number, 40, 4):
            documents = [_person(f"p{n}", generation=generation, by=number) for n in range(5)]
            stores[number].replace_newer("people", documents)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = stores[0].read("people", [f"p{n}" for n in range(5)])
    assert [document["generation"] for document in found.values()] == [39] * 5
    for store in stores:
        store.close()


def test_no_switch_is_lost_among_competitors(opener: Opener) -> None:
    stores = [opener() for _ in range(4)]

    def count_up(gold: GoldStore) -> None:
        for _ in range(8):
            while True:
                seen = gold.read("pointer", ["current"]).get("current", {"version": None, "n": 0})
                new = {"_id": "current", "version": (seen["version"] or 0) + 1, "n": seen["n"] + 1}
                if gold.compare_and_set("pointer", new, seen["version"]):
                    break

    threads = [threading.Thread(target=count_up, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].read("pointer", ["current"])["current"] == {"_id": "current", "version": 32, "n": 32}
    for store in stores:
        store.close()


def test_an_id_may_hold_anything(gold: GoldStore) -> None:
    names = ["a", "a\x00b", "a\x00c", 'a"]', "día\u202e", "\x00"]
    gold.replace("users", [{"_id": name, "n": number} for number, name in enumerate(names)])
    assert {name: found["n"] for name, found in gold.read("users", names).items()} == {
        name: number for number, name in enumerate(names)
    }
