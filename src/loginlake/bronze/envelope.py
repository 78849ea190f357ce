"""The envelope: a message of the log as one self-describing line of bronze, and back. Pure (docs/data.md).

`value` is the message's own bytes, put in as they are, when they are a JSON object that every reader of lines and of
JSON gives back unchanged: valid UTF-8 and JSON syntax, no line break (LF or CR) in it, nothing around the braces, no
lone surrogate, at most MAX_DEPTH deep. Everything else is kept in `value_base64`; a message without a value has
`"value_base64":null`. A key that is not UTF-8 is in `key_base64`; headers that are not one UTF-8 string a name are in
`headers_base64`, a list of [name, base64 or null]. Nothing is judged here.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate

import msgspec

from loginlake.errors import Corrupt
from loginlake.stream.log import Headers, Record

MAX_DEPTH = 100
_CHUNK = 64
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_json = msgspec.json.encode


class _Object(msgspec.Struct):
    """Any JSON object: every field is unknown, so its syntax is checked and nothing is built."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A decoded line. `erased` names the receipt of an erasure: such a line has neither key, headers nor value."""

    log: int
    partition: int
    offset: int
    timestamp: str
    key: str | None = None
    key_base64: str | None = None
    headers: dict[str, str | None] = {}
    headers_base64: list[tuple[str, str | None]] = []
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    value_base64: str | None = None
    erased: str | None = None

    @property
    def key_bytes(self) -> bytes | None:
        """The message's key as it was sent."""
        if self.key_base64 is not None:
            return b64decode(self.key_base64)
        return None if self.key is None else self.key.encode()

    @property
    def value_bytes(self) -> bytes | None:
        """The message's value as it was sent; None when it had none, or is erased."""
        if isinstance(self.value, msgspec.Raw):
            return bytes(self.value)
        return None if self.value_base64 is None else b64decode(self.value_base64)

    @property
    def header_list(self) -> list[tuple[str, bytes | None]]:
        """The message's headers as they were sent, in order."""
        if self.headers_base64:
            return [(name, None if value is None else b64decode(value)) for name, value in self.headers_base64]
        return [(name, None if value is None else value.encode()) for name, value in self.headers.items()]


_is_object = msgspec.json.Decoder(_Object).decode
_are_objects = msgspec.json.Decoder(_Object).decode_lines
_line = msgspec.json.Decoder(Line).decode


def decode(line: bytes) -> Line:
    """A line of bronze, without its end; Corrupt when it is none."""
    try:
        return _line(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt("A line of bronze cannot be read.", f"{type(error).__name__}.", "Restore the object.") from error


def timestamp(milliseconds: int) -> str:
    """A log timestamp as RFC 3339 UTC with microseconds and Z."""
    second, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}000Z"


class Encoder:
    """Encodes the records of one log. It remembers the last time and headers: most are the same. Not thread-safe."""

    def __init__(self, log: int) -> None:
        """`log` is the log's number in the lake."""
        self._log = log
        self._partition, self._place = -1, b""
        self._time, self._time_member = -1, b""
        self._headers: Headers = ()
        self._headers_member = encode_headers(())

    def encode(self, records: Sequence[Record]) -> list[bytes]:
        """The records as lines, without their ends (none contains LF or CR)."""
        encoded: list[bytes] = []
        for at in range(0, len(records), _CHUNK):
            chunk = records[at : at + _CHUNK]
            if all_plain([record.value for record in chunk]):
                encoded += [self._line(record, b'"value":', record.value or b"") for record in chunk]
            else:
                encoded += [self._line(record, *_value(record.value)) for record in chunk]
        return encoded

    def _line(self, record: Record, name: bytes, value: bytes) -> bytes:
        if record.timestamp_ms != self._time:
            self._time = record.timestamp_ms
            self._time_member = b',"timestamp":"%b",' % timestamp(record.timestamp_ms).encode()
        if record.partition != self._partition:
            self._partition = record.partition
            self._place = b'{"log":%d,"partition":%d,"offset":' % (self._log, record.partition)
        if record.headers is not self._headers and record.headers != self._headers:
            self._headers, self._headers_member = record.headers, encode_headers(record.headers)
        return b"%b%d%b%b,%b,%b%b}" % (
            self._place,
            record.offset,
            self._time_member,
            _key(record.key),
            self._headers_member,
            name,
            value,
        )


def encode_headers(headers: Headers) -> bytes:
    """The headers' member: an object of strings where that loses nothing, else a list with base64."""
    try:
        plain = {name: None if value is None else value.decode() for name, value in headers}
        if len(plain) == len(headers):
            return b'"headers":' + _json(plain)
    except UnicodeDecodeError:
        pass
    listed = [(name, None if value is None else b64encode(value).decode()) for name, value in headers]
    return b'"headers_base64":' + _json(listed)


def is_plain(value: bytes) -> bool:
    """Whether a message can stand in a line as it is (see the module's text)."""
    if not (value.startswith(b"{") and value.endswith(b"}")) or b"\n" in value or b"\r" in value:
        return False
    try:
        if not value.isascii():
            value.decode()
        if value.count(b"{") + value.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
            return False
        _is_object(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def all_plain(values: Sequence[bytes | None]) -> bool:
    """Whether every value is surely plain: the same question as `is_plain`, asked once for many. May err on False.

    Sound because a line feed between a closing and an opening brace can only stand between two whole JSON texts: so as
    many objects as values means that each value is one object.
    """
    try:
        flat = b"\n".join(values)  # type: ignore[arg-type]  # None raises TypeError
        edges = b"".join([value[:1] + value[-1:] for value in values])  # type: ignore[index]
        if edges != b"{}" * len(values) or b"\r" in flat or any([b"\n" in value for value in values]):  # type: ignore[operator]  # noqa: C419
            return False
        openers = flat.count(b"{") + (flat.count(b"[") if b"[" in flat else 0)
        if openers - len(values) >= MAX_DEPTH:
            return False
        if not flat.isascii():
            flat.decode()
        return len(_are_objects(flat)) == len(values)
    except (TypeError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _key(key: bytes | None) -> bytes:
    if key is None:
        return b'"key":null'
    try:
        return b'"key":' + _json(key.decode())
    except UnicodeDecodeError:
        return b'"key_base64":"%b"' % b64encode(key)


def _value(value: bytes | None) -> tuple[bytes, bytes]:
    if value is None:
        return b'"value_base64":', b"null"
    return (b'"value":', value) if is_plain(value) else (b'"value_base64":', b'"%b"' % b64encode(value))


def _depth(value: bytes) -> int:
    brackets = _STRINGS.sub(b"", value).translate(None, _NOT_BRACKETS)
    return max(accumulate(1 if bracket in b"[{" else -1 for bracket in brackets), default=0)
