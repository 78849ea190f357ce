from __future__ import annotations

import contextlib
import itertools
import json
import random
import threading
from pathlib import Path

import pytest
from fakes.examples import examples
from fakes.object_store import FakeStore, Killed
from fakes.silver_messages import RULES, put_bronze, put_head, refusal, rows, signin, value
from fakes.silver_objects import outcome
from hypothesis import example, given
from hypothesis import strategies as st

from loginlake.errors import Unavailable
from loginlake.lake import keys, lines
from loginlake.lake.by_url import open_store
from loginlake.lake.store import ObjectStore
from loginlake.silver import steps
from loginlake.silver.clean import clean
from loginlake.silver.reclean import rebuild
from loginlake.silver.steps import CheckReport, Found, MergeReport, OnTheWay, SettleReport

DAY = "2026-11-24"
LISTS = ("todo/", "rows/", "checked/")


def fill(store: ObjectStore, seed: int, objects: int = 4, size: int = 6) -> list[str]:
    """Bronze objects of good, repeated, refused and broken messages, over three hours."""
    rng = random.Random(seed)

    def message() -> bytes | None:
        event = signin({"user_id": str(rng.randint(1, 3))}, id=f"e{rng.randint(1, 6)}")
        event["time"] = f"{DAY}T{rng.choice(('08', '09', '10'))}:00:{rng.randint(0, 59):02d}Z"
        others = [value(refusal(id=event["id"])), value(signin({"email": None})), b"x", None]
        return rng.choice([value(event)] * 6 + others)

    made = ([message() for _ in range(size)] for _ in range(objects))
    return [put_bronze(store, found, start=at * size, partition=at % 2) for at, found in enumerate(made)]


def in_steps(store: ObjectStore, shards: int = 1, portion: int = 2) -> SettleReport:
    """What the DAG does, in its order."""
    found = steps.find(store, most=100)
    checks = [
        steps.check(store, RULES, lambda _: shards, found.objects[at : at + portion])
        for at in range(0, len(found.objects), portion)
    ]
    for waiting in steps.on_the_way(store):
        steps.merge(store, RULES, [waiting.slot])
    return steps.settle(store, found, [key for report in checks for key in report.waiting])


def left(store: ObjectStore) -> list[str]:
    return [entry.key for prefix in LISTS for entry in store.list(prefix)]


def cleaned(seed: int, shards: int = 1) -> dict[str, bytes]:
    store = FakeStore()
    fill(store, seed)
    clean(store, RULES, shards=lambda _: shards)
    return outcome(store)


def test_each_step_by_hand(tmp_path: Path) -> None:
    store = open_store(f"file:{tmp_path / 'lake'}")
    put_head(store, 0, "2026-11-24T10:31:00.000000Z")
    key = put_bronze(store, [value(signin()), value(signin()), value(refusal(id="r")), b"x"])
    found = steps.find(store, most=10)
    assert found == Found([key], "2026-11-24T10:31:00.000000Z")
    report = steps.check(store, RULES, lambda _: 1, found.objects)
    assert report == CheckReport(1, 4, 1, [], [])
    sign_ins, refusals = keys.Slot("signins", DAY, 10), keys.Slot("refusals", DAY, 10)
    waiting = steps.on_the_way(store)
    assert [slot for slot, _ in waiting] == [refusals, sign_ins]
    assert waiting == [OnTheWay(slot, len(store.get(keys.rows(slot, key)).data)) for slot in (refusals, sign_ins)]
    assert steps.settle(store, found, report.waiting) == SettleReport(0, 1, None)
    assert steps.merge(store, RULES, [sign_ins]) == MergeReport(1, 1, 1)
    assert steps.settle(store, found, report.waiting) == SettleReport(0, 1, None)
    assert steps.merge(store, RULES, [refusals]) == MergeReport(1, 1, 0)
    assert steps.settle(store, found, report.waiting) == SettleReport(1, 0, "2026-11-24T10:31:00.000000Z")
    assert left(store) == []
    assert json.loads(store.get(keys.CLEAN_WATERMARK).data) == {"complete_until": "2026-11-24T10:31:00.000000Z"}
    assert keys.dirty(DAY) in {entry.key for entry in store.list("dirty/")}


@pytest.mark.parametrize("shards", [1, 4, 16])
def test_the_steps_come_to_what_clean_comes_to(shards: int) -> None:
    for seed in range(20):
        store = FakeStore()
        fill(store, seed)
        in_steps(store, shards)
        assert outcome(store) == cleaned(seed, shards)
        assert left(store) == []


