"""The fast way and the reference agree, whatever a message is."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from fakes.examples import examples
from fakes.silver_messages import ARRIVED, RULES, SECRET, line, refusal, signin, value
from hypothesis import given
from hypothesis import strategies as st

from loginlake.errors import Corrupt
from loginlake.lake import keys, lines
from loginlake.silver import moments, reasons
from loginlake.silver.check import Checked, Checker, shard_of
from loginlake.silver.reasons import ATTRIBUTES, CONTEXT, IDENTITY, Rules
from loginlake.silver.rows import RejectedRow

CHECKER = Checker(RULES, lambda _date: 1)
MOMENTS = st.datetimes(
    min_value=(ARRIVED - timedelta(days=1102)).replace(tzinfo=None),
    max_value=(ARRIVED + timedelta(minutes=20)).replace(tzinfo=None),
)
PRECISIONS = st.sampled_from(["seconds", "milliseconds", "microseconds"])
ENDS = st.sampled_from(["Z", "+00:00", "-00:00", "z", "+02:00", "", ".", "123Z", "1234567+00:00", "\u0661Z", "\u00b2Z"])
TIMES = st.one_of(
    MOMENTS.map(lambda when: when.isoformat(timespec="microseconds") + "Z"),
    st.builds(lambda when, precision, end: when.isoformat(timespec=precision) + end, MOMENTS, PRECISIONS, ENDS),
)


def deep(levels: int) -> object:
    """Nothing, in so many objects."""
    inside: object = None
    for _ in range(levels):
        inside = {"": inside}
    return inside


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(
        [
            deep(90),
            deep(97),
            deep(100),
            "",
            " ",
            "\u2028",
            "a\x00",
            "\ud800",
            "=1+1",
            "a@b.co",
            "a@b",
            "2026-11-24T10:00:00Z",
            [],
            {},
            [{}],
        ]
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


@examples(200)
@given(st.sampled_from([signin(), refusal()]), st.lists(st.tuples(FIELDS, ANYTHING, st.booleans()), max_size=3))
def test_any_event(event: dict[str, Any], changes: list[tuple[str, object, bool]]) -> None:
    agree(json.dumps(changed(event, changes), separators=(",", ":")).encode())


@examples(100)
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
        value(signin(extension=1)).replace(b'"type"', b'"type": "loginlake.signin_refused.v1", "type"'),
        value(signin(extension=1)).replace(b'"data"', b'"data": {"user_id":"2"}, "data"'),
        value(signin({"extension": 1})).replace(b'"extension": 1', b'"extension": 1e999, "extension": 01'),
        value(signin(extension=1)).replace(b'"extension": 1', b'"extension": "\\ud800"'),
        value(signin(extension=1)).replace(b'"extension": 1', b'"extension": {"\\udc00": "\\ud800\\u0041"}'),
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


@pytest.mark.parametrize(
    "event",
    [
        signin(traceparent="00-0af7651916cd43dd-01", extension={"a": [1, {"b": "\u00e9"}]}),
        signin({"department": "Ventas", "roles": ["admin"], "score": 1e300}),
        refusal({"attempt": 3}, extension=None),
        signin(time="2026-11-24T10:29:59Z", received="2026-11-24T10:29:59.5Z"),
        signin(time="2026-11-24T10:29:59.123+00:00", received="2026-11-24T10:29:59+00:00"),
        refusal(time="2026-11-24T10:29:59.123456789Z"),
    ],
)
def test_what_other_applications_send_goes_the_fast_way(event: dict[str, Any]) -> None:
    text = line(value(event))
    assert CHECKER.plain(text) is not None
    assert CHECKER.plain(text) == CHECKER.reference(text)


@pytest.mark.parametrize("where", [signin(extension="here"), signin({"extension": "here"}), signin({}, here=1)])
def test_what_the_decoder_skips_may_be_no_text(where: dict[str, Any]) -> None:
    """Land would not write such a line; the fast way does not rely on it."""
    text = line(value(where))
    assert CHECKER.plain(text) is not None
    assert CHECKER.plain(text.replace(b"here", b"\xff")) is None
    assert CHECKER.plain(text.replace(b"here", b"\xc3")) is None


@given(st.text(alphabet="aZ0._+-@\u00e9 ,", max_size=12))
def test_the_usual_mailboxes_are_mailboxes(text: str) -> None:
    for address in (text, f"{text}@example.com", f"a@{text}.example", "a" * 240 + text + "@example.com"):
        assert (reasons._USUAL_EMAIL(address) is None) or (reasons._EMAIL(address) is not None)


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
