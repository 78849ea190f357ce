"""publish cut short anywhere, twice at once, and beside readers: what remains is what silver says."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from functools import cache, partial

import pytest
from fakes.bronze_origins import wait_for
from fakes.expected_gold import Expected
from fakes.gold_store import FakeGold, When
from fakes.object_store import FakeStore
from fakes.silver_objects import Row, mark, put_silver, signin

from loginlake.errors import Conflict, LoginlakeError, Unavailable
from loginlake.gold.publish import publish
from loginlake.gold.read import Snapshot

AGENTS: dict[str | None, tuple[str, str, str]] = {
    signin("u", "2026-11-24T10:00")["user_agent"]: ("desktop", "Chrome", "Windows")
}


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, minutes: int) -> None:
        self.moment += timedelta(minutes=minutes)


def first_state() -> list[Row]:
    early = [signin(f"u{n}", f"2026-10-{5 + n // 2:02d}T10:00") for n in range(4)]
    return early + [signin(f"u{n}", f"2026-11-22T1{n}:00") for n in range(2)]


def second_state() -> list[Row]:
    """Late rows, a row gone, one person gone, one person new, another profile."""
    rows = [row for row in first_state() if row["user_id"] != "u3"]
    rows = [row for row in rows if not (row["user_id"] == "u1" and row["time"] > "2026-11")]
    return [
        *rows,
        signin("u0", "2026-09-01T10:00"),
        signin("u2", "2026-11-22T10:00", username="Another"),
        signin("n1", "2026-10-06T10:00"),
    ]


@cache
def _published() -> tuple[FakeStore, FakeGold]:
    store, gold = FakeStore(), FakeGold()
    put_silver(store, first_state())
    publish(store, gold, now=Clock())
    put_silver(store, second_state())
    return store, gold


def published() -> tuple[FakeStore, FakeGold]:
    """The first state published, the second in silver; the caller's own."""
    store, gold = _published()
    return store.copy(), gold.copy()


def state(gold: FakeGold) -> tuple[object, ...]:
    """What a reader can see, without generations and moments."""
    snapshot = Snapshot.open(gold)
    users = {
        name: {key: value for key, value in document.items() if key != "generation"}
        for name, document in gold.collections["users"].items()
    }
    rows = snapshot.months("", "~"), snapshot.cohorts(), snapshot.census()
    return snapshot.all_days(), snapshot.recent(), snapshot.pipeline(), *rows, users


def expected(rows: list[Row]) -> tuple[object, ...]:
    plain = Expected(rows, agents=AGENTS)
    others = plain.months(), plain.cohorts(), plain.census()
    return plain.days(), plain.recent(), plain.pipeline(), *others, plain.users()


AFTER = expected(second_state())


def rows_in_use(gold: FakeGold) -> set[str]:
    return {f"{generation}:{key}" for key, generation in gold.collections["pointer"]["current"]["keys"]}


@pytest.mark.parametrize("max_people", [2, 1_000])
@pytest.mark.parametrize("when", ["before", "half", "after"])
def test_a_gold_store_that_fails_at_any_call_is_healed_by_the_next_pass(when: When, max_people: int) -> None:
    steps: list[str] = []
    number = 0
    while True:
        clock = Clock()
        store, gold = published()
        before = state(gold)[:6]
        calls = len(gold.calls)
        gold.fail_at(number, when)
        try:
            publish(store, gold, now=clock, max_people=max_people)
        except Unavailable:
            steps.append(gold.calls[-1])
        gold.heal()
        if len(gold.calls) - calls <= number:
            break
        seen = state(gold)[:6]
        if max_people == 1_000:
            assert seen in (before, AFTER[:6]), "half a refresh was seen"
        publish(store, gold, now=clock, max_people=max_people)
        assert state(gold) == AFTER, f"after a failure {when} call {number}, {steps[-1]}"
        assert not store.content("dirty/")
        _nothing_is_left_over(store, gold, clock)
        number += 1
    assert {"replace_newer users", "replace rows", "compare_and_set pointer", "delete users"} <= set(steps)


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_lake_that_fails_at_any_call_is_healed_by_the_next_pass(how: str) -> None:
    number = 0
    while True:
        clock = Clock()
        store, gold = published()
        calls = len(store.calls)
        store.fail_at(number, "before" if how == "before" else "after")
        failed = False
        try:
            publish(store, gold, now=clock)
        except Unavailable:
            failed = True
        store.heal()
        if len(store.calls) - calls <= number:
            break
        assert failed
        publish(store, gold, now=clock)
        assert state(gold) == AFTER
        assert not store.content("dirty/")
        number += 1
    assert number > 25


