"""`SignIn`, the record that travels: a CloudEvents 1.0 event in structured JSON (docs/data.md).

The producing side only: what other applications send is judged in silver/rules.py, never here.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Literal

import msgspec

SIGNIN = "loginlake.signin.v1"
REFUSED = "loginlake.signin_refused.v1"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
HEADERS = (("content-type", CONTENT_TYPE.encode()),)


class SignInData(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed in, and how. `user_id` (the token's sub) is the only key to a person; `ip` is already truncated."""

    provider: str
    user_id: str
    username: str
    email: str
    email_verified: bool | None
    picture: str
    hosted_domain: str | None = None
    method: str | None = None
    locale: str | None = None
    user_agent: str | None = None
    ip: str | None = None


class RefusalData(msgspec.Struct, frozen=True, kw_only=True):
    """Why a token was refused. No identity: nothing in a refused token is verified."""

    reason: str
    user_agent: str | None = None
    ip: str | None = None


class SignIn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One sign-in (or one refusal) as CloudEvents 1.0 attributes; times are RFC 3339 UTC with microseconds.

    `traceparent` (CloudEvents' distributed tracing extension) is there where traces are.
    """

    specversion: Literal["1.0"] = "1.0"
    type: str
    datacontenttype: Literal["application/json"] = "application/json"
    id: str
    source: str
    subject: str
    time: str
    received: str
    traceparent: str | msgspec.UnsetType = msgspec.UNSET
    data: SignInData | RefusalData


def person_key(provider: str, user_id: str) -> str:
    """The key of a person everywhere: the log's key, the event's subject, the gold document's _id."""
    return f"{provider}|{user_id}"


def token_event_id(id_token: str) -> str:
    """The event id of an ID token: a hash of its signing input (RFC 7515 section 5.1), 32 hex digits.

    A double click, a retry, a replay and a redelivery of one token are one sign-in by construction.
    """
    signing_input = id_token.rsplit(".", 1)[0]
    return hashlib.sha256(signing_input.encode()).hexdigest()[:32]


def refusal_id() -> str:
    """A new id an attempt: two refusals are two events, whatever the token."""
    return uuid.uuid4().hex


def rfc3339(moment: datetime) -> str:
    """A moment as RFC 3339 UTC with microseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def encode(event: SignIn) -> bytes:
    """The event as one line of UTF-8 JSON: the log's value, and so the `value` in bronze."""
    return msgspec.json.encode(event)
