"""Lines, compressed: equal lines, equal bytes."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loginlake.errors import Corrupt
from loginlake.lake import lines

LINES = st.lists(st.binary().map(lambda line: line.replace(b"\n", b"")))


@given(LINES)
def test_what_is_encoded_is_decoded(content: list[bytes]) -> None:
    plain = lines.decode(lines.encode(content))
    assert lines.split(plain) == content
    assert lines.count(plain) == len(content)
    assert gzip.decompress(lines.encode(content)) == plain


def test_equal_lines_give_equal_bytes_without_a_time() -> None:
    first = lines.encode([b'{"a":1}'] * 1000)
    assert lines.encode(iter([b'{"a":1}'] * 1000)) == first
    assert first[4:8] == b"\0\0\0\0"


def test_only_a_line_feed_ends_a_line() -> None:
    content = ["\u2028".encode(), b"\r", b"\x0b"]
    assert lines.split(lines.join(content)) == content


@pytest.mark.parametrize("cut", [0, 1, 12, -5, -1])
def test_half_a_file_is_named(cut: int) -> None:
    with pytest.raises(Corrupt):
        lines.decode(lines.encode([b"abc"] * 1000)[:cut])


@pytest.mark.parametrize("data", [b"{}\n", lines.encode([b"a"])[:-8] + b"12345678"])
def test_what_is_no_gzip_is_named(data: bytes) -> None:
    with pytest.raises(Corrupt):
        lines.decode(data)


def test_a_damaged_byte_is_noticed() -> None:
    data = bytearray(lines.encode([b"%d" % number for number in range(1000)]))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(Corrupt):
        lines.decode(bytes(data))


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_pieces_are_whole_lines_and_come_to_the_content(size: int) -> None:
    texts = [b"x" * (number % 40) for number in range(300)]
    data = lines.encode(texts)
    pieces = list(lines.pieces(data, size))
    assert b"".join(pieces) == lines.decode(data)
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert max(map(len, pieces)) < 2 * size + 41
    assert list(lines.pieces(lines.encode([]), size)) == []
    assert b"".join(lines.pieces(data + data, size)) == lines.decode(data) * 2


@pytest.mark.parametrize("cut", [0, 1, 30, -1])
def test_pieces_of_what_is_no_whole_gzip_file_are_corrupt(cut: int) -> None:
    data = lines.encode([b"some line of it"] * 100)
    with pytest.raises(Corrupt):
        list(lines.pieces(data[:cut], 64))


@given(LINES)
def test_lines_compressed_in_pieces_are_one_member_without_a_time(content: list[bytes]) -> None:
    pieces = [lines.join([text]) for text in content]
    data = lines.compress_pieces(pieces)
    assert lines.decode(data) == lines.join(content) if content else lines.decode(data) == b""
    assert data[4:8] == bytes(4)
    assert int.from_bytes(data[-4:], "little") == len(lines.decode(data))
    assert lines.compress_pieces(pieces) == data


@given(LINES, st.integers(1, 5))
def test_lines_packed_as_they_come_are_the_same_bytes_however_they_come(content: list[bytes], step: int) -> None:
    content *= 100
    at_once, bit_by_bit = lines.Packer(), lines.Packer()
    at_once.add(content)
    for at in range(0, len(content), step):
        bit_by_bit.add(content[at : at + step])
    assert at_once.end() == bit_by_bit.end() == bit_by_bit.end()
    assert lines.decode(at_once.end()) == lines.join(content)
    assert at_once.size == bit_by_bit.size == len(lines.join(content))
