from __future__ import annotations

import json
import random
from typing import Any, NamedTuple

import msgspec
import pytest
from fakes.examples import examples
from fakes.silver_messages import RULES, SECRET, line, refusal, signin, value
from hypothesis import given
from hypothesis import strategies as st

from loginlake.errors import Corrupt
from loginlake.lake import lines
from loginlake.silver import merge as module
from loginlake.silver.check import Checker
from loginlake.silver.merge import Hour, Stored, merge, merge_hours
from loginlake.silver.rows import RejectedRow, Rows, SilverRow, who

CHECKER = Checker(RULES, lambda _date: 1)
# Few ids and people, so that repeats, repeats of repeats and ids of two people all happen.
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from(["google", "acme"]), st.integers(0, 59)),
    max_size=14,
)


def row(offset: int, event: dict[str, Any]) -> SilverRow:
    judged = CHECKER.reference(line(value(event), offset))
    assert judged is not None
    assert not isinstance(judged, RejectedRow)
    return judged


def person(text: bytes) -> str | None:
    read = json.loads(text)
    return who(SECRET, read["provider"], read["user_id"]) if "user_id" in read else None


class Merged(NamedTuple):
    silver: bytes
    repeated: bytes
    kept: int
    repeats: int


def merged(silver: bytes, repeated: bytes, new: list[SilverRow]) -> Merged:
    return together([(silver, repeated, Rows.of(new))])[0]


def together(hours: list[tuple[bytes, bytes, Rows]]) -> list[Merged]:
    done = merge_hours([Hour(Stored(lines.compress(hour[0])), *hour[1:]) for hour in hours], person)
    return [
        Merged(hour[0] if each.silver is None else b"".join(each.silver), *each[1:])
        for hour, each in zip(hours, done, strict=True)
    ]


def events(picks: list[tuple[int, int, str, int]], start: int = 0) -> list[SilverRow]:
    return [
        row(
            offset,
            signin({"user_id": str(user), "provider": by}, id=f"e{event}", time=f"2026-11-24T10:00:{second:02d}Z"),
        )
        for offset, (event, user, by, second) in enumerate(picks, start)
    ]


def expected(found: list[SilverRow]) -> tuple[list[int], dict[int, int]]:
    """Independently: the offsets in silver's order, and every repeat's winner."""
    winners: dict[tuple[object, ...], SilverRow] = {}
    repeats: dict[int, int] = {}
    for each in sorted(found, key=lambda one: one.offset):
        known = msgspec.structs.asdict(each)
        group = (each.source, each.id, known.get("provider"), known.get("user_id"))
        if group in winners:
            repeats[each.offset] = winners[group].offset
        else:
            winners[group] = each
    kept = sorted(winners.values(), key=lambda one: (one.time, one.source, one.id, one.offset))
    return [each.offset for each in kept], repeats


def offsets(content: bytes) -> list[int]:
    return [json.loads(text)["offset"] for text in lines.split(content)]


def winners_in(content: bytes) -> dict[int, int]:
    found = [json.loads(text) for text in lines.split(content)]
    return {each["offset"]: each["winner_offset"] for each in found}


@given(ROWS)
def test_the_earliest_origin_wins_and_the_others_are_repeats(picks: list[tuple[int, int, str, int]]) -> None:
    found = events(picks)
    result = merged(b"", b"", found)
    assert (offsets(result.silver), winners_in(result.repeated)) == expected(found)
    assert (result.kept, result.repeats) == (len(offsets(result.silver)), len(offsets(result.repeated)))


@examples(25)
@given(ROWS, st.randoms(use_true_random=False))
def test_order_repeats_and_crashes_change_nothing(picks: list[tuple[int, int, str, int]], rng: random.Random) -> None:
    found = events(picks)
    whole = merged(b"", b"", found)
    silver, repeated = b"", b""
    # Until every row was merged whole once: some merges stop between the two writes, some rows come again.
    waiting = list(found)
    while waiting:
        some = rng.sample(waiting, rng.randint(1, len(waiting)))
        again = rng.sample(found, rng.randint(0, len(found)))
        step = merged(silver, repeated, [*some, *again])
        repeated = step.repeated
        if rng.random() < 0.4:
            continue
        silver = step.silver
        waiting = [each for each in waiting if each not in some]
    assert (silver, repeated) == (whole.silver, whole.repeated)


@given(ROWS)
def test_merging_nothing_new_gives_equal_content(picks: list[tuple[int, int, str, int]]) -> None:
    once = merged(b"", b"", events(picks))
    assert merged(once.silver, once.repeated, [])[:2] == (once.silver, once.repeated)


