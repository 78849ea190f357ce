from __future__ import annotations

import json

from fakes.memory_log import MemoryLog
from fakes.object_store import FakeStore
from fakes.silver_objects import put_silver, signin

from loginlake.dashboard.source import Origin
from loginlake.lake import keys, lines
from loginlake.path import LivePath


def bronze(day: str, start: int) -> str:
    return f"{keys.bronze_partition(day, 7, 0, 1)}{start:020d}.jsonl.gz"


def reject(store: FakeStore, key: str, *offsets: int) -> None:
    rows = [{"log": 0, "partition": 1, "offset": offset, "reason": "null_email"} for offset in offsets]
    store.put(keys.rejected(key), lines.encode(json.dumps(row).encode() for row in rows))


def test_the_latest_rejected_rows_come_from_the_days_asked_for_and_no_other_is_listed() -> None:
    store = FakeStore()
    old, first, second = bronze("2026-11-01", 0), bronze("2026-11-20", 10), bronze("2026-11-20", 20)
    for key, offsets in ((old, [0]), (first, [10, 11]), (second, [20, 21])):
        reject(store, key, *offsets)
    path = LivePath(MemoryLog(), store, lambda: 0)
    store.calls.clear()
    found = path.rejected(["2026-11-20", "2026-11-01"], 3)
    assert found == [
        Origin(f"1:{at}", key, reason="null_email") for at, key in ((21, second), (20, second), (11, first))
    ]
    assert [name for call, name in store.calls if call == "list"] == ["rejected/signins/date=2026-11-20/"]
    assert [one.place for one in path.rejected(["2026-11-01"], 3)] == ["1:0"]


def test_looking_at_the_path_makes_no_lake() -> None:
    store = FakeStore()
    stages = LivePath(MemoryLog(), store, lambda: 2).stages()
    assert (stages.accepted, stages.spooled, stages.landed) == (0, 2, 0)
    assert not [call for call, _ in store.calls if call in {"put", "create", "replace"}]


def test_a_days_objects_are_read_again_only_when_they_changed() -> None:
    store = FakeStore()
    put_silver(store, [signin("u1", "2026-11-20T10:00"), signin("u2", "2026-11-20T11:00")])
    path = LivePath(MemoryLog(), store, lambda: 0)
    names = [keys.silver(keys.Slot("signins", "2026-11-20", hour)) for hour in (10, 11)]
    assert path.objects("2026-11-20") == [(name, 1) for name in names]
    put_silver(store, [signin("u1", "2026-11-20T10:00"), *(signin(f"u{n}", "2026-11-20T11:00") for n in range(2, 5))])
    store.calls.clear()
    assert [path.objects("2026-11-20") for _ in range(3)] == [[(names[0], 1), (names[1], 3)]] * 3
    assert [name for call, name in store.calls if call == "get"] == [names[1]]
