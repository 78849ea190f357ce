"""The envelope: any message -> one line of JSON -> the same message."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loginlake.bronze.envelope import MAX_DEPTH, Encoder, all_plain, decode, is_plain, timestamp
from loginlake.errors import Corrupt
from loginlake.stream.log import Record

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@st.composite
def almost_json(draw: st.DrawFn) -> bytes:
    """A JSON object's bytes, perhaps with some of them changed, added or taken away."""
    text = json.dumps(draw(st.dictionaries(st.text(), ANY_JSON)), ensure_ascii=draw(st.booleans()))
    value = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(value)))
        value[at : at + draw(st.integers(0, 2))] = draw(st.sampled_from(BITS) | st.binary(max_size=2))
    return bytes(value)


PIECES = [
    b"{}",
    b'{"a":1}',
    b'{"a":1}{"b":[{}',
    b"{}]}",
    b'{"a":[{}',
    b'{"a":"{}',
    b'{}"}',
    b"{}{}",
    b'{"a":1} {"b":{}',
    b"{}}",
    b"{",
    b"}",
]
BITS = [b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"\n", b"\r", b" ", b"\xff", b"\x00", b"\\ud800", b"NaN"]
HEADERS = st.lists(st.tuples(st.text(), st.none() | st.binary() | st.text().map(str.encode)), max_size=4)


def line_of(value: bytes | None, *, key: bytes | None = b"k", headers: list[tuple[str, bytes | None]] = []) -> bytes:  # noqa: B006
    (line,) = Encoder(3).encode([Record(7, 120, 1_764_010_841_464, key, value, headers)])
    return line


@settings(max_examples=100, deadline=None)
@given(st.none() | almost_json() | st.binary(), st.none() | st.binary() | st.just(b"google|1"), HEADERS)
def test_a_line_is_one_line_of_json_and_gives_the_message_back(
    value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    line = line_of(value, key=key, headers=headers)
    assert not {b"\n", b"\r"} & {line[i : i + 1] for i in range(len(line))}
    parsed = json.loads(line.decode(), parse_constant=pytest.fail)
    assert (parsed["log"], parsed["partition"], parsed["offset"]) == (3, 7, 120)
    assert parsed["timestamp"] == "2025-11-24T19:00:41.464000Z"
    back = decode(line)
    assert (back.key_bytes, back.header_list, back.value_bytes) == (key, headers, value)
    assert ("value" in parsed) + ("value_base64" in parsed) == 1


@settings(max_examples=100, deadline=None)
@given(almost_json())
def test_plain_is_what_python_s_strict_reader_calls_an_object_too(value: bytes) -> None:
    if is_plain(value):
        assert isinstance(json.loads(value.decode(), parse_constant=pytest.fail), dict)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans() | st.none(), max_size=5))
def test_every_ordinary_object_is_plain(content: dict[str, object]) -> None:
    for ascii_only in (True, False):
        assert is_plain(json.dumps(content, ensure_ascii=ascii_only).encode())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | almost_json() | st.none(), min_size=1, max_size=5))
def test_many_are_plain_together_only_if_each_is(values: list[bytes | None]) -> None:
    """Pieces that only together are JSON must not pass as if each were."""
    if all_plain(values):
        assert all(value is not None and is_plain(value) for value in values)


def test_ordinary_objects_are_plain_together() -> None:
    assert all_plain([b'{"a":{"b":[1]}}'] * 33 + ['{"ñ":"\u2028"}'.encode()])


