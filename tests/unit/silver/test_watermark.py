"""How far clean is complete: every partition of the last log, bad hints, former logs, and forgotten objects."""

from __future__ import annotations

import json

import pytest
from fakes.object_store import FakeStore
from fakes.silver_messages import RULES, later, put_bronze, put_head, put_manifest, signin, value

from loginlake.errors import Corrupt
from loginlake.lake import keys
from loginlake.silver import steps, watermark
from loginlake.silver.clean import clean

AT, LATER = "2026-11-24T10:31:00.000000Z", "2026-11-24T10:45:00.000000Z"


def said(store: FakeStore) -> str | None:
    found: str | None = json.loads(store.get(keys.CLEAN_WATERMARK).data)["complete_until"]
    return found


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ([], None),
        (["2026-11-24T10:31:00.000000Z", None], None),
        (["2026-11-24T10:31:00Z", "2026-11-24T10:30:59.999Z"], "2026-11-24T10:30:59.999000Z"),
    ],
)
def test_it_is_the_earliest_head(heads: list[str | None], expected: str | None) -> None:
    store = FakeStore()
    for partition, complete_until in enumerate(heads):
        put_head(store, partition, complete_until)
    clean(store, RULES)
    assert said(store) == expected


def test_a_partition_without_a_head_is_waited_for() -> None:
    store = FakeStore()
    put_head(store, 0, AT)
    put_manifest(store, 2)
    clean(store, RULES)
    assert said(store) is None
    put_head(store, 1, AT)
    clean(store, RULES)
    assert said(store) == AT


@pytest.mark.parametrize("partitions", [None, 0])
def test_a_log_of_unknown_width_is_not_complete(partitions: int | None) -> None:
    store = FakeStore()
    put_head(store, 0, AT)
    put_manifest(store, partitions)
    assert watermark.landed_until(store) is None


@pytest.mark.parametrize("data", [b"", b'{"log":0,', b"\xff\x00", b"[]", b'{"log":0,"partition":0,"end":"x"}'])
def test_a_head_that_cannot_be_read_is_no_head(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    store = FakeStore()
    put_head(store, 0, AT)
    store.put(keys.head(0, 0), data)
    clean(store, RULES)
    assert said(store) is None
    assert getattr(caplog.records[0], "object", "") == keys.head(0, 0)


@pytest.mark.parametrize("data", [b"", b'{"complete', b"\xff", b"[]", b'{"complete_until":5}'])
def test_a_watermark_that_cannot_be_read_is_made_anew(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    store = FakeStore()
    put_head(store, 0, AT)
    store.put(keys.CLEAN_WATERMARK, data)
    assert watermark.read(store) is None
    clean(store, RULES)
    assert said(store) == AT
    assert getattr(caplog.records[0], "object", "") == keys.CLEAN_WATERMARK


def test_a_lake_json_that_cannot_be_read_is_named() -> None:
    store = FakeStore()
    store.put(keys.LAKE, b'{"lay')
    with pytest.raises(Corrupt, match=r"lake\.json cannot be read.*Restore"):
        clean(store, RULES)


def test_a_former_logs_heads_do_not_hold_it() -> None:
    store = FakeStore()
    put_head(store, 0, "2026-11-01T00:00:00.000000Z", log=0)
    put_head(store, 1, None, log=0)
    put_head(store, 0, AT, log=1)
    clean(store, RULES)
    assert said(store) == AT


def test_a_new_log_that_has_not_landed_leaves_what_was_said() -> None:
    store = FakeStore()
    put_head(store, 0, AT)
    clean(store, RULES)
    put_manifest(store, None, logs=2)
    clean(store, RULES)
    assert said(store) == AT


def objects(store: FakeStore, count: int, log_last: bool = True) -> list[str]:
    """One-record objects a minute apart, all landed and told by the head."""
    made = [put_bronze(store, [value(signin(id=f"e{n}"))], start=n, arrived=later(60 * n)) for n in range(count)]
    if log_last:
        put_head(store, 0, LATER, last=made[-1])
    return made


@pytest.mark.parametrize("in_steps", [False, True])
def test_an_object_that_fell_off_the_work_list_holds_it_and_is_put_back(
    in_steps: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def work() -> None:
        if not in_steps:
            clean(store, RULES)
            return
        found = steps.find(store, most=10)
        steps.check(store, RULES, lambda _: 1, found.objects)
        steps.merge(store, RULES, [waiting.slot for waiting in steps.on_the_way(store)])
        steps.settle(store, found, [])

    store = FakeStore()
    put_head(store, 0, AT, last=objects(store, 1, log_last=False)[0])
    work()
    assert said(store) == AT
    made = objects(store, 4)
    store.delete(keys.todo(made[0]))
    store.delete(keys.todo(made[2]))
    work()
    assert said(store) == AT
    assert [entry.key for entry in store.list("todo/")] == [keys.todo(made[2])]
    assert [getattr(record, "object", "") for record in caplog.records] == [made[2]]
    work()
    assert said(store) == LATER
    assert store.content("todo/") == {}


def test_what_was_seen_with_a_receipt_is_not_looked_at_again() -> None:
    """The cost follows what landed since: the names before the last receipt are not listed."""
    store = FakeStore()
    made = objects(store, 5)
    clean(store, RULES)
    stored = watermark.read(store)
    assert stored is not None
    assert stored.receipted == {"log=0/partition=0": made[-1]}
    store.calls.clear()
    put_head(store, 0, "2026-11-24T10:50:00.000000Z", last=made[-1])
    clean(store, RULES)
    assert said(store) == "2026-11-24T10:50:00.000000Z"
    assert not [name for call, name in store.calls if call == "list" and name.startswith(("bronze/", "receipts/"))]


def test_an_object_of_another_cleaner_is_not_forgotten() -> None:
    """Landed, listed, and not done yet: the watermark is of what landed before, so it goes on."""
    store = FakeStore()
    made = objects(store, 3)
    clean(store, RULES)
    new = put_bronze(store, [value(signin(id="new"))], start=3, arrived=later(300))
    put_head(store, 0, LATER, last=new)
    assert watermark.advance(store, LATER) == LATER
    stored = watermark.read(store)
    assert stored is not None
    assert stored.receipted == {"log=0/partition=0": made[-1]}


def test_a_foreign_file_in_bronze_is_no_object() -> None:
    store = FakeStore()
    made = objects(store, 2)
    store.put(f"{made[0].rpartition('/')[0]}/00000000000000000000.note", b"hello")
    clean(store, RULES)
    assert said(store) == LATER
    assert store.content("todo/") == {}


def test_a_long_absence_is_looked_at_day_by_day() -> None:
    store = FakeStore()
    objects(store, 1)
    clean(store, RULES)
    late = [put_bronze(store, [value(signin(id=f"l{n}"))], start=n, arrived=later(86400 * n)) for n in (2, 5)]
    put_head(store, 0, "2026-11-30T00:00:00.000000Z", last=late[-1])
    store.delete(keys.todo(late[0]))
    clean(store, RULES)
    assert said(store) == LATER
    clean(store, RULES)
    assert said(store) == "2026-11-30T00:00:00.000000Z"
