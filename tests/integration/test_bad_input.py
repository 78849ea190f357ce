"""The table of bad input, through `loginlake send` and every stage: each line ends in exactly one place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fakes.command_line import CommandLine

NOW = datetime.now(UTC).replace(microsecond=0)
MISSING = object()
ATTRIBUTES = ("specversion", "datacontenttype", "id", "source", "subject", "time", "received")
REQUIRED = ("id", "source", "time", "user_id", "username", "email", "picture", "provider")
TEXTS = ("provider", "user_id", "username", "email", "picture", "hosted_domain", "method", "locale", "user_agent", "ip")


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event(**changes: Any) -> dict[str, Any]:
    """A good sign-in with changes; names of data's fields go into data, MISSING takes a field out."""
    data: dict[str, Any] = {
        "provider": "google",
        "user_id": "1001",
        "username": "Ana",
        "email": "ana@example.com",
        "email_verified": True,
        "picture": "https://pictures.example/ana.png",
    }
    made: dict[str, Any] = {
        "specversion": "1.0",
        "type": "loginlake.signin.v1",
        "datacontenttype": "application/json",
        "id": "e1",
        "source": "https://app.example",
        "subject": "google|1001",
        "time": stamp(NOW - timedelta(minutes=1)),
        "received": stamp(NOW),
        "data": data,
    }
    for name, value in changes.items():
        place = data if name in {*TEXTS, "email_verified"} else made
        if value is MISSING:
            del place[name]
        else:
            place[name] = value
    return made


def text(**changes: Any) -> bytes:
    return json.dumps(event(**changes), ensure_ascii=False).encode()


class Case(NamedTuple):
    """A line, and where it ends: "kept", or the reason of its rejection."""

    name: str
    line: bytes
    end: str


GOOD = text()


def lines() -> Iterator[Case]:
    yield Case("empty line", b"", "not_json")
    yield Case("blank line", b"   \t", "not_json")
    yield Case("not JSON", b"hello", "not_json")
    yield Case("cut JSON", GOOD[:-7], "not_json")
    yield Case("two objects", GOOD + GOOD, "not_json")
    yield Case("a comment", GOOD + b" // x", "not_json")
    yield Case("single quotes", GOOD.replace(b'"', b"'"), "not_json")
    yield Case("NaN", text(method="x").replace(b'"x"', b"NaN"), "not_json")
    yield Case("byte order mark", b"\xef\xbb\xbf" + GOOD, "not_json")
    yield Case("UTF-16", GOOD.decode().encode("utf-16"), "not_json")
    yield Case("invalid UTF-8", GOOD.replace(b"Ana", b"An\xff"), "not_json")
    yield Case("latin-1", text(username="Ángela").decode().encode("latin-1"), "not_json")
    yield Case("a raw NUL byte", GOOD.replace(b"Ana", b"A\x00a"), "not_json")
    yield Case("NUL bytes alone", b"\x00" * 64, "not_json")
    yield Case("a raw control character", GOOD.replace(b"Ana", b"A\x07a"), "not_json")
    for name, value in (("array", b"[1]"), ("string", b'"x"'), ("number", b"17"), ("true", b"true"), ("null", b"null")):
        yield Case(f"JSON {name}", value, "not_object")
    yield Case("empty object", b"{}", "unknown_type")
    yield Case("2 MB of text", b"x" * 2_000_000, "not_json")
    yield Case("a field of 2 MB", text(username="x" * 2_000_000), "too_large")
    yield Case("2 MB of spaces around", b" " * 2_000_000 + GOOD, "too_large")
    deep = 100_000
    yield Case("arrays 100,000 deep", b"[" * deep + b"]" * deep, "not_object")
    yield Case("objects 100,000 deep", b'{"a":' * deep + b"1" + b"}" * deep, "unreadable")
    yield Case("100,000 open brackets", b"[" * deep, "not_json")
    yield Case("depth in data", GOOD[:-2] + b',"x":' + b"[" * deep + b"]" * deep + b"}}", "unreadable")
    yield Case("lone surrogate", text(username="x").replace(b'"x"', b'"\\ud800"'), "unreadable")


def types() -> Iterator[Case]:
    yield Case("type missing", text(type=MISSING), "unknown_type")
    for name, value in (("null", None), ("number", 5), ("array", []), ("other", "app.signin.v2"), ("empty", "")):
        yield Case(f"type {name}", text(type=value), "unknown_type")
    for name, wrong in (("array", [1]), ("string", "x"), ("number", 1), ("boolean", True)):
        yield Case(f"data {name}", text(data=wrong), "wrong_type_data")
    yield Case("data missing", text(data=MISSING), "null_user_id")
    yield Case("data null", text(data=None), "null_user_id")
    wrong_values: dict[str, Any] = {"number": 5, "float": 1.5, "boolean": False, "array": ["x"], "object": {"a": "b"}}
    for field in (*ATTRIBUTES, *TEXTS):
        for kind, value in wrong_values.items():
            yield Case(f"{field} is {kind}", text(**{field: value}), f"wrong_type_{field}")
    for kind, value in {**wrong_values, "string": "true"}.items():
        if kind != "boolean":
            yield Case(f"email_verified is {kind}", text(email_verified=value), "wrong_type_email_verified")


