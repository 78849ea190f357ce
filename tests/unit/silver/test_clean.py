from __future__ import annotations

import contextlib
import itertools
import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from fakes.examples import examples
from fakes.object_store import FakeStore, Killed
from fakes.silver_messages import RULES, later, line, origins, put_bronze, put_head, refusal, rows, signin, value
from fakes.silver_objects import OUTCOMES, outcome
from hypothesis import given
from hypothesis import strategies as st

from loginlake.errors import Conflict, Unavailable
from loginlake.lake import keys, lines
from loginlake.lake.by_url import open_store
from loginlake.lake.store import ObjectStore
from loginlake.silver.clean import CleanReport, clean, turns

DAY = "2026-11-24"


def messages(rng: random.Random, count: int) -> list[bytes | None]:
    """Good, repeated, refused and broken messages, over a few hours."""
    made: list[bytes | None] = []
    for _ in range(count):
        event = signin({"user_id": str(rng.randint(1, 3))}, id=f"e{rng.randint(1, 6)}")
        event["time"] = f"{DAY}T{rng.choice(('08', '09', '10'))}:00:{rng.randint(0, 59):02d}Z"
        made.append(
            rng.choice(
                [value(event)] * 6 + [value(refusal(id=event["id"])), value(signin({"email": None})), b"x", None]
            )
        )
    return made


def bronze(store: ObjectStore, seed: int, objects: int = 4, size: int = 6) -> list[str]:
    rng = random.Random(seed)
    return [put_bronze(store, messages(rng, size), start=at * size, partition=at % 2) for at in range(objects)]


def undisturbed(seed: int) -> dict[str, bytes]:
    store = FakeStore()
    bronze(store, seed)
    clean(store, RULES)
    return outcome(store)


def test_one_pass(tmp_path: Path) -> None:
    store = open_store(f"file:{tmp_path / 'lake'}")
    put_head(store, 0, "2026-11-24T10:31:00.000000Z")
    put_head(store, 1, "2026-11-24T10:30:30.000000Z")
    good = [value(signin()), value(signin(time=f"{DAY}T09:00:00Z", id="e2")), value(refusal(id="r"))]
    key = put_bronze(store, [*good, value(signin()), value(signin({"email": "x"})), None])
    report = clean(store, RULES)
    assert (report.objects, report.lines, report.kept, report.repeated, report.slots) == (1, 6, 3, 1, 3)
    assert report.rejected == {"bad_email": 1, "not_json": 1}
    assert [entry.key for entry in store.list("silver/")] == [
        f"silver/refusals/date={DAY}/hour=10/shard=00.jsonl.gz",
        f"silver/signins/date={DAY}/hour=09/shard=00.jsonl.gz",
        f"silver/signins/date={DAY}/hour=10/shard=00.jsonl.gz",
    ]
    assert origins(rows(store, "repeated/")) == [(0, 0, 3)]
    assert [(row["offset"], row["reason"]) for row in rows(store, "rejected/")] == [(4, "bad_email"), (5, "not_json")]
    receipt = json.loads(store.get(keys.receipt(key)).data)
    assert receipt.pop("checksum").startswith("sha256:")
    assert receipt == {
        "object": key, "lines": 6, "erased": 0, "rejected": {"bad_email": 1, "not_json": 1}, "rules": 1,
        "hours": [
            {"kind": "refusals", "date": DAY, "hour": 10, "shard": 0, "rows": 1},
            {"kind": "signins", "date": DAY, "hour": 9, "shard": 0, "rows": 1},
            {"kind": "signins", "date": DAY, "hour": 10, "shard": 0, "rows": 2},
        ],
    }  # fmt: skip
    assert list(store.list("todo/")) == []
    assert [entry.key for entry in store.list("dirty/")] == [keys.dirty(DAY)]
    assert json.loads(store.get(keys.CLEAN_WATERMARK).data) == {"complete_until": "2026-11-24T10:30:30.000000Z"}


def test_a_second_pass_does_nothing() -> None:
    store = FakeStore()
    bronze(store, seed=1)
    clean(store, RULES)
    before = dict(store.objects)
    assert clean(store, RULES) == CleanReport()
    assert store.objects == before


@examples(20)
@given(st.integers(0, 10_000), st.integers(1, 20), st.randoms(use_true_random=False))
def test_any_order_in_any_portions_gives_the_same_content(seed: int, max_rows: int, rng: random.Random) -> None:
    source, store = FakeStore(), FakeStore()
    found = bronze(source, seed)
    rng.shuffle(found)
    for key in found:
        store.put(key, source.get(key).data)
        store.put(keys.todo(key), b"")
        if rng.random() < 0.5:
            clean(store, RULES, max_rows=max_rows)
        if rng.random() < 0.3:
            store.put(keys.todo(rng.choice(found)), b"")
    clean(store, RULES, max_rows=max_rows)
    assert outcome(store) == undisturbed(seed)


