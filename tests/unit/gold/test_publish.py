from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.examples import examples
from fakes.expected_gold import Expected
from fakes.gold_store import FakeGold
from fakes.object_store import FakeStore
from fakes.silver_objects import CHROME, IPHONE, Row, mark, put_rejected, put_silver, refusal, signin
from hypothesis import given
from hypothesis import strategies as st

from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.publish import PublishReport, publish
from loginlake.gold.read import Snapshot, person
from loginlake.gold.store import GoldStore
from loginlake.lake import keys
from loginlake.lake.by_url import open_store

AGENTS: dict[str | None, tuple[str, str, str]] = {
    None: ("", "", ""),
    CHROME: ("desktop", "Chrome", "Windows"),
    IPHONE: ("mobile", "Mobile Safari", "iOS"),
}


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment


def run(store: FakeStore, gold: GoldStore, clock: Clock | None = None, **more: Any) -> PublishReport:
    return publish(store, gold, now=clock or Clock(), **more)


def users_of(gold: FakeGold) -> dict[str, Row]:
    return {
        name: {key: value for key, value in document.items() if key != "generation"}
        for name, document in gold.collections.get("users", {}).items()
    }


def check(gold: FakeGold, expected: Expected) -> None:
    snapshot = Snapshot.open(gold)
    assert snapshot.all_days() == expected.days()
    assert snapshot.pipeline() == expected.pipeline()
    assert snapshot.recent() == expected.recent()
    assert users_of(gold) == expected.users()
    assert snapshot.months("", "~") == expected.months()
    assert snapshot.cohorts() == expected.cohorts()
    assert snapshot.census() == expected.census()
    for source in {row["source"] for row in (*expected.signins, *expected.refusals)}:
        key = hashlib.sha256(source.encode()).hexdigest()[:12]
        assert snapshot.months("", "~", key) == expected.app_months(source)


def day(number: int) -> str:
    return (datetime(2026, 9, 1, tzinfo=UTC) + timedelta(days=number)).strftime("%Y-%m-%d")


def random_rows(seed: int, people: int = 12, days: int = 80, rows: int = 250) -> list[Row]:
    dice = random.Random(seed)
    made = []
    for number in range(rows):
        user = f"u{int(people * dice.random() ** 2)}"
        clock = f"{dice.randrange(24):02d}:{dice.randrange(60):02d}:07.{dice.randrange(10**6):06d}"
        time = f"{day(dice.randrange(days))}T{clock}Z"
        made.append(
            signin(
                user,
                time,
                id=f"e{number}",
                source=dice.choice(["https://app.example", "https://other.example"]),
                username=f"{user} at {number}",
                email=f"{user}@{dice.choice(['Example.org', 'gmail.com'])}",
                email_verified=dice.choice([True, False, None]),
                hosted_domain=dice.choice([None, "example.org"]),
                method=dice.choice([None, "btn", "fedcm"]),
                user_agent=dice.choice([None, CHROME, IPHONE]),
            )
        )
    return made


def test_an_empty_lake_gives_an_empty_snapshot() -> None:
    store, gold = FakeStore(), FakeGold()
    assert run(store, gold) == PublishReport()
    snapshot = Snapshot.open(gold)
    assert (snapshot.generation, snapshot.complete_until, snapshot.published_at) == (0, None, None)
    assert (snapshot.all_days(), snapshot.recent(), snapshot.pipeline()["signins"]) == ([], [], 0)
    assert person(gold, "google", "u1") is None


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("max_people", [1, 40, 100_000])
def test_every_figure_as_recomputed_in_plain_python(shards: int, max_people: int) -> None:
    store, gold = FakeStore(), FakeGold()
    rows = random_rows(1)
    refusals = [
        refusal(f"{day(n)}T05:00", reason) for n, reason in ((3, "expired"), (3, "bad_audience"), (85, "expired"))
    ]
    put_silver(store, rows, refusals, shards=shards)
    put_rejected(store, f"{day(4)}T09:00", 0, ["not_json", "null_email", "not_json"])
    put_rejected(store, f"{day(130)}T09:00", 9, ["future"])
    report = run(store, gold, max_people=max_people)
    rejected = [(day(4), "not_json"), (day(4), "null_email"), (day(4), "not_json"), (day(130), "future")]
    check(gold, Expected(rows, refusals, rejected, AGENTS))
    assert not store.content("dirty/")
    assert report.days == len({row["time"][:10] for row in [*rows, *refusals]} | {day(4), day(130)})


