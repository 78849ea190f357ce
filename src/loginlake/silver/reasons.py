"""Why a row is rejected: the closed list, in its order, a pure function each. The first that matches wins.

Each takes what is known of the message and answers None, or the finding. A detail never quotes the message.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from loginlake.errors import Misconfigured
from loginlake.event import REFUSED, SIGNIN
from loginlake.silver import moments

ATTRIBUTES = ("specversion", "datacontenttype", "id", "source", "subject", "time", "received")
_ATTRIBUTES = frozenset(ATTRIBUTES)
IDENTITY = ("provider", "user_id", "username", "email", "picture")
CONTEXT = ("hosted_domain", "method", "locale", "user_agent", "ip")
DATA = {SIGNIN: (*IDENTITY, *CONTEXT), REFUSED: ("reason", "user_agent", "ip")}
BOOLEANS = {SIGNIN: ("email_verified",), REFUSED: ()}
# Without these a sign-in has no place and nobody: they are required whatever the setting says.
ALWAYS = ("id", "source", "time", "user_id", "provider")
REQUIRED = ("id", "source", "time", "user_id", "username", "email", "picture")
REQUIRED_OF_REFUSALS = ("id", "source", "time", "reason")
# Sound, not complete: what it refuses (spaces, quotes, brackets, no or two @, a domain without a dot) is no mailbox
# in practice; it says nothing about whether a mailbox exists.
_NEVER = r'\s@()<>\[\]:;\\,"\x00-\x1f\x7f'
_EMAIL = re.compile(rf"[^{_NEVER}]{{1,64}}@[^.{_NEVER}]+(?:\.[^.{_NEVER}]+)+").fullmatch
# The usual ones, told much faster; whatever this takes, the other takes.
_USUAL_EMAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+").fullmatch
EMAIL_LENGTH = 254


@dataclass(frozen=True, slots=True)
class Rules:
    """What may vary: required fields of a sign-in, the window around arrival, the largest value in bytes.

    The secret keys the hash `who`. Bump VERSION with any change that can judge an old message otherwise.
    """

    VERSION = 1
    secret: bytes = field(repr=False)
    required: frozenset[str] = frozenset(REQUIRED)
    future: timedelta = timedelta(minutes=10)
    too_old: timedelta = timedelta(days=1100)
    max_bytes: int = 1_048_576

    def __post_init__(self) -> None:
        """Refuse a required field that no sign-in has: every row would be rejected for it."""
        unknown = self.required - {*ATTRIBUTES, *IDENTITY, *CONTEXT, "email_verified"}
        if unknown:
            raise Misconfigured(
                f"These required fields are no fields of a sign-in: {', '.join(sorted(unknown))}.",
                "Every sign-in would be rejected.",
                f"Choose among {', '.join((*REQUIRED, 'provider', *CONTEXT))} in LOGINLAKE_REQUIRED.",
            )

    @property
    def fingerprint(self) -> str:
        """What tells rules apart that judge, or name a person, otherwise; of the key a hash that says nothing of it."""
        key = hmac.digest(self.secret, b"which key of keyed hashes", "sha256").hex()
        windows = self.future.total_seconds(), self.too_old.total_seconds()
        decides = (self.VERSION, sorted(self.required_of(SIGNIN)), *windows, self.max_bytes, key)
        return hashlib.sha256(msgspec.json.encode(decides)).hexdigest()[:16]

    @lru_cache(maxsize=16)  # noqa: B019 - rules are few, and live as long as the process
    def required_of(self, kind: str) -> tuple[str, ...]:
        """The required fields of a sign-in or of a refusal, in the order in which they are judged."""
        if kind == REFUSED:
            return REQUIRED_OF_REFUSALS
        wanted = self.required | set(ALWAYS)
        order = (*REQUIRED, "provider", *ATTRIBUTES, *CONTEXT, "email_verified")
        return tuple(dict.fromkeys(name for name in order if name in wanted))


class Finding(NamedTuple):
    """A reason of the closed list, and what was seen, without the message's own words."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Message:
    """A JSON object of a known type on its way through the reasons."""

    kind: str
    size: int
    arrived: datetime
    document: Mapping[str, Any]
    data: Mapping[str, Any]

    def field(self, name: str) -> Any:
        """The value of an attribute or of a field of data; None when it is missing."""
        return self.document.get(name) if name in _ATTRIBUTES else self.data.get(name)