@examples(40)
@given(
    st.integers(0, 10_000),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["before", "after", "half", "own", "kill", "kill-after"]))),
)
def test_a_failure_at_any_call_is_healed_by_doing_it_again(seed: int, failures: list[tuple[int, Any]]) -> None:
    store = FakeStore()
    bronze(store, seed)
    for nth, how in failures:
        store.fail_at(nth, how)
        with contextlib.suppress(Unavailable, Killed):
            clean(store, RULES, max_rows=8)
        store.heal()
    clean(store, RULES, max_rows=8)
    assert outcome(store) == undisturbed(seed)
    assert store.content("todo/") == {}


def test_a_crash_at_every_single_call_is_healed_and_publish_is_told() -> None:
    whole = undisturbed(seed=7)
    for nth in range(200):
        store = FakeStore()
        bronze(store, seed=7)
        store.fail_at(nth, "kill-after")
        try:
            clean(store, RULES, max_rows=8)
        except Killed:
            told = keys.dirty(DAY) in store.objects
            assert told or not store.content("silver/")
            store.delete(keys.dirty(DAY))
            half = outcome(store)
            clean(store, RULES, max_rows=8)
            assert outcome(store) == whole
            # Whatever changed after the crash, or was written without a word before it, publish hears of.
            assert keys.dirty(DAY) in store.objects or half == whole
        else:
            assert nth > 20
            return
    raise AssertionError("the pass never ended")


def test_the_write_order() -> None:
    store = FakeStore()
    key = put_bronze(store, [value(signin()), value(signin()), b"x"])
    store.calls.clear()
    clean(store, RULES)
    slot = keys.Slot("signins", DAY, 10)
    writes = [name for call, name in store.calls if call in {"put", "replace", "delete"}]
    expected = [
        keys.todo(key),
        keys.rejected(key),
        keys.repeated(slot),
        keys.silver(slot),
        keys.receipt(key),
        keys.todo(key),
    ]
    assert [name for name in writes if name in expected] == expected
    dirty = [at for at, name in enumerate(writes) if name == keys.dirty(DAY)]
    silver, receipt = writes.index(keys.silver(slot)), writes.index(keys.receipt(key))
    assert any(at < silver for at in dirty)
    assert any(silver < at < receipt for at in dirty)
    assert any(receipt < at < len(writes) - 1 for at in dirty)
    assert writes[-2:] == [keys.todo(key), keys.CLEAN_WATERMARK]


@given(st.integers(0, 10_000))
@examples(15)
def test_every_origin_is_in_exactly_one_place(seed: int) -> None:
    store = FakeStore()
    found = bronze(store, seed)
    report = clean(store, RULES)
    landed = origins(rows(store, "bronze/"))
    ends = [origins(rows(store, prefix)) for prefix in ("silver/", "repeated/", "rejected/")]
    assert sorted(itertools.chain(*ends)) == landed
    assert [report.kept, report.repeated, report.rejected.total()] == [len(end) for end in ends]
    assert report.lines == len(landed) == report.kept + report.repeated + report.rejected.total() + report.erased
    receipts = [json.loads(store.get(keys.receipt(key)).data) for key in found]
    assert sum(receipt["lines"] for receipt in receipts) == len(landed)
    assert sum(hour["rows"] for receipt in receipts for hour in receipt["hours"]) == report.kept + report.repeated


def test_an_erased_line_is_only_counted() -> None:
    store = FakeStore()
    key = put_bronze(store, [value(signin())])
    erased = b'{"log":0,"partition":0,"offset":1,"timestamp":"2026-11-24T10:30:00.000000Z","erased":"r1"}'
    store.put(key, lines.encode([line(value(signin())), erased]))
    report = clean(store, RULES)
    assert (report.lines, report.kept, report.erased) == (2, 1, 1)
    assert json.loads(store.get(keys.receipt(key)).data)["erased"] == 1


def test_an_entry_before_its_object_waits() -> None:
    store = FakeStore()
    name = keys.BronzeName(DAY, 10, 0, 0, 0).key
    store.put(keys.todo(name), b"")
    assert clean(store, RULES).waiting == 1
    assert keys.todo(name) in store.objects
    put_bronze(store, [value(signin())])
    assert clean(store, RULES).kept == 1
    assert store.content("todo/") == {}


def test_a_damaged_object_stops_only_itself_and_the_watermark(caplog: pytest.LogCaptureFixture) -> None:
    store = FakeStore()
    put_head(store, 0, "2026-11-24T10:31:00.000000Z")
    bad = put_bronze(store, [value(signin())], start=0)
    put_bronze(store, [value(signin(id="e2"))], start=1)
    store.put(bad, b"nonsense")
    report = clean(store, RULES)
    assert (report.corrupt, report.kept) == ([bad], 1)
    assert keys.todo(bad) in store.objects
    assert keys.CLEAN_WATERMARK not in store.objects
    assert "damaged" in caplog.text