def test_a_person_is_shaped_as_promised() -> None:
    store, gold = FakeStore(), FakeGold()
    put_silver(store, [signin("u1", "2026-11-24T10:00"), signin("u1", "2026-11-20T10:00", username="Old")])
    run(store, gold)
    assert person(gold, "google", "u1") == {
        "provider": "google",
        "user_id": "u1",
        "username": "Name of u1",
        "email": "u1@example.org",
        "email_verified": True,
        "picture": "https://pictures.example/u1",
        "hosted_domain": None,
        "first": "2026-11-20T10:00:00.000000Z",
        "last": "2026-11-24T10:00:00.000000Z",
        "signins": 2,
        "active_days": 2,
        "days": {"2026-11-20": 1, "2026-11-24": 1},
        "devices": {"2026-11-20": "desktop|Chrome|Windows", "2026-11-24": "desktop|Chrome|Windows"},
        "by_name": "name of u1",
        "by_surname": "of u1",
        "by_email": "u1@example.org",
        "generation": 1,
    }


@examples(12)
@given(
    st.lists(
        st.sets(
            st.tuples(st.integers(0, 5), st.sampled_from([0, 1, 5, 6, 7, 29, 30, 31, 32, 60, 61, 100])), max_size=25
        ),
        min_size=2,
        max_size=4,
    ),
    st.integers(1, 20),
)
def test_rows_that_come_late_or_go_leave_what_a_rebuild_would_make(
    states: list[set[tuple[int, int]]], max_people: int
) -> None:
    store, gold = FakeStore(), FakeGold()
    rows: list[Row] = []
    for number, state in enumerate(states):
        rows = [signin(f"u{user}", f"{day(at)}T{(user + number) % 24:02d}:00", id=f"{user}-{at}") for user, at in state]
        put_silver(store, rows)
        run(store, gold, max_people=max_people)
        check(gold, Expected(rows, agents=AGENTS))
    rebuilt = FakeGold()
    run(store, rebuilt)
    check(rebuilt, Expected(rows, agents=AGENTS))


def test_a_changed_profile_alone_is_seen() -> None:
    store, gold = FakeStore(), FakeGold()
    put_silver(store, [signin("u1", "2026-11-24T10:00", username="As it was")])
    run(store, gold)
    rows = [signin("u1", "2026-11-24T10:00", username="As it is")]
    put_silver(store, rows)
    run(store, gold)
    check(gold, Expected(rows, agents=AGENTS))


def test_the_last_of_one_moment_is_by_source_and_id() -> None:
    store, gold = FakeStore(), FakeGold()
    rows = [signin("u1", "2026-11-24T10:00", id=name, username=f"by {name}") for name in ("b", "c", "a")]
    put_silver(store, rows)
    run(store, gold)
    assert (person(gold, "google", "u1") or {})["username"] == "by c"


def test_only_what_changed_is_written() -> None:
    store, gold = FakeStore(), FakeGold()
    rows = random_rows(2)
    put_silver(store, rows)
    run(store, gold)
    gold.written.clear()
    newest = max(row["time"] for row in rows)[:10]
    mark(store, newest)
    report = run(store, gold)
    assert (report.rows, report.users, report.days) == (0, 0, 1)
    assert set(gold.written) == {"pointer/current"}
    put_silver(store, [*rows, signin("u1", f"{newest}T23:59:59.999999Z", id="late")])
    gold.written.clear()
    run(store, gold)
    generation = Snapshot.open(gold).generation
    app = hashlib.sha256(b"https://app.example").hexdigest()[:12]
    months = (f"month:{newest[:7]}", f"month:{newest[:7]}:{app}")
    names = (f"day:{newest}", *months, "pipeline", "recent", "totals", "retired")
    assert set(gold.written) == {"pointer/current", "users/google|u1", *(f"rows/{generation}:{name}" for name in names)}


def test_cost_follows_the_touched_days() -> None:
    store, gold = FakeStore(), FakeGold()
    rows = random_rows(3)
    put_silver(store, rows)
    run(store, gold)
    newest = max(row["time"] for row in rows)[:10]
    put_silver(store, [*rows, signin("u1", f"{newest}T23:59:59.999999Z", id="late")])
    store.calls.clear()
    gold.calls.clear()
    run(store, gold)
    read = {key for call, key in store.calls if call == "get"}
    assert {key.split("=")[1][:10] for key in read if key.startswith("silver/")} == {newest}
    assert len([key for key in read if key.startswith("people/")]) <= 31
    assert len(gold.calls) < 25


