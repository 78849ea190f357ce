"""Each reason, each field, each JSON type: a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.silver_messages import ARRIVED, RULES, SECRET, refusal, signin, value

from loginlake.errors import Misconfigured
from loginlake.silver import moments
from loginlake.silver.reasons import ATTRIBUTES, CONTEXT, IDENTITY, Finding, Rules
from loginlake.silver.rows import RefusalRow, SignInRow, SilverRow, who
from loginlake.silver.rules import Rejection, judge, read

ORIGIN = (0, 1, 2)
STRING_DATA = (*IDENTITY, *CONTEXT)
REQUIRED_DATA = ("user_id", "username", "email", "picture", "provider")
OTHER_TYPES = [(5, "number"), (0.5, "number"), (True, "boolean"), (False, "boolean"), ([], "array"), ({}, "object")]


def outcome(message: bytes | None, rules: Rules = RULES, arrived: datetime = ARRIVED) -> SilverRow | Rejection:
    return judge(message, ORIGIN, arrived, rules)


def reason(message: object, rules: Rules = RULES) -> str | None:
    judged = outcome(message if isinstance(message, bytes) else value(message), rules)
    return judged.reason if isinstance(judged, Rejection) else None


def at(moment: datetime) -> dict[str, Any]:
    return signin(time=moments.text(moment))


def test_a_good_sign_in_is_a_row_word_for_word() -> None:
    assert outcome(value(signin())) == SignInRow(
        0, 1, 2, "2026-11-24T10:30:00.250000Z", "2026-11-24T10:29:59.500000Z", "2026-11-24T10:29:59.000000Z",
        "https://shop.example", "e1", "google", "1001", "Ana Pérez", "ana@example.com", "https://example.com/ana.png",
        True, None, "btn", "es", "Mozilla/5.0", "192.0.2.0/24",
    )  # fmt: skip


def test_a_good_refusal_is_a_row_word_for_word() -> None:
    assert outcome(value(refusal())) == RefusalRow(
        0, 1, 2, "2026-11-24T10:30:00.250000Z", "2026-11-24T10:29:59.000000Z", "https://shop.example", "e1", "expired",
        "Mozilla/5.0", None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [None, b"", b" ", b"x", b"{", b"{}x", b"\xff", b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b"\xef\xbb\xbf{}",
     b"{'a':1}",
     b'{"a":NaN}', b'{"a":1,}', b'{"a":"\x00"}', b'{"a":"\x01"}', b'{"a":"\n"}', b'{"a":01}', b"[" * 100_000, b"{}\n{}",
     "{}".encode("utf-16")],
)  # fmt: skip
def test_not_json(message: bytes | None) -> None:
    assert reason(b"" if message is None else message) == "not_json"
    assert outcome(message) == Rejection("not_json", outcome(message).detail)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "message",
    [b"null", b"true", b"5", b"1e999", b"1" * 5000, b'"{}"', b'"\\ud800"', b"[]", b" [{}] ", b"[" * 500 + b"]" * 500],
)
def test_not_object(message: bytes) -> None:
    assert reason(message) == "not_object"


@pytest.mark.parametrize("kind", ["", "signin", "loginlake.signin.v2", "LOGINLAKE.SIGNIN.V1", None, 5, True, [], {}])
def test_unknown_type(kind: object) -> None:
    assert reason(signin(type=kind)) == "unknown_type"


def test_unknown_type_without_any() -> None:
    event = signin()
    del event["type"]
    assert outcome(value(event)) == Rejection("unknown_type", "type is missing", who(SECRET, "google", "1001"))


@pytest.mark.parametrize(("wrong", "name"), OTHER_TYPES)
@pytest.mark.parametrize("field", [*ATTRIBUTES, *STRING_DATA])
def test_wrong_type_of_a_string_field(field: str, wrong: object, name: str) -> None:
    event = signin(None, **{field: wrong}) if field in ATTRIBUTES else signin({field: wrong})
    judged = outcome(value(event))
    assert isinstance(judged, Rejection)
    assert (judged.reason, judged.detail) == (f"wrong_type_{field}", f"{name} in place of string")


@pytest.mark.parametrize("wrong", [5, 0, 1.5, "true", "", [], {}])
def test_wrong_type_email_verified(wrong: object) -> None:
    assert reason(signin({"email_verified": wrong})) == "wrong_type_email_verified"


@pytest.mark.parametrize("wrong", [5, 0.5, True, False, "", "x", []])
def test_wrong_type_data(wrong: object) -> None:
    assert reason({**signin(), "data": wrong}) == "wrong_type_data"


@pytest.mark.parametrize(("wrong", "name"), OTHER_TYPES)
@pytest.mark.parametrize("field", [*ATTRIBUTES, "reason", "user_agent", "ip"])
def test_wrong_type_in_a_refusal(field: str, wrong: object, name: str) -> None:
    event = refusal(None, **{field: wrong}) if field in ATTRIBUTES else refusal({field: wrong})
    assert reason(event) == f"wrong_type_{field}"


@pytest.mark.parametrize("empty", ["missing", None, "", " ", "\t\n", "\u00a0\u3000"])
@pytest.mark.parametrize("field", ["id", "source", "time", *REQUIRED_DATA])
def test_null_of_a_required_field(field: str, empty: str | None) -> None:
    event = signin()
    holder = event if field in ATTRIBUTES else event["data"]
    holder[field] = empty
    if empty == "missing":
        del holder[field]
    assert reason(event) == f"null_{field}"


@pytest.mark.parametrize("empty", ["missing", None, "", " "])
@pytest.mark.parametrize("field", ["id", "source", "time", "reason"])
def test_null_in_a_refusal(field: str, empty: str | None) -> None:
    event = refusal()
    holder = event if field in ATTRIBUTES else event["data"]
    holder[field] = empty
    if empty == "missing":
        del holder[field]
    assert reason(event) == f"null_{field}"


@pytest.mark.parametrize("field", ["specversion", "datacontenttype", "subject", "received", "email_verified", *CONTEXT])
def test_an_optional_field_may_be_missing_or_null(field: str) -> None:
    event = signin()
    holder = event if field in ATTRIBUTES else event["data"]
    holder[field] = None
    assert reason(event) is None
    del holder[field]
    assert reason(event) is None


def test_no_data_at_all_is_null_user_id() -> None:
    assert reason({**signin(), "data": None}) == "null_user_id"
    assert reason({**signin(), "data": {}}) == "null_user_id"


@pytest.mark.parametrize("text", ["yesterday", "2026-11-24", "2026-11-24T10:00:00", "2026-02-30T10:00:00Z", "99999"])
@pytest.mark.parametrize("field", ["time", "received"])
def test_bad_time(field: str, text: str) -> None:
    judged = outcome(value(signin(None, **{field: text})))
    assert judged == Rejection(
        "bad_time", f"{field} is no RFC 3339 date-time with an offset", who(SECRET, "google", "1001")
    )


def test_the_window_is_around_the_arrival_and_its_borders_are_in() -> None:
    moment, tick = RULES.future, timedelta(microseconds=1)
    assert reason(at(ARRIVED + moment)) is None
    assert reason(at(ARRIVED + moment + tick)) == "future"
    assert reason(at(ARRIVED - RULES.too_old)) is None
    assert reason(at(ARRIVED - RULES.too_old - tick)) == "too_old"
    assert reason(signin(time="0001-01-01T00:00:00Z")) == "too_old"
    assert reason(signin(time="9999-12-31T23:59:59Z")) == "future"


def test_the_clock_is_never_asked() -> None:
    then = datetime(1999, 5, 1, tzinfo=UTC)
    assert isinstance(outcome(value(signin(time="1999-05-01T00:00:00Z")), arrived=then), SignInRow)


@pytest.mark.parametrize(
    "email",
    ["ana", "ana@", "@example.com", "ana@example", "ana@@example.com", "a@b@c.de", "ana @example.com",
     "ana@exa mple.com",
     "ana@.com", "ana@example.", "ana@example..com", "<ana@example.com>", "ana@[192.0.2.1]", "ana\x00@example.com",
     "ana@example.com\n", '"a b"@example.com', "mailto:ana@example.com", "a" * 65 + "@example.com",
     "a@" + "b" * 250 + ".com"],
)  # fmt: skip
def test_bad_email(email: str) -> None:
    judged = outcome(value(signin({"email": email})))
    assert isinstance(judged, Rejection)
    assert judged.reason == "bad_email"
    assert email not in judged.detail


@pytest.mark.parametrize(
    "email",
    [
        "a@b.co",
        "ana.perez+tag@mail.example.com",
        "Ana@EXAMPLE.com",
        "ñandú@correo.españa.es",
        "用户@例子.广告",
        "=1+1@x.yz",
    ],
)
def test_good_email(email: str) -> None:
    assert reason(signin({"email": email})) is None


def test_too_large_counts_the_bytes_of_the_message() -> None:
    small = value(signin({"username": "á" * 500}))
    rules = Rules(secret=SECRET, max_bytes=len(small))
    assert reason(small, rules) is None
    assert reason(small + b" ", rules) == "too_large"
    assert reason(value(signin({"username": "x" * 1_048_576}))) == "too_large"
    assert reason(b"x" * 2_000_000) == "not_json"


@pytest.mark.parametrize(
    "message",
    [
        value(signin({"username": "\ud800"})),
        value(signin(extension={"deep": [["\udfff"]]})),
        value(signin()).replace(b'"Ana P', b'"\\ud800'),
        value(signin()).replace(b'"id"', b'"\\ud800":1,"id"'),
    ],
)
def test_unreadable_lone_surrogate(message: bytes) -> None:
    escaped = message.decode("utf-8", "surrogatepass").encode("ascii", "backslashreplace")
    assert reason(escaped.replace(b"\\xe9", "é".encode())) == "unreadable"


def test_unreadable_nesting() -> None:
    def deep(levels: int) -> bytes:
        return value(signin(extension="@")).replace(b'"@"', b"[" * levels + b"]" * levels)

    assert reason(deep(99)) is None
    assert reason(deep(100)) == "unreadable"
    assert reason(deep(100_000)) == "unreadable"
    assert reason(value(signin({"username": "[" * 5000}))) is None


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 5000, b"1" * 30, b"0.1e-999"])
def test_huge_numbers_are_numbers(number: bytes) -> None:
    assert reason(value(signin(extension="@")).replace(b'"@"', number)) is None
    assert reason(value(signin({"user_id": "@"})).replace(b'"@"', number)) == "wrong_type_user_id"


def test_the_first_reason_wins() -> None:
    event = signin({"user_id": None, "email": "x"}, time="x")
    event["data"]["locale"] = 5
    for expected in (
        "unknown_type",
        "wrong_type_locale",
        "null_user_id",
        "bad_time",
        "future",
        "bad_email",
        "too_large",
    ):
        if expected == "unknown_type":
            assert reason({**event, "type": "x"}) == expected
            continue
        assert reason(event, Rules(secret=SECRET, max_bytes=10)) == expected
        repair: dict[str, tuple[str, object]] = {
            "wrong_type_locale": ("locale", "es"), "null_user_id": ("user_id", "1"), "bad_email": ("email", "a@b.co"),
        }  # fmt: skip
        if expected in repair:
            event["data"].update([repair[expected]])
        event["time"] = {"bad_time": "9999-01-01T00:00:00Z", "future": "2026-11-24T10:00:00Z"}.get(
            expected, event["time"]
        )


@pytest.mark.parametrize(
    "text",
    ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "\u202eana\u202c", "👩‍💻", "a\x00b", "a\u0007\u001bb", "אבג",
     "  Ana  ",
     "e\u0301 ≠ é", "a\u2028b", "NULL", "null"],
)  # fmt: skip
def test_names_are_kept_as_they_are(text: str) -> None:
    judged = outcome(value(signin({"username": text})))
    assert isinstance(judged, SignInRow)
    assert judged.username == text


def test_a_picture_is_data() -> None:
    judged = outcome(value(signin({"picture": "javascript:alert(1)"})))
    assert isinstance(judged, SignInRow)
    assert judged.picture == "javascript:alert(1)"


def test_times_are_normalised_and_received_falls_back_to_the_arrival() -> None:
    judged = outcome(value(signin(time="2026-11-24T12:29:59+02:00", received=None)))
    assert isinstance(judged, SignInRow)
    assert (judged.time, judged.received) == ("2026-11-24T10:29:59.000000Z", judged.arrived)


def test_required_fields_are_an_argument_but_a_row_needs_place_and_person() -> None:
    lax = Rules(secret=SECRET, required=frozenset())
    assert reason(signin({"username": None, "email": "", "picture": None}), lax) is None
    assert reason(signin({"email": "x"}), lax) == "bad_email"
    for field in ("provider", "user_id"):
        assert reason(signin({field: None}), lax) == f"null_{field}"
    assert reason(signin({"hosted_domain": None}), Rules(secret=SECRET, required=frozenset({"hosted_domain"}))) == (
        "null_hosted_domain"
    )
    with pytest.raises(Misconfigured):
        Rules(secret=SECRET, required=frozenset({"shoe_size"}))


def test_who_is_a_keyed_hash_known_only_with_provider_and_user() -> None:
    bad = signin(time="x")
    assert isinstance(first := outcome(value(bad)), Rejection)
    assert first.who == who(SECRET, "google", "1001")
    assert first.who is not None
    assert len(first.who) == 32
    assert who(b"another secret", "google", "1001") != first.who
    bad["data"]["provider"] = None
    assert isinstance(second := outcome(value(bad)), Rejection)
    assert second.who is None


def test_the_last_of_a_doubled_key_counts() -> None:
    message = value(signin()).replace(b'"id"', b'"id": 5, "id"')
    assert reason(message) is None
    assert read(b'{"a":1,"a":2}') == {"a": 2}
    assert read(b'{"a":1e999,"a":"x"}') == {"a": "x"}
    assert isinstance(read(b"[]"), Finding)