def test_the_watermark_never_says_more_than_was_on_the_list() -> None:
    store = FakeStore()
    put_head(store, 0, "2026-11-24T10:31:00.000000Z")
    clean(store, RULES)
    order = [name for call, name in store.calls if call != "put" and name in {keys.head(0, 0), "todo/"}]
    assert order[:2] == [keys.head(0, 0), "todo/"]


def test_a_conflict_is_read_and_merged_again() -> None:
    store = FakeStore()
    put_bronze(store, [value(signin())])
    other = FakeStore()
    put_bronze(other, [value(signin(id="e2"))], start=9)
    clean(other, RULES)
    slot = keys.silver(keys.Slot("signins", DAY, 10))
    plain_replace = store.replace

    def replace(key: str, data: bytes, expected: str | None) -> None:
        if key == slot and key not in store.objects:
            store.put(slot, other.get(slot).data)
        plain_replace(key, data, expected)

    store.replace = replace  # type: ignore[method-assign]
    clean(store, RULES)
    assert origins(rows(store, "silver/")) == [(0, 0, 0), (0, 0, 9)]


def test_conflicts_without_end_are_given_back() -> None:
    store = FakeStore()
    key = put_bronze(store, [value(signin())])

    def replace(key: str, data: bytes, expected: str | None) -> None:
        raise Conflict("always")

    store.replace = replace  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        clean(store, RULES)
    assert keys.todo(key) in store.objects


@pytest.mark.parametrize("kind", ["folder", "memory", "fake"])
def test_cleaners_at_once_lose_nothing(kind: str, tmp_path: Path) -> None:
    store: ObjectStore = FakeStore() if kind == "fake" else open_store("memory:")
    if kind == "folder":
        store = open_store(f"file:{tmp_path / 'lake'}")
    found = bronze(store, seed=3, objects=8, size=10)
    failures: list[BaseException] = []
    begin = threading.Barrier(3)

    def work(max_rows: int) -> None:
        try:
            begin.wait()
            clean(store, RULES, max_rows=max_rows)
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(max_rows,)) for max_rows in (1, 7, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    alone = FakeStore()
    assert bronze(alone, seed=3, objects=8, size=10) == found
    clean(alone, RULES)
    for prefix in OUTCOMES[:3]:
        assert rows(store, prefix) == rows(alone, prefix)
    assert [store.get(keys.receipt(key)).data for key in found] == [alone.get(keys.receipt(key)).data for key in found]
    assert list(store.list("todo/")) == []


def test_equal_content_is_not_written_again() -> None:
    store = FakeStore()
    key = put_bronze(store, [value(signin()), value(signin())])
    clean(store, RULES)
    store.delete(keys.receipt(key))
    store.put(keys.todo(key), b"")
    store.calls.clear()
    assert clean(store, RULES).kept == 1
    assert [name for call, name in store.calls if call == "replace"] == []


def test_partitions_advance_together() -> None:
    def entries(hour: int, partition: int, starts: range) -> list[str]:
        return [keys.todo(keys.BronzeName(DAY, hour, 0, partition, start).key) for start in starts]

    first, second, small = entries(10, 0, range(4)), entries(10, 1, range(100, 104)), entries(10, 2, range(2))
    later_hour = entries(11, 0, range(4, 5))
    mixed = [*later_hour, *second, *first, *small]
    assert turns(mixed) == [
        [first[0], second[0], small[0]],
        [first[1], second[1]],
        [first[2], second[2], small[1]],
        [first[3], second[3]],
        later_hour,
    ]
    assert turns(["todo/what is this"]) == [["todo/what is this"]]
    assert turns([]) == []


def test_hours_that_partitions_share_are_merged_once() -> None:
    """Each object brings six hours of its own day; a portion holds one turn, and no more."""
    store = FakeStore()
    for turn, partition in itertools.product(range(4), range(3)):
        times = [f"2026-11-{20 + turn}T{hour:02d}:00:00Z" for hour in range(6)]
        made = [value(signin(id=f"{turn}{partition}{time}", time=time)) for time in times]
        put_bronze(store, made, start=turn * 6, partition=partition)
    report = clean(store, RULES, max_rows=20)
    assert (report.objects, report.slots) == (12, 24)


def test_progress_is_told_group_by_group() -> None:
    store = FakeStore()
    for start in range(4):
        put_bronze(store, [value(signin(id=f"e{start}"))], start=start, arrived=later(start))
    told: list[int] = []
    clean(store, RULES, max_rows=2, progress=lambda report: told.append(report.objects))
    assert told == [2, 4]
