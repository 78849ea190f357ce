"""Gold that an older version published knows no census and no repeats, and its people nothing to search by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fakes.gold_store import FakeGold
from fakes.object_store import FakeStore
from fakes.silver_objects import put_repeats, put_silver, signin

from loginlake.gold import pointer
from loginlake.gold.publish import publish
from loginlake.gold.read import Snapshot
from loginlake.gold.search import search

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def make_older(gold: FakeGold) -> None:
    """What the older version would have left."""
    for document in gold.collections["users"].values():
        document.update({name: "" for name in document if name.startswith("by_")})
    current = gold.collections["pointer"]["current"]
    current["keys"] = [pair for pair in current["keys"] if pair[0] != pointer.CENSUS]
    del current["shape"]
    for row in gold.collections["rows"].values():
        row.pop("repeated", None)
        if row["_id"].endswith(f":{pointer.TOTALS}"):
            row["days"] = [line[:6] for line in row["days"]]


def test_everybody_is_written_anew_however_many_refreshes_it_takes() -> None:
    store, gold = FakeStore(), FakeGold()
    put_silver(
        store, [signin(f"u{number}", f"2026-11-{20 + number}T10:00", username="Ana Ruiz") for number in range(3)]
    )
    publish(store, gold, now=lambda: NOW)
    assert len(search(gold, "ana").people) == 3
    put_repeats(store, "2026-11-20T10:00", 4)
    publish(store, gold, now=lambda: NOW)
    make_older(gold)
    assert search(gold, "ana").people == []
    report = publish(store, gold, now=lambda: NOW + timedelta(minutes=1), max_people=1)
    assert report.refreshes == 3
    assert len(search(gold, "ana").people) == 3
    assert Snapshot.open(gold).pipeline()["repeated"] == 4
    assert [day["repeated"] for day in Snapshot.open(gold).all_days()] == [4, 0, 0]


def test_what_the_older_version_published_is_told_from_what_it_did_not_count() -> None:
    store, gold = FakeStore(), FakeGold()
    put_silver(store, [signin("u1", "2026-11-20T10:00"), signin("u1", "2026-11-21T10:00")])
    publish(store, gold, now=lambda: NOW)
    make_older(gold)
    put_repeats(store, "2026-11-20T10:00", 2)
    assert "repeated" not in Snapshot.open(gold).pipeline()
    publish(store, gold, now=lambda: NOW)
    again = publish(store, gold, now=lambda: NOW)
    assert (Snapshot.open(gold).pipeline()["repeated"], again.days) == (2, 0)