def test_what_no_stage_wrote_is_in_nobodys_way() -> None:
    store = FakeStore()
    fill(store, seed=3)
    strays = [f"{folder}note" for folder in ("bronze/", "todo/", "rows/", "checked/")]
    for stray in strays:
        store.put(stray, b"made by hand")
    in_steps(store, 1)
    assert outcome(store) == cleaned(seed=3)
    assert sorted(left(store)) == sorted(set(strays) - {"bronze/note"})


def test_a_crash_at_every_single_call_is_healed_and_publish_is_told() -> None:
    whole = cleaned(seed=7)
    for nth in itertools.count():
        store = FakeStore()
        fill(store, seed=7)
        store.fail_at(nth, "kill-after")
        try:
            in_steps(store)
        except Killed:
            store.delete(keys.dirty(DAY))
            half = outcome(store)
            in_steps(store)
            assert outcome(store) == whole
            assert left(store) == []
            assert keys.dirty(DAY) in store.objects or half == whole
        else:
            assert nth > 40
            return


@examples(25)
@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["before", "after", "half", "kill", "kill-after"]))),
    st.randoms(use_true_random=False),
)
def test_steps_and_clean_in_any_turn_with_any_failures(
    seed: int, failures: list[tuple[int, str]], rng: random.Random
) -> None:
    store = FakeStore()
    fill(store, seed)
    for nth, how in failures:
        store.fail_at(nth, how)  # type: ignore[arg-type]
        with contextlib.suppress(Unavailable, Killed):
            if rng.random() < 0.5:
                clean(store, RULES, max_rows=8)
            else:
                in_steps(store)
        store.heal()
    in_steps(store)
    assert outcome(store) == cleaned(seed)
    assert left(store) == []