@examples(25)
@given(st.lists(st.tuples(ROWS, ROWS), max_size=5))
def test_hours_together_are_as_hours_alone(hours: list[tuple[list[tuple[int, int, str, int]], ...]]) -> None:
    """The same ids and origins in every hour: nothing leaks from one into another."""
    work: list[tuple[bytes, bytes, Rows]] = []
    for before, new in hours:
        old = merged(b"", b"", events(before, start=100))
        work.append((old.silver, old.repeated, Rows.of([*events(new), *events(before, start=100)[:2]])))
    assert together(work) == [together([hour])[0] for hour in work]
    assert [(hour.silver, hour.repeated) for hour in together(work)] == [merge(*hour, person) for hour in work]


@examples(20)
@given(ROWS, ROWS, st.integers(1, 900), st.booleans())
def test_a_large_hour_in_pieces_is_as_one_that_is_held(
    before: list[tuple[int, int, str, int]], new: list[tuple[int, int, str, int]], piece: int, disorder: bool
) -> None:
    old = merged(b"", b"", events(before))
    silver = lines.join(reversed(lines.split(old.silver))) if disorder else old.silver
    rows = [*events(new, start=100), *events(before)[:3]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE", piece)
        some = merged(silver, old.repeated, rows)
    assert some == merged(silver, old.repeated, rows)
    assert offsets(some.silver) == offsets(merged(old.silver, old.repeated, rows).silver)


def test_an_unchanged_hour_is_not_taken_apart() -> None:
    old = merged(b"", b"", events([(1, 1, "google", 1), (2, 1, "google", 2), (2, 1, "google", 3)]))
    again = Rows.of(events([(1, 1, "google", 1)]))
    [done] = merge_hours([Hour(Stored(lines.compress(old.silver)), old.repeated, again)], person)
    assert (done.silver, done.repeated, done.kept, done.repeats) == (None, old.repeated, 1, 0)


def test_a_repeated_row_says_who_and_whose() -> None:
    result = merged(b"", b"", [row(7, signin(time="2026-11-24T10:00:00Z")), row(3, signin({"username": "Another"}))])
    assert json.loads(result.repeated) == {
        "log": 0, "partition": 0, "offset": 7, "source": "https://shop.example", "id": "e1",
        "who": who(SECRET, "google", "1001"), "winner_log": 0, "winner_partition": 0, "winner_offset": 3,
    }  # fmt: skip
    assert json.loads(result.silver)["username"] == "Another"


def test_a_repeat_of_another_person_is_kept() -> None:
    result = merged(b"", b"", [row(0, signin()), row(1, signin({"user_id": "1002"}))])
    assert (result.kept, result.repeats) == (2, 0)


def test_refusals_are_grouped_by_source_and_id_alone() -> None:
    result = merged(b"", b"", [row(0, refusal()), row(1, refusal({"reason": "other"})), row(2, refusal(id="r2"))])
    assert offsets(result.silver) == [0, 2]
    assert json.loads(result.repeated)["who"] is None


def test_a_repeat_waits_for_a_winner_that_is_not_written_yet() -> None:
    early, late, latest = (row(offset, signin()) for offset in (1, 2, 3))
    stopped = merged(b"", b"", [early, late])
    other = merged(b"", stopped.repeated, [latest])
    assert (other.silver, winners_in(other.repeated)) == (b"", {2: 1, 3: 1})
    healed = merged(other.silver, other.repeated, [early, late])
    assert (offsets(healed.silver), winners_in(healed.repeated)) == ([1], {2: 1, 3: 1})


def test_persons_are_asked_only_where_an_id_comes_twice() -> None:
    asked: list[bytes] = []

    def ask(text: bytes) -> str | None:
        asked.append(text)
        return person(text)

    rows = Rows.of([row(0, signin()), row(1, signin(id="e2")), row(2, signin(id="e2"))])
    merge(b"", b"", rows, ask)
    assert sorted(offsets(lines.join(asked))) == [1, 2]


def test_text_survives_as_it_is() -> None:
    odd = row(0, signin({"username": 'a\x00\u2028\u202e👩‍💻"\\'}, id="e\x00\u2028", source="=1+1"))
    once = merged(b"", b"", [odd, row(1, signin(id="e\x00\u2028", source="=1+1"))])
    again = merged(once.silver, once.repeated, [row(2, signin(id="e\x00\u2028", source="=1+1"))])
    assert again.silver == once.silver
    assert winners_in(again.repeated) == {1: 0, 2: 0}
    assert json.loads(again.silver)["username"] == 'a\x00\u2028\u202e👩‍💻"\\'


@pytest.mark.parametrize(("silver", "repeated"), [(b"x\n", b""), (b"", b"{}\n"), (b"\xff\n", b"")])
def test_damaged_content_is_corrupt(silver: bytes, repeated: bytes) -> None:
    with pytest.raises(Corrupt):
        merged(silver, repeated, [row(0, signin())])