def nulls() -> Iterator[Case]:
    for field in REQUIRED:
        for name, value in (("missing", MISSING), ("null", None), ("empty", ""), ("blank", " \t ")):
            yield Case(f"{field} {name}", text(**{field: value}), f"null_{field}")
    for field in ("specversion", "datacontenttype", "subject", "received"):
        for name, value in (("missing", MISSING), ("null", None)):
            yield Case(f"{field} {name}", text(**{field: value}), "kept")
    for field in ("hosted_domain", "method", "locale", "user_agent", "ip", "email_verified"):
        yield Case(f"{field} null", text(**{field: None}), "kept")


def values() -> Iterator[Case]:
    huge = text(extra="x").replace(b'"x"', b"1" + b"0" * 5000)
    yield Case("a number of 5,000 digits", huge, "kept")
    yield Case("1e999", text(extra="x").replace(b'"x"', b"1e999"), "kept")
    yield Case("a huge number as time", text(time="x").replace(b'"x"', b"1" + b"0" * 400), "wrong_type_time")
    yield Case("a huge number as user_id", text(user_id="x").replace(b'"x"', b"-1e400"), "wrong_type_user_id")
    for wrong in ("yesterday", "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00"):
        yield Case(f"time {wrong}", text(time=wrong), "bad_time")
    for wrong in ("0000-01-01T00:00:00Z", "99999-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "1732464000"):
        yield Case(f"time {wrong}", text(time=wrong), "bad_time")
    yield Case("time in the year 9999", text(time="9999-12-31T23:59:59Z"), "future")
    yield Case("time past the year 9999 in UTC", text(time="9999-12-31T23:59:59-01:00"), "bad_time")
    yield Case("time before the year 1 in UTC", text(time="0001-01-01T00:00:00+01:00"), "bad_time")
    yield Case("time in the year 1", text(time="0001-01-01T00:00:00Z"), "too_old")
    yield Case("an hour ahead", text(time=stamp(NOW + timedelta(hours=1))), "future")
    yield Case("five minutes ahead", text(time=stamp(NOW + timedelta(minutes=5))), "kept")
    yield Case("1,101 days old", text(time=stamp(NOW - timedelta(days=1101))), "too_old")
    yield Case("1,099 days old", text(time=stamp(NOW - timedelta(days=1099))), "kept")
    yield Case(
        "another time zone", text(time=(NOW - timedelta(hours=1)).isoformat().replace("+00:00", "-00:00")), "kept"
    )
    for wrong in ("ana", "ana@", "@example.com", "a@b@example.com", "ana@localhost", "a na@example.com"):
        yield Case(f"e-mail {wrong}", text(email=wrong), "bad_email")
    yield Case("e-mail of 300 characters", text(email="a" * 288 + "@example.com"), "bad_email")


NAMES = {
    "control characters": "a\x00b\x07c\x1b[31m\r\n",
    "right to left": "\u202egnirts desrever",
    "Arabic": "محمد بن عبد الله",
    "emoji": "👩🏽‍🚀 Ana 🌊",
    "a formula": '=HYPERLINK("http://evil.example","x")',
    "HTML": "<img src=x onerror=alert(1)>",
    "a script": "</script><script>alert(1)</script>",
    "SQL": "'; DROP TABLE users; --",
    "line separators": "a\u2028b\u2029c\u0085d",
    "combining marks": "Z" + "\u0300" * 200,
    "zero width": "\u200b\u200d\ufeff",
}
PICTURES = {
    "javascript": "javascript:alert(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "no URL": "not a url at all",
    "quotes": 'https://p.example/"onload="alert(1)',
}


def kept_as_they_are() -> Iterator[Case]:
    for name, value in NAMES.items():
        yield Case(f"name: {name}", text(username=value), "kept")
    for name, value in PICTURES.items():
        yield Case(f"photo: {name}", text(picture=value), "kept")
    yield Case("an unknown field", text(extra={"a": [1, {"b": None}]}), "kept")
    yield Case("a field twice", GOOD[:-1] + b',"id":"e2"}', "kept")
    yield Case(
        "escapes and spaces", b" " + json.dumps(event(username="Ángela"), indent=1).replace("\n", " ").encode(), "kept"
    )
    yield Case("a carriage return at the end", GOOD + b"\r", "kept")


CASES = [*lines(), *types(), *nulls(), *values(), *kept_as_they_are()]


def test_the_table_names_each_case_once() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert len(names) > 200


class Ends(NamedTuple):
    """Where each origin ended, after every stage ran: the number of ends, by the line's place in what was sent."""

    places: list[list[str]]
    account: dict[str, Any]


def run_through(line: CommandLine, sent: list[bytes]) -> Ends:
    """One partition keeps the order, so that the n-th line sent is offset n."""
    assert line.send(*sent) == {"sent": len(sent), "refused": {}}
    line.pass_through()
    places: list[list[str]] = [[] for _ in sent]
    for row in line.rows("silver/signins"):
        places[row["offset"]].append("kept")
    for row in line.rows("repeated"):
        places[row["offset"]].append("repeated")
    for row in line.rows("rejected"):
        places[row["offset"]].append(row["reason"])
    return Ends(places, line.json("status", "--check"))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """All cases in one log, each followed by a good event: what blocks those behind it would be seen there.

    Those that would be kept get ids of their own here, so that none repeats another.
    """
    line = CommandLine(tmp_path_factory.mktemp("bad") / "data", LOGINLAKE_PARTITIONS="1")
    sent: list[bytes] = []
    for number, case in enumerate(CASES):
        sent.append(case.line.replace(b'"id": "e1"', f'"id": "case-{number}"'.encode()))
        sent.append(text(id=f"good-{number}"))
    ends = run_through(line, sent)
    assert ends.account["landed"] == len(sent)
    assert ends.account["gold"] == ends.account["clean"]
    assert {tuple(place) for place in ends.places[1::2]} == {("kept",)}, "a good event behind a bad one was not kept"
    return dict(zip([case.name for case in CASES], ends.places[::2], strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_line_ends_in_exactly_one_place(table: dict[str, list[str]], case: Case) -> None:
    assert table[case.name] == [case.end]


def test_names_and_photos_are_kept_as_they_are_down_to_gold(line: CommandLine) -> None:
    sent = [text(id=f"n{n}", user_id=f"n{n}", username=name) for n, name in enumerate(NAMES.values())]
    sent += [text(id=f"p{n}", user_id=f"p{n}", picture=picture) for n, picture in enumerate(PICTURES.values())]
    line.send(*sent)
    line.pass_through()
    rows = {row["user_id"]: row for row in line.rows("silver")}
    users = line.documents()["users"]
    for number, name in enumerate(NAMES.values()):
        assert rows[f"n{number}"]["username"] == users[f"google|n{number}"]["username"] == name
    for number, picture in enumerate(PICTURES.values()):
        assert rows[f"p{number}"]["picture"] == users[f"google|p{number}"]["picture"] == picture


def at(hour: int) -> str:
    return stamp((NOW - timedelta(days=1)).replace(hour=hour))


REPEATS: dict[str, tuple[list[bytes], list[str]]] = {
    "the same again": ([GOOD, GOOD, GOOD], ["kept", "repeated", "repeated"]),
    "another body in the same hour": (
        [text(time=at(9)), text(time=at(9), username="Eva", email="eva@example.com")],
        ["kept", "repeated"],
    ),
    "another body in another hour": ([text(time=at(9)), text(time=at(10), username="Eva")], ["kept", "kept"]),
    "another person in the same hour": ([text(time=at(9)), text(time=at(9), user_id="1002")], ["kept", "kept"]),
    "another source": ([text(), text(source="https://other.example")], ["kept", "kept"]),
    "a repeat that is broken": ([GOOD, GOOD[:-3], GOOD], ["kept", "not_json", "repeated"]),
    "a broken one first": ([text(email="x"), GOOD], ["bad_email", "kept"]),
}


@pytest.mark.parametrize("name", REPEATS)
def test_repeated_ids(tmp_path: Path, name: str) -> None:
    sent, expected = REPEATS[name]
    line = CommandLine(tmp_path / "data", LOGINLAKE_PARTITIONS="1")
    ends = run_through(line, [*sent, text(id="behind")])
    assert ends.places == [[end] for end in [*expected, "kept"]]


def test_a_pretty_printed_event_sent_by_another_producer_is_kept(line: CommandLine) -> None:
    """Not through `send`, whose lines are lines: straight to the log."""
    from contextlib import closing

    from loginlake.stream.embedded import EmbeddedLog

    with closing(EmbeddedLog(line.data / "log.db", partitions=1)) as log:
        log.send(None, json.dumps(event(), indent=2).encode()).result()
        log.send(None, None).result()
        log.send(b"\xff\x00", b"").result()
        log.send(b"", text(id="behind"), (("x", b"\xff"), ("x", b"2"))).result()
    line.pass_through()
    assert {row["id"] for row in line.rows("silver")} == {"e1", "behind"}
    assert [row["reason"] for row in line.rows("rejected")] == ["not_json", "not_json"]
    line.json("status", "--check")


def test_lines_over_the_logs_bound_are_refused_by_name_and_the_others_are_sent(line: CommandLine) -> None:
    """16 MB is the embedded log's bound."""
    result = line.run("send", "-", "--json", sent=b"x" * (17 * 1024 * 1024) + b"\n" + GOOD + b"\n")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"sent": 1, "refused": {"too_large": 1}}
    line.pass_through()
    assert len(line.rows("silver")) == 1


def test_a_last_line_without_a_line_break_is_a_line(line: CommandLine) -> None:
    assert line.json("send", "-", sent=GOOD + b"\n" + text(id="e2"))["sent"] == 2


def test_nothing_to_send_is_nothing_sent(line: CommandLine) -> None:
    assert line.json("send", "-", sent=b"") == {"sent": 0, "refused": {}}