def test_recent_is_whole_again_when_some_of_it_was_taken_away() -> None:
    store, gold = FakeStore(), FakeGold()
    rows = sorted(random_rows(8), key=lambda row: str(row["time"]))
    put_silver(store, rows)
    run(store, gold)
    put_silver(store, rows[:-40])
    run(store, gold)
    check(gold, Expected(rows[:-40], agents=AGENTS))


def test_complete_until_is_told_when_all_is_published() -> None:
    store, gold, clock = FakeStore(), FakeGold(), Clock()
    store.put(keys.CLEAN_WATERMARK, b'{"complete_until":"2026-11-24T10:00:00.000000Z"}')
    put_silver(store, [signin("u1", "2026-11-24T10:00"), signin("u1", "2026-11-25T10:00")])
    report = run(store, gold, clock, max_people=1)
    assert report.refreshes == 2
    assert Snapshot.open(gold).complete_until == report.complete_until == "2026-11-24T10:00:00.000000Z"
    store.put(keys.CLEAN_WATERMARK, b'{"complete_until":"2026-11-24T10:15:00.000000Z"}')
    assert run(store, gold, clock).refreshes == 0
    assert Snapshot.open(gold).complete_until == "2026-11-24T10:15:00.000000Z"
    gold.written.clear()
    run(store, gold, clock)
    assert gold.written == []


def test_a_day_marked_again_meanwhile_stays_marked() -> None:
    store, gold = FakeStore(), FakeGold()
    rows = [signin("u1", "2026-11-24T10:00")]
    put_silver(store, rows)

    def late(call: str) -> None:
        if call == "replace rows":
            gold.before_call = None
            rows.append(signin("u2", "2026-11-24T11:00"))
            put_silver(store, rows)

    gold.before_call = late
    run(store, gold)
    assert list(store.content("dirty/")) == ["dirty/day=2026-11-24"]
    assert Snapshot.open(gold).pipeline()["signins"] == 1
    run(store, gold)
    assert not store.content("dirty/")
    check(gold, Expected(rows, agents=AGENTS))


def test_marks_may_carry_a_name_of_their_own() -> None:
    store, gold = FakeStore(), FakeGold()
    put_silver(store, [signin("u1", "2026-11-24T10:00")])
    store.put("dirty/day=2026-11-24/0af3", b"")
    run(store, gold)
    assert not store.content("dirty/")


def test_a_new_gold_store_is_filled_from_the_whole_lake() -> None:
    store, first, second = FakeStore(), FakeGold(), FakeGold()
    rows = random_rows(4)
    put_silver(store, rows)
    put_rejected(store, f"{day(4)}T09:00", 0, ["not_json"])
    run(store, first)
    run(store, second, max_people=30)
    check(second, Expected(rows, [], [(day(4), "not_json")], AGENTS))


def test_people_objects_that_were_lost_or_changed_are_read_from_silver() -> None:
    store, gold = FakeStore(), FakeGold()
    rows = random_rows(5)
    put_silver(store, rows)
    run(store, gold)
    for number, key in enumerate(sorted(store.content("people/"))):
        if number % 2:
            store.delete(key)
        else:
            store.put(key, store.get(min(store.content("people/"))).data)
    rows += random_rows(6, rows=20)
    put_silver(store, [{**row, "id": f"n{number}"} for number, row in enumerate(rows)])
    run(store, gold)
    check(gold, Expected([{**row, "id": f"n{number}"} for number, row in enumerate(rows)], agents=AGENTS))


def test_the_embedded_store_holds_the_same(tmp_path: Path) -> None:
    store, gold, fake = FakeStore(), EmbeddedGold(tmp_path / "gold.db"), FakeGold()
    put_silver(store, random_rows(7))
    run(store, fake)
    run(store, gold)
    one, other = Snapshot.open(fake), Snapshot.open(gold)
    assert one.all_days() == other.all_days()
    assert one.pipeline() == other.pipeline()
    assert one.recent() == other.recent()
    for name, document in fake.collections["users"].items():
        assert gold.read("users", [name])[name] == document
    gold.close()


def test_a_folder_holds_the_same_and_its_marks_go(tmp_path: Path) -> None:
    store, gold = open_store(f"file:{tmp_path / 'lake'}"), FakeGold()
    rows = random_rows(9, rows=60)
    put_silver(store, rows)
    publish(store, gold, now=Clock())
    put_silver(store, rows[:-1])
    publish(store, gold, now=Clock())
    check(gold, Expected(rows[:-1], agents=AGENTS))
    assert not list(store.list("dirty/"))
