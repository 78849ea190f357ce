"""The fast way and the reference agree, whatever a message is."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from fakes.silver_messages import ARRIVED, RULES, SECRET, line, refusal, signin, value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loginlake.errors import Corrupt
from loginlake.lake import keys, lines
from loginlake.silver import moments
from loginlake.silver.check import Checked, Checker, shard_of
from loginlake.silver.reasons import ATTRIBUTES, CONTEXT, IDENTITY, Rules
from loginlake.silver.rows import RejectedRow

CHECKER = Checker(RULES, lambda _date: 1)
TIMES = st.datetimes(
    min_value=(ARRIVED - timedelta(days=1102)).replace(tzinfo=None),
    max_value=(ARRIVED + timedelta(minutes=20)).replace(tzinfo=None),
).map(lambda when: when.isoformat(timespec="microseconds") + "Z")
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(
        ["", " ", "\u2028", "a\x00", "\ud800", "=1+1", "a@b.co", "a@b", "2026-11-24T10:00:00Z", [], {}, [{}]]
    ),
    TIMES,
)
FIELDS = st.sampled_from([*ATTRIBUTES, "type", "data", "extension", *IDENTITY, *CONTEXT, "email_verified", "reason"])


def changed(event: dict[str, Any], changes: list[tuple[str, object, bool]]) -> dict[str, Any]:
    event = copy.deepcopy(event)
    for name, new, remove in changes:
        holder = event if name in {*ATTRIBUTES, "type", "data", "extension"} else event.get("data")
        if not isinstance(holder, dict):
            continue
        holder[name] = new
        if remove:
            del holder[name]
    return event


def agree(message: bytes) -> None:
    text = line(message)
    fast = CHECKER.plain(text)
    if fast is not None:
        assert fast == CHECKER.reference(text)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([signin(), refusal()]), st.lists(st.tuples(FIELDS, ANYTHING, st.booleans()), max_size=3))
def test_any_event(event: dict[str, Any], changes: list[tuple[str, object, bool]]) -> None:
    agree(json.dumps(changed(event, changes), separators=(",", ":")).encode())


@settings(max_examples=200)
@given(st.data())
def test_any_bytes_in_the_place_of_any(data: st.DataObject) -> None:
    message = data.draw(st.sampled_from([value(signin()), value(refusal())]))
    start = data.draw(st.integers(0, len(message)))
    end = data.draw(st.integers(start, min(len(message), start + 3)))
    piece = data.draw(
        st.sampled_from([b'"', b"\\", b"\\ud800", b"{", b"}", b"[", b",", b"\x00", b"\xff", b"1e999", b"", b" "])
    )
    agree(message[:start] + piece + message[end:])


@given(TIMES)
def test_any_time_near_the_window(time: str) -> None:
    agree(value(signin(time=time)))
    agree(value(refusal(time=time, received=None)))


@pytest.mark.parametrize(
    "message",
    [
        value(signin()).replace(b'"id"', b'"id": "other", "id"'),
        value(signin()).replace(b'"type"', b'"type": "loginlake.signin_refused.v1", "type"'),
        value(signin()).replace(b'"data"', b'"data": {"user_id":"2"}, "data"'),
        value(signin()).replace(b'"id"', b'"\\u0069d"'),
        value(signin(extension=[[1]])),
        value(signin({"username": "x" * RULES.max_bytes})),
        value(signin()) + b" " * RULES.max_bytes,
    ],
)
def test_the_odd_ones(message: bytes) -> None:
    agree(message)


def test_what_our_own_web_sends_goes_the_fast_way() -> None:
    for event in (signin(), signin({"picture": None}, received=None), refusal()):
        checker = Checker(Rules(secret=SECRET, required=frozenset({"email"})), lambda _date: 1)
        assert checker.plain(line(value(event))) is not None
    assert CHECKER.plain(line(value(signin({"picture": None})))) is None


def check(messages: list[bytes | None], checker: Checker = CHECKER) -> Checked:
    content = lines.join(line(message, offset) for offset, message in enumerate(messages))
    return checker.check("key", content, "")


def test_every_line_ends_in_one_place() -> None:
    pretty = json.dumps(signin(id="e2"), indent=2).encode()
    checked = check([value(signin()), pretty, None, b"\xff\n", value(refusal(id="r")), value(signin({"email": "x"}))])
    assert {slot: len(rows) for slot, rows in checked.rows.items()} == {
        keys.Slot("signins", "2026-11-24", 10): 2,
        keys.Slot("refusals", "2026-11-24", 10): 1,
    }
    assert checked.reasons == {"not_json": 2, "bad_email": 1}
    assert [json.loads(row)["offset"] for row in checked.rejected] == [2, 3, 5]
    assert list(json.loads(checked.rejected[2])) == ["log", "partition", "offset", "reason", "detail", "who"]
    assert (checked.lines, checked.erased, checked.row_count) == (6, 0, 3)


def test_a_row_goes_to_the_hour_of_its_own_time() -> None:
    midnight = signin(time="2026-11-24T00:30:00+02:00")
    assert list(check([value(midnight)]).rows) == [keys.Slot("signins", "2026-11-23", 22)]


def test_an_erased_line_is_counted_and_nothing_else() -> None:
    erased = b'{"log":0,"partition":0,"offset":0,"timestamp":"2026-11-24T10:30:00.000000Z","erased":"r1"}'
    checked = CHECKER.check("key", lines.join([erased]), "")
    assert (checked.lines, checked.erased, checked.rows, checked.rejected) == (1, 1, {}, [])


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"nonsense",
        b'{"log":0,"partition":0,"offset":0,"timestamp":"2026-11-24T10:30:00.000000Z","value_base64":"a"}',
        b'{"log":0,"partition":0,"offset":0,"timestamp":"then","value":{}}',
        line(value(signin())).replace(b"2026-11-24T10:30:00.250000Z", b"nonsense"),
    ],
)
def test_a_damaged_line_is_corrupt(text: bytes) -> None:
    with pytest.raises(Corrupt):
        CHECKER.check("key", lines.join([text]), "")


def test_details_quote_nothing() -> None:
    secretive = dict.fromkeys((*IDENTITY, *CONTEXT), "PRIVATE")
    for field in (*IDENTITY, *CONTEXT, *ATTRIBUTES):
        for bad in (["PRIVATE"], {"PRIVATE": 1}, None, "PRIVATE"):
            event = changed(signin(secretive), [(field, bad, False)])
            judged = CHECKER.reference(line(value(event)))
            if isinstance(judged, RejectedRow):
                assert "PRIVATE" not in judged.detail


def test_shards_are_stable_and_by_user() -> None:
    checker = Checker(RULES, lambda date: 4 if date >= "2026-11-24" else 1)
    people = [value(signin({"user_id": str(number)}, id=str(number))) for number in range(40)]
    checked = check([*people, value(signin(time="2026-11-23T10:00:00Z"))], checker)
    assert {slot.shard for slot in checked.rows if slot.date == "2026-11-24"} == {0, 1, 2, 3}
    assert {slot.shard for slot in checked.rows if slot.date == "2026-11-23"} == {0}
    assert [shard_of(user, 4) for user in ("1001", "ñ", "x")] == [1, 0, 3]


def test_a_window_as_long_as_time_itself() -> None:
    ever = Checker(Rules(secret=SECRET, too_old=timedelta(days=999_999)), lambda _date: 1)
    row = ever.reference(line(value(signin(time="0001-01-01T00:00:00Z"))))
    assert row is not None
    assert ever.plain(line(value(signin(time="0001-01-01T00:00:00.000000Z")))) == row
    assert moments.is_canonical("0001-01-01T00:00:00.000000Z")