def _nothing_is_left_over(store: FakeStore, gold: FakeGold, clock: Clock) -> None:
    """After a quarter of an hour only what the pointer names is kept."""
    clock.forward(16)
    for _ in range(2):  # What the first pass puts out of use is due at the second.
        mark(store, "2026-11-22")
        publish(store, gold, now=clock)
        clock.forward(16)
    publish(store, gold, now=clock)
    assert set(gold.collections["rows"]) == rows_in_use(gold)


def test_rows_out_of_use_are_kept_for_a_quarter_of_an_hour() -> None:
    clock = Clock()
    store, gold = published()
    held = Snapshot.open(gold)
    before = held.all_days(), held.recent(), held.pipeline()
    publish(store, gold, now=clock)
    clock.forward(14)
    publish(store, gold, now=clock)
    assert (held.all_days(), held.recent(), held.pipeline()) == before
    clock.forward(2)
    publish(store, gold, now=clock)
    assert set(gold.collections["rows"]) == rows_in_use(gold)
    with pytest.raises(Conflict, match="Open a new one"):
        held.all_days()


def test_of_two_publishers_the_later_claim_wins_and_the_other_starts_again() -> None:
    clock = Clock()
    store, gold = published()
    runs: list[int] = []

    def overtake(call: str) -> None:
        if call == "replace rows" and not runs:
            runs.append(1)
            publish(store, gold, now=clock)

    gold.before_call = overtake
    report = publish(store, gold, now=clock)
    assert runs == [1]
    assert report.refreshes == 0, "the other one had done everything"
    assert state(gold) == AFTER
    assert not store.content("dirty/")


@pytest.mark.parametrize("at", ["replace_newer users", "replace rows", "delete users", "read users", "read rows"])
def test_an_overtaken_publisher_leaves_nothing_wrong(at: str) -> None:
    """The other one sees another silver; ours wakes up with what it read before."""
    clock = Clock()
    store, gold = published()
    third = [*second_state(), signin("n2", "2026-10-05T10:00"), signin("u0", "2026-10-05T12:00")]

    def overtake(call: str) -> None:
        if call == at:
            gold.before_call = None
            put_silver(store, third)
            publish(store, gold, now=clock)

    gold.before_call = overtake
    publish(store, gold, now=clock)
    publish(store, gold, now=clock)
    assert state(gold) == expected(third)


def test_two_publishers_at_once_end_right() -> None:
    clock = Clock()
    store, gold = published()
    gate = threading.Barrier(2)
    failures: list[BaseException] = []

    def one() -> None:
        gate.wait()
        try:
            publish(store, gold, now=clock, attempts=20)
        except LoginlakeError as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    publish(store, gold, now=clock)
    assert state(gold) == AFTER


def test_a_publisher_that_is_always_overtaken_gives_up_for_now() -> None:
    clock = Clock()
    store, gold = published()

    def overtake(call: str) -> None:
        if call == "replace_newer users":
            current = gold.collections["pointer"]["current"]
            current["version"] += 1

    gold.before_call = overtake
    with pytest.raises(Conflict, match="Another publisher"):
        publish(store, gold, now=clock, attempts=2)
    gold.before_call = None
    publish(store, gold, now=clock)
    assert state(gold) == AFTER


def test_a_reader_never_sees_half_a_refresh() -> None:
    """Each state of silver holds the same people on every day: any mix of two refreshes shows."""
    clock = Clock()
    store, gold = FakeStore(), FakeGold()
    days = [f"2026-11-{n:02d}" for n in range(1, 4)]

    def silver(number: int) -> None:
        put_silver(store, [signin(f"u{n}", f"{day}T10:00") for day in days for n in range(number)])

    silver(1)
    publish(store, gold, now=clock)
    done = threading.Event()
    seen: set[int] = set()
    wrong: list[object] = []

    def read() -> None:
        while not done.is_set():
            snapshot = Snapshot.open(gold)
            documents = snapshot.all_days()
            people = {document["people"] for document in documents}
            signins = snapshot.pipeline()["signins"]
            if len(people) != 1 or signins != len(days) * min(people) or len(snapshot.recent()) != signins:
                wrong.append((people, signins))
            seen.update(people)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2, 8):
        silver(number)
        publish(store, gold, now=clock)
        wait_for(partial(seen.__contains__, number))
    done.set()
    reader.join()
    assert wrong == []
    assert seen >= set(range(2, 8))