def test_steps_and_clean_at_once_lose_nothing(tmp_path: Path) -> None:
    for turn in range(10):
        store = open_store(f"file:{tmp_path / str(turn)}")
        fill(store, seed=turn)
        barrier = threading.Barrier(3)
        failed: list[BaseException] = []

        def together(cleaner: str, barrier: threading.Barrier, store: ObjectStore, failed: list[BaseException]) -> None:
            barrier.wait()
            try:
                clean(store, RULES) if cleaner == "clean" else in_steps(store)
            except BaseException as error:  # noqa: BLE001 - told below
                failed.append(error)

        threads = [
            threading.Thread(target=together, args=(name, barrier, store, failed)) for name in ("clean", "a", "b")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        in_steps(store)
        assert outcome(store) == cleaned(turn)
        assert left(store) == []


def test_a_damaged_object_stops_itself_and_the_watermark_alone() -> None:
    store = FakeStore()
    put_head(store, 0, "2026-11-24T10:31:00.000000Z")
    first, second = fill(store, seed=1, objects=2)
    store.put(first, b"no gzip")
    found = steps.find(store, most=10)
    report = steps.check(store, RULES, lambda _: 1, found.objects)
    assert (report.objects, report.corrupt) == (1, [first])
    for waiting in steps.on_the_way(store):
        steps.merge(store, RULES, [waiting.slot])
    assert steps.settle(store, found, report.waiting) == SettleReport(1, 0, None)
    assert left(store) == [keys.todo(first)]
    assert keys.receipt(second) in store.objects
    assert keys.CLEAN_WATERMARK not in store.objects


def test_an_entry_without_its_object_holds_nothing_up() -> None:
    store = FakeStore()
    put_head(store, 0, "2026-11-24T10:31:00.000000Z")
    [key] = fill(store, seed=1, objects=1)
    content = store.get(key).data
    store.delete(key)
    assert in_steps(store).complete_until == "2026-11-24T10:31:00.000000Z"
    assert left(store) == [keys.todo(key)]
    store.put(key, content)
    assert in_steps(store).objects == 1
    assert left(store) == []


def test_a_long_list_is_taken_in_portions_and_is_not_complete_before_its_end() -> None:
    store = FakeStore()
    put_head(store, 0, "2026-11-24T10:31:00.000000Z")
    objects = fill(store, seed=1)
    found = steps.find(store, most=3)
    assert found == Found(sorted(objects)[:3], more=True)
    report = steps.check(store, RULES, lambda _: 1, found.objects)
    steps.merge(store, RULES, [slot for slot, _ in steps.on_the_way(store)])
    assert steps.settle(store, found, report.waiting) == SettleReport(3, 0, None)
    assert in_steps(store) == SettleReport(1, 0, "2026-11-24T10:31:00.000000Z")


def test_the_objects_of_an_arrival_hour() -> None:
    store = FakeStore()
    objects = fill(store, seed=1)
    assert steps.arrived_in(store, DAY, 10) == sorted(objects)
    assert steps.arrived_in(store, DAY, 11) == []


def test_an_hour_with_many_bytes_on_their_way_is_taken_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MERGE_BYTES", 900)
    store = FakeStore()
    fill(store, seed=5, objects=9)
    found = steps.find(store, most=100)
    steps.check(store, RULES, lambda _: 1, found.objects)
    slots = [waiting.slot for waiting in steps.on_the_way(store)]
    report = steps.merge(store, RULES, slots)
    assert report.slots > len(slots)
    assert report.damaged == ()
    steps.settle(store, found, [])
    whole = FakeStore()
    fill(whole, seed=5, objects=9)
    clean(whole, RULES)
    assert outcome(store) == outcome(whole)
    assert left(store) == []


def test_an_hour_of_a_million_a_day_is_taken_at_once() -> None:
    """In portions it would be read and written anew by each."""
    store = FakeStore()
    key = put_bronze(store, [value(signin({"user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit" * 3}))])
    steps.check(store, RULES, lambda _: 1, [key])
    row = lines.decode(store.get(next(entry.key for entry in store.list("rows/"))).data)
    assert 1_000_000 / 24 * len(row) < steps.MERGE_BYTES


def test_rows_wait_for_a_damaged_hour_and_the_others_go_on() -> None:
    store = FakeStore()
    put_head(store, 0, "2026-11-24T10:31:00.000000Z")
    fill(store, seed=5)
    in_steps(store)
    slot = keys.Slot("signins", DAY, 9)
    whole = store.get(keys.silver(slot)).data
    store.put(keys.silver(slot), whole[:-5])
    late = [value(signin(id=f"late{hour}", time=f"{DAY}T{hour:02d}:00:00Z")) for hour in (9, 10)]
    key = put_bronze(store, late, start=500)
    found = steps.find(store, most=100)
    steps.check(store, RULES, lambda _: 1, found.objects)
    report = steps.merge(store, RULES, [waiting.slot for waiting in steps.on_the_way(store)])
    assert (report.slots, report.damaged) == (1, (keys.silver(slot),))
    settled = steps.settle(store, found, [])
    assert (settled.unmerged, settled.complete_until, settled.damaged) == (1, None, (keys.silver(slot),))
    assert left(store) == [keys.todo(key), keys.rows(slot, key), keys.checked(key)]
    rebuild(store, RULES, shards=lambda _: 1, first=DAY, last=DAY)
    in_steps(store)
    assert left(store) == []
    assert {row["id"] for row in rows(store, "silver/")} >= {"late9", "late10"}


def test_names_of_rows_and_back() -> None:
    key = keys.BronzeName(DAY, 10, 0, 3, 120).key
    slot = keys.Slot("refusals", "2026-11-23", 9, 2)
    assert keys.parse_rows(keys.rows(slot, key)) == (slot, key)
    with pytest.raises(ValueError, match="rows on their way"):
        keys.parse_rows(keys.silver(slot))


def test_sizes_of_objects_that_are_there_and_that_are_not() -> None:
    store = FakeStore()
    objects = fill(store, seed=1)
    gone = objects.pop()
    wanted = [*objects, gone]
    expected = [(key, len(store.get(key).data)) for key in objects] + [(gone, 0)]
    store.delete(gone)
    assert steps.sizes(store, wanted) == expected


@given(st.lists(st.integers(0, 100)), st.integers(1, 200), st.integers(1, 10))
@example(sizes=[1, 1, 0], most_bytes=1, most=2)
def test_portions_hold_everything_in_order(sizes: list[int], most_bytes: int, most: int) -> None:
    made = steps.portions(list(enumerate(sizes)), most_bytes, most)
    assert [item for portion in made for item in portion] == list(range(len(sizes)))
    assert all(made)
    assert len(made) <= most
    limit = max(most_bytes, -(-sum(sizes) // most))
    assert all(sum(sizes[item] for item in portion[:-1]) <= limit for portion in made)


@pytest.mark.parametrize("damage", [b"no gzip", lines.encode([b"no row"])])
def test_damaged_rows_on_their_way_are_judged_again_by_the_next_run(damage: bytes) -> None:
    store = FakeStore()
    fill(store, seed=7)
    found = steps.find(store, most=100)
    steps.check(store, RULES, lambda _: 1, found.objects)
    hurt = next(iter(store.list("rows/"))).key
    store.put(hurt, damage)
    for waiting in steps.on_the_way(store):
        steps.merge(store, RULES, [waiting.slot])
    assert steps.settle(store, found, []).complete_until is None
    assert left(store) == [keys.todo(keys.parse_rows(hurt)[1])]
    in_steps(store)
    assert outcome(store) == cleaned(seed=7)
    assert left(store) == []
