"""A day of the lake, read in pieces: however large an hour or a value is, and what is said of what cannot be read."""

from __future__ import annotations

import pytest
from fakes.object_store import FakeStore
from fakes.silver_objects import put_rejected, put_repeats, put_silver, refusal, signin

from loginlake.errors import Corrupt
from loginlake.gold import days
from loginlake.gold.answers import LONGEST, day_facts, recent_items
from loginlake.lake import keys, lines

DAY = "2026-11-24"
SIGNINS = [signin(f"u{number % 7}", f"{DAY}T{number % 3:02d}:{number:02d}") for number in range(50)]
REFUSALS = [refusal(f"{DAY}T01:{number:02d}", "expired") for number in range(9)]


def test_pieces_come_to_what_the_whole_comes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FakeStore()
    put_silver(store, SIGNINS, REFUSALS, shards=2)
    whole = days.read_day(store, DAY)
    latest = days.read_latest(store, DAY)
    sizes: list[int] = []
    plain = days.read_lines

    def seen(content: bytes, schema):  # type: ignore[no-untyped-def]
        sizes.append(len(content))
        return plain(content, schema)

    monkeypatch.setattr(days, "READ_AT_ONCE", 1_500)
    monkeypatch.setattr(days, "read_lines", seen)
    some = days.read_day(store, DAY)
    assert max(sizes) < 4_000
    assert len(sizes) > 10
    assert day_facts(some.tally) == day_facts(whole.tally)
    assert some.people.keys() == whole.people.keys()
    assert all(some.people[shard].equals(whole.people[shard]) for shard in some.people)
    assert days.read_latest(store, DAY).equals(latest)


def test_endless_values_are_cut_as_gold_cuts_them() -> None:
    store = FakeStore()
    endless = {name: f"{name}{'x' * 9_000}" for name in ("picture", "username", "user_agent", "method", "source", "id")}
    put_silver(store, [signin("u1", f"{DAY}T10:00", **endless), signin("u2", f"{DAY}T10:01", username="ñ" * LONGEST)])
    tally, people = days.read_day(store, DAY)
    (first, second) = people[0].sort("user_id").iter_rows(named=True)
    assert (first["picture"], len(first["username"])) == (None, LONGEST)
    assert first["username"].endswith("x…")
    assert second["username"] == "ñ" * LONGEST
    assert max(len(str(value)) for item in recent_items(tally.recent) for value in item.values()) == LONGEST
    assert max(len(item["name"]) for item in day_facts(tally)["by_source"]) == LONGEST
    assert days.read_latest(store, DAY)["picture"].to_list() == [None, "https://pictures.example/u2"]


def test_repeats_of_sign_ins_and_refusals_are_counted_on_their_own_day(caplog: pytest.LogCaptureFixture) -> None:
    store = FakeStore()
    put_silver(store, SIGNINS, REFUSALS)
    put_repeats(store, f"{DAY}T01:00", 3)
    put_repeats(store, f"{DAY}T02:00", 4)
    put_repeats(store, f"{DAY}T01:00", 5, "refusals")
    put_repeats(store, "2026-11-25T01:00", 90)
    tally = days.read_day(store, DAY).tally
    assert (tally.repeated, tally.signins, tally.refusals.total()) == (12, len(SIGNINS), len(REFUSALS))
    store.put(keys.repeated(keys.Slot("signins", DAY, 1)), b"cut")
    tally = days.read_day(store, DAY).tally
    assert (tally.repeated, tally.signins) == (9, len(SIGNINS)), "sign-ins do not wait for repeats"
    assert f"repeated/date={DAY}/hour=01/shard=00.jsonl.gz cannot be read" in caplog.text


@pytest.mark.parametrize("damage", [b"cut", lines.compress(b'{"log":0,"partition"'), lines.compress(b"\xff\n")])
@pytest.mark.parametrize("kind", ["signins", "refusals"])
def test_a_damaged_hour_is_named_with_what_heals_it(kind: keys.Kind, damage: bytes) -> None:
    store = FakeStore()
    put_silver(store, SIGNINS, REFUSALS)
    key = keys.silver(keys.Slot(kind, DAY, 1))
    store.put(key, damage)
    with pytest.raises(Corrupt, match=rf"^{key} cannot be read\..*rebuild silver --from {DAY} --to {DAY}"):
        days.read_day(store, DAY)


def test_damaged_people_and_receipts_are_named_with_what_heals_them() -> None:
    store = FakeStore()
    store.put(keys.people(DAY), b"cut")
    with pytest.raises(Corrupt, match=rf"^{keys.people(DAY)} cannot be read.*rebuild gold --from {DAY} --to {DAY}"):
        days.read_people(store, DAY)
    put_rejected(store, f"{DAY}T10:00:00", 0, ["bad_time"])
    (receipt,) = [entry.key for entry in store.list("receipts/")]
    store.put(receipt, b"{")
    with pytest.raises(Corrupt, match=rf"^{receipt} cannot be read.*rejected replay --object bronze/"):
        days.read_day(store, DAY)
