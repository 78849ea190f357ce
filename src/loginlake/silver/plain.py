"""The strict typed decoder of a line of bronze: envelope and event at once. Pure.

It takes lines whose fields have their types. One that it refuses may be good or bad: the reference says so (rules.py).
"""

from __future__ import annotations

import msgspec

from loginlake.event import REFUSED, SIGNIN
from loginlake.silver.rules import MAX_NESTING


class SignInData(msgspec.Struct, gc=False):
    """A sign-in's data."""

    provider: str
    user_id: str
    username: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    picture: str | None = None
    hosted_domain: str | None = None
    method: str | None = None
    locale: str | None = None
    user_agent: str | None = None
    ip: str | None = None


class RefusalData(msgspec.Struct, gc=False):
    """A refusal's data."""

    reason: str
    user_agent: str | None = None
    ip: str | None = None


class _Attributes(msgspec.Struct, gc=False, kw_only=True):
    specversion: str | None = None
    datacontenttype: str | None = None
    id: str
    source: str
    subject: str | None = None
    time: str
    received: str | None = None


class _SignIn(_Attributes, gc=False, kw_only=True, tag_field="type", tag=SIGNIN):
    data: SignInData


class _Refusal(_Attributes, gc=False, kw_only=True, tag_field="type", tag=REFUSED):
    data: RefusalData


class _Line(msgspec.Struct, gc=False):
    log: int
    partition: int
    offset: int
    timestamp: str
    value: _SignIn | _Refusal


class _KnownSignInData(SignInData, gc=False, forbid_unknown_fields=True):
    pass


class _KnownRefusalData(RefusalData, gc=False, forbid_unknown_fields=True):
    pass


class _KnownSignIn(_Attributes, gc=False, kw_only=True, tag_field="type", tag=SIGNIN, forbid_unknown_fields=True):
    data: _KnownSignInData


class _KnownRefusal(_Attributes, gc=False, kw_only=True, tag_field="type", tag=REFUSED, forbid_unknown_fields=True):
    data: _KnownRefusalData


class _KnownLine(msgspec.Struct, gc=False):
    log: int
    partition: int
    offset: int
    timestamp: str
    value: _KnownSignIn | _KnownRefusal


Good = _KnownLine | _Line
_known_line = msgspec.json.Decoder(_KnownLine).decode
_any_line = msgspec.json.Decoder(_Line).decode


def read(line: bytes) -> Good | None:
    """A line whose fields have their types; None for any other, and for one that only the reference can judge.

    What a decoder has no field for it skips: then it has checked its syntax, but neither its UTF-8 nor its depth.
    """
    try:
        return _known_line(line)
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    try:
        line.decode()
        return _any_line(line) if line.count(b"{") + line.count(b"[") <= MAX_NESTING else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