PLAIN = [
    b"{}",
    b'{ "a" : [ 1 , 2 ]\t}',
    b'{"a":1,"a":2}',
    b'{"a":1e999}',
    b'{"a":' + b"9" * 400 + b"}",
    '{"a":"\u2028\u2029\x7f\ufeff"}'.encode(),
    '{"a":"\u202e\u05d0 \U0001f600"}'.encode(),
    b'{"a":"\\u0000\\ud83d\\ude00"}',
    b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}",
    b'{"a":"' + b"[" * 5000 + b'"}',
    b'{"a":"' + b'\\"[' * 5000 + b'"}',
]
NOT_PLAIN = [
    None,
    b"{}}",
    b"{{}",
    b"",
    b" ",
    b"null",
    b"[]",
    b"1",
    b'"{}"',
    b" {}",
    b"{} ",
    b"{}\n",
    b"{\r}",
    b'{\n"a":1}',
    b"\xef\xbb\xbf{}",
    b"{}{}",
    b'{"a":1}}',
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":01}',
    b'{"a":1.}',
    b'{"a":tru}',
    b'{"a":1,}',
    b"{'a':1}",
    b'{"a":"\t"}',
    b'{"a":"\x00"}',
    b'{"a":"\\x"}',
    b'{"a":"\xff"}',
    b'{"\xff":1}',
    b'{"a":{"b":["\xc0\x80"]}}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\\ud800"}',
    b'{"\\udc00":1}',
    b'{"a":"}',
    b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
    b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    b'{"a":' * 200_000 + b"}",
    b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value[:30]))
def test_a_plain_object_stands_in_the_line_byte_for_byte(value: bytes) -> None:
    line = line_of(value)
    assert line.endswith(b',"value":' + value + b"}")
    assert decode(line).value_bytes == value


@pytest.mark.parametrize("value", NOT_PLAIN, ids=lambda value: repr(value and value[:30]))
def test_anything_else_is_kept_as_base64(value: bytes | None) -> None:
    line = line_of(value)
    assert "value" not in json.loads(line)
    assert decode(line).value_bytes == value


@pytest.mark.parametrize("raw", [b"\xff", b"\xed\xa0\x80", b"a\xc3"])
def test_a_key_or_header_that_is_not_utf8_is_kept_as_base64(raw: bytes) -> None:
    line = line_of(b"{}", key=raw, headers=[("h", raw), ("n", None), ("h", b"2")])
    parsed = json.loads(line)
    assert set(parsed) == {"log", "partition", "offset", "timestamp", "key_base64", "headers_base64", "value"}
    assert decode(line).key_bytes == raw
    assert decode(line).header_list == [("h", raw), ("n", None), ("h", b"2")]


def test_the_order_of_the_members_is_the_documented_one() -> None:
    line = line_of(b'{"a":1}', headers=[("content-type", b"application/json"), ("x", None)])
    assert line == (
        b'{"log":3,"partition":7,"offset":120,"timestamp":"2025-11-24T19:00:41.464000Z","key":"k",'
        b'"headers":{"content-type":"application/json","x":null},"value":{"a":1}}'
    )


def test_what_the_encoder_remembers_does_not_leak_into_the_next_line() -> None:
    encoder = Encoder(0)
    records = [
        Record(0, 0, 999, None, b"{}", (("a", b"1"),)),
        Record(0, 1, 1000, b"k", b"{}", ()),
        Record(0, 2, 999, b"k", None, (("a", b"1"),)),
    ]
    together = Encoder(0).encode(records)
    assert together == [line for record in records for line in encoder.encode([record])]
    assert together == [line for record in records for line in Encoder(0).encode([record])]


def test_timestamps_keep_their_milliseconds() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000000Z"
    assert timestamp(1_764_010_841_007) == "2025-11-24T19:00:41.007000Z"


def test_an_erased_line_has_no_value() -> None:
    line = decode(b'{"log":0,"partition":0,"offset":5,"timestamp":"2025-11-24T19:00:41.464000Z","erased":"r1"}')
    assert (line.erased, line.value_bytes, line.key_bytes, line.header_list) == ("r1", None, None, [])


@pytest.mark.parametrize("line", [b"", b"{}", b"not json", b'{"log":0}', b"\xff", b"[" * 10_000])
def test_what_is_no_line_is_named(line: bytes) -> None:
    with pytest.raises(Corrupt):
        decode(line)
