"""Settings or the key changed while objects were being cleaned: every message still has one end."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from fakes.object_store import FakeStore, Killed
from fakes.silver_messages import SECRET, put_bronze, put_head, rows, signin, value
from fakes.silver_objects import full_outcome

from loginlake.lake import keys, lines
from loginlake.silver import steps
from loginlake.silver.clean import clean
from loginlake.silver.reasons import REQUIRED, Rules
from loginlake.silver.reclean import rebuild
from loginlake.silver.rows import who

DAY = "2026-11-24"
STRICT = Rules(secret=SECRET)
RELAXED = Rules(secret=SECRET, required=frozenset(REQUIRED) - {"picture", "email"})
SHORT = Rules(secret=SECRET, too_old=timedelta(hours=1))
OTHER_KEY = Rules(secret=b"another secret of the tests")
CHANGES = [(STRICT, RELAXED), (RELAXED, STRICT), (STRICT, SHORT), (SHORT, STRICT), (STRICT, OTHER_KEY)]
LISTS = ("todo/", "rows/", "checked/", "replay/")
Cleaning = Callable[[FakeStore, Rules], object]


def fill(store: FakeStore) -> None:
    """Objects whose rows one of the rules rejects, wholly or partly, with repeats across them, over some hours."""
    put_head(store, 0, "2026-11-24T10:31:00.000000Z")
    no_picture = value(signin({"picture": None}, id="e2", time=f"{DAY}T09:10:00Z"))
    early = value(signin(id="e3", time=f"{DAY}T08:00:00Z"))
    bad = value(signin({"email": "x"}, id="e4"))
    no_email = value(signin({"email": None}, id="e5", time=f"{DAY}T07:00:00Z"))
    put_bronze(store, [value(signin()), no_picture, value(signin())], start=0)
    put_bronze(store, [value(signin()), early, bad, no_picture], start=3)
    put_bronze(store, [early, no_email], start=7)


def by_clean(store: FakeStore, rules: Rules) -> None:
    clean(store, rules, max_rows=5)


def by_steps(store: FakeStore, rules: Rules) -> None:
    found = steps.find(store, most=100)
    report = steps.check(store, rules, lambda _: 1, found.objects)
    for waiting in steps.on_the_way(store):
        steps.merge(store, rules, [waiting.slot])
    steps.settle(store, found, report.waiting)


def cleaned(rules: Rules) -> dict[str, bytes]:
    store = FakeStore()
    fill(store)
    clean(store, rules)
    return full_outcome(store)


@pytest.mark.parametrize("how", ["kill", "kill-after"])
@pytest.mark.parametrize(("before", "now"), CHANGES)
def test_a_pass_that_was_cut_is_ended_by_other_rules(before: Rules, now: Rules, how: str) -> None:
    whole = cleaned(now)
    for nth in itertools.count(step=2):
        store = FakeStore()
        fill(store)
        store.fail_at(nth, how)  # type: ignore[arg-type]
        try:
            clean(store, before)
        except Killed:
            store.heal()
            settled = [entry.key for entry in store.list("receipts/")]
            clean(store, now)
            _every_origin_has_one_end(store)
            assert settled or full_outcome(store) == whole
            assert [entry.key for prefix in LISTS for entry in store.list(prefix)] == []
        else:
            assert nth > 20
            return


@pytest.mark.parametrize("second", [by_clean, by_steps])
@pytest.mark.parametrize("first", [by_clean, by_steps])
@pytest.mark.parametrize(("before", "now"), CHANGES[:2])
def test_whoever_was_cut_and_whoever_goes_on(before: Rules, now: Rules, first: Cleaning, second: Cleaning) -> None:
    for nth in itertools.count(step=5):
        store = FakeStore()
        fill(store)
        store.fail_at(nth, "kill-after")
        try:
            first(store, before)
        except Killed:
            store.heal()
            second(store, now)
            by_steps(store, now)
            _every_origin_has_one_end(store)
            assert [entry.key for prefix in LISTS for entry in store.list(prefix)] == []
            assert json.loads(store.get(keys.CLEAN_WATERMARK).data)["complete_until"]
        else:
            return


def test_rules_that_change_twice_leave_nothing_of_those_in_between() -> None:
    """Cut by the first, cut again by the second at any place, ended by the first."""
    for first_cut in (9, 14, 18):
        for nth in range(0, 120, 7):
            store = FakeStore()
            fill(store)
            store.fail_at(first_cut, "kill-after")
            with pytest.raises(Killed):
                clean(store, STRICT)
            store.heal()
            store.fail_at(nth, "kill-after")
            try:
                clean(store, RELAXED)
            except Killed:
                store.heal()
                clean(store, STRICT)
                _every_origin_has_one_end(store)
            else:
                break


def _every_origin_has_one_end(store: FakeStore) -> None:
    landed = sorted((row["partition"], row["offset"]) for row in rows(store, "bronze/"))
    ends = [row for prefix in ("silver/", "repeated/", "rejected/") for row in rows(store, prefix)]
    assert sorted((row["partition"], row["offset"]) for row in ends) == landed
    for receipt in (json.loads(data) for data in store.content("receipts/").values()):
        key = keys.rejected(receipt["object"])
        stored = lines.split(lines.decode(store.objects[key].data)) if key in store.objects else []
        assert len(stored) == sum(receipt["rejected"].values())


def test_an_object_that_was_begun_by_the_same_rules_is_merely_done_again() -> None:
    store = FakeStore()
    key = put_bronze(store, [value(signin())])
    store.fail_next(call="put", prefix="receipts/", how="kill")
    with pytest.raises(Killed):
        clean(store, STRICT)
    store.heal()
    store.calls.clear()
    assert clean(store, STRICT).again == 0
    written = [name for call, name in store.calls if call in {"put", "replace"}]
    assert written.count(keys.todo(key)) == 0
    assert not [name for name in written if name.startswith("replay/")]


def test_an_idle_pass_asks_for_no_more_than_the_list() -> None:
    store = FakeStore()
    store.calls.clear()
    clean(store, STRICT)
    assert [call for call in store.calls if call[1].startswith((*LISTS, "bronze/", "receipts/"))] == [("list", "todo/")]


def test_repeats_of_another_key_unite_with_their_first() -> None:
    """A repeat is known by the origins that it names; its keyed hash follows the key of now."""
    store = FakeStore()
    put_bronze(store, [value(signin()), value(signin())], start=10)
    clean(store, STRICT)
    put_bronze(store, [value(signin())], start=20)
    clean(store, OTHER_KEY)
    put_bronze(store, [value(signin())], start=0, partition=0)
    clean(store, OTHER_KEY)
    assert [row["offset"] for row in rows(store, "silver/")] == [0]
    found = {row["offset"]: (row["winner_offset"], row["who"]) for row in rows(store, "repeated/")}
    expected = who(OTHER_KEY.secret, "google", "1001")
    assert found == dict.fromkeys((10, 11, 20), (0, expected))


def test_a_rebuild_names_everybody_by_the_key_of_now() -> None:
    """What secret.py advises when the key is lost."""
    store, other = FakeStore(), FakeStore()
    for each, rules in ((store, STRICT), (other, OTHER_KEY)):
        fill(each)
        clean(each, rules)
    assert full_outcome(store) != full_outcome(other)
    rebuild(store, OTHER_KEY, shards=lambda _: 1)
    assert full_outcome(store) == full_outcome(other)


def test_the_fingerprint_follows_what_decides_and_never_shows_the_key() -> None:
    others = [
        RELAXED,
        SHORT,
        OTHER_KEY,
        Rules(secret=SECRET, future=timedelta(minutes=11)),
        Rules(secret=SECRET, max_bytes=10),
    ]
    assert len({rules.fingerprint for rules in (STRICT, *others)}) == len(others) + 1
    assert Rules(secret=SECRET, required=frozenset((*REQUIRED, "provider"))).fingerprint == STRICT.fingerprint
    assert SECRET.decode() not in STRICT.fingerprint