def json_type(value: object) -> str:
    """What JSON calls a decoded value."""
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def is_empty(value: object) -> bool:
    """Whether a field counts as null: missing, null, empty, or nothing but white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def unknown_type(document: Mapping[str, Any]) -> Finding | None:
    """The event's type is missing, no string, or none that is known here."""
    kind = document.get("type")
    if isinstance(kind, str):
        return None if kind in DATA else Finding("unknown_type", "a type that is not known here")
    return Finding("unknown_type", f"type is {json_type(kind) if 'type' in document else 'missing'}")


def wrong_type_data(document: Mapping[str, Any]) -> Finding | None:
    """Data is there, and is no object."""
    data = document.get("data")
    if data is None or isinstance(data, dict):
        return None
    return Finding("wrong_type_data", f"{json_type(data)} in place of object")


def wrong_type(message: Message, rules: Rules) -> Finding | None:  # noqa: ARG001 - one shape for all
    """A field, required or not, has another JSON type than its own. Nothing is coerced; null is no wrong type."""
    for holder, names in ((message.document, ATTRIBUTES), (message.data, DATA[message.kind])):
        for name in names:
            value = holder.get(name)
            if value is not None and not isinstance(value, str):
                return Finding(f"wrong_type_{name}", f"{json_type(value)} in place of string")
    for name in BOOLEANS[message.kind]:
        value = message.field(name)
        if value is not None and not isinstance(value, bool):
            return Finding(f"wrong_type_{name}", f"{json_type(value)} in place of boolean")
    return None


def null(message: Message, rules: Rules) -> Finding | None:
    """A required field is missing, null, empty or blank."""
    for name in rules.required_of(message.kind):
        value = message.field(name)
        if is_empty(value):
            return Finding(f"null_{name}", "null or missing" if value is None else "empty or blank")
    return None


def bad_time(message: Message, rules: Rules) -> Finding | None:  # noqa: ARG001
    """The time (or `received`, where there is one) is no RFC 3339 date-time."""
    for name in ("time", "received"):
        value = message.field(name)
        if not is_empty(value) and moments.moment(value) is None:
            return Finding("bad_time", f"{name} is no RFC 3339 date-time with an offset")
    return None


def future(message: Message, rules: Rules) -> Finding | None:
    """The time is further after the arrival than is allowed. Never compared with a clock."""
    ahead = _time(message) - message.arrived
    if ahead <= rules.future:
        return None
    return Finding("future", f"{ahead // timedelta(seconds=1)} seconds after its arrival")


def too_old(message: Message, rules: Rules) -> Finding | None:
    """The time is longer before the arrival than is allowed."""
    age = message.arrived - _time(message)
    return None if age <= rules.too_old else Finding("too_old", f"{age.days} days before its arrival")


def bad_email(message: Message, rules: Rules) -> Finding | None:  # noqa: ARG001
    """The e-mail, where there is one, has not the shape of a mailbox."""
    value = message.field("email") if message.kind == SIGNIN else None
    if not isinstance(value, str) or is_empty(value) or is_email(value):
        return None
    return Finding("bad_email", "not of the shape name@domain.tld")


def is_email(value: str) -> bool:
    """Whether a text has the shape of a mailbox: name@domain with a dot in it, at most 254 characters."""
    return len(value) <= EMAIL_LENGTH and (_USUAL_EMAIL(value) or _EMAIL(value)) is not None


def too_large(message: Message, rules: Rules) -> Finding | None:
    """The message has more bytes than are allowed."""
    return None if message.size <= rules.max_bytes else Finding("too_large", f"{message.size} bytes")


def unreadable(message: Message, rules: Rules) -> Finding | None:  # noqa: ARG001
    """It is JSON, but no text that UTF-8 can hold: a lone surrogate somewhere."""
    try:
        msgspec.json.encode(message.document)
    except UnicodeEncodeError:
        return Finding("unreadable", "a lone surrogate")
    return None


def _time(message: Message) -> datetime:
    when = moments.moment(message.field("time"))
    if when is None:
        raise AssertionError("bad_time is judged first")
    return when


# After not_json, not_object, unknown_type and wrong_type_data, which have no message yet (rules.py).
ORDER: tuple[Callable[[Message, Rules], Finding | None], ...] = (
    wrong_type,
    null,
    bad_time,
    future,
    too_old,
    bad_email,
    too_large,
    unreadable,
)
