"""The cleaning, whole and pure: a message's bytes and its arrival in, a silver row or a finding out.

This is the reference. check.py has a faster way for lines that are plainly good; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from loginlake.event import SIGNIN
from loginlake.silver import moments, reasons
from loginlake.silver.grammar import nesting
from loginlake.silver.reasons import Finding, Message, Rules
from loginlake.silver.rows import RefusalRow, SignInRow, SilverRow, who

# Deeper objects are unreadable, here and on every machine: a decoder's own limit would depend on its stack.
MAX_NESTING = 100
Origin = tuple[int, int, int]


class Rejection(msgspec.Struct, frozen=True):
    """A finding, and the keyed hash of the person where the message names one."""

    reason: str
    detail: str
    who: str | None = None


def judge(value: bytes | None, origin: Origin, arrived: datetime, rules: Rules) -> SilverRow | Rejection:
    """The silver row of a message, or why it is rejected. Total: every value ends in one of the two."""
    document = read(value)
    if isinstance(document, Finding):
        return Rejection(*document)
    finding = reasons.unknown_type(document) or reasons.wrong_type_data(document)
    if finding is not None:
        return Rejection(*finding, _who(document, rules))
    message = Message(document["type"], len(value or b""), arrived, document, document.get("data") or {})
    for reason in reasons.ORDER:
        finding = reason(message, rules)
        if finding is not None:
            return Rejection(*finding, _who(document, rules))
    return _row(message, origin)


def read(value: bytes | None) -> dict[str, Any] | Finding:
    """The JSON object that a message is; or not_json, not_object, or unreadable for one that is too deep."""
    if value is None:
        return Finding("not_json", "a null value")
    try:
        if value.count(b"[") + value.count(b"{") <= MAX_NESTING:
            return _object(msgspec.json.decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # what a decoder refuses may be JSON all the same: the grammar decides
    try:
        return _read_by_grammar(value.decode())
    except UnicodeDecodeError:
        return Finding("not_json", "not UTF-8")


def _read_by_grammar(text: str) -> dict[str, Any] | Finding:
    deepest = nesting(text)
    if deepest is None:
        return Finding("not_json", "not JSON by RFC 8259")
    if not text.lstrip(" \t\r\n").startswith("{"):
        return _object(None)
    if deepest > MAX_NESTING:
        return Finding("unreadable", f"nested {deepest} deep")
    # Numbers of any size are numbers; none is ever used, so their value does not matter.
    return _object(json.loads(text, parse_int=lambda _: 0, parse_float=lambda _: 0.0))


def _object(document: object) -> dict[str, Any] | Finding:
    if isinstance(document, dict):
        return document
    return Finding("not_object", "JSON, but no object")


def _who(document: Mapping[str, Any], rules: Rules) -> str | None:
    data = document.get("data")
    if not isinstance(data, dict):
        return None
    provider, user_id = data.get("provider"), data.get("user_id")
    if reasons.is_empty(provider) or reasons.is_empty(user_id):
        return None
    if not isinstance(provider, str) or not isinstance(user_id, str):
        return None
    return who(rules.secret, provider, user_id)


def _row(message: Message, origin: Origin) -> SilverRow:
    """The row of a message in which no reason found anything."""
    arrived = moments.text(message.arrived)
    time = _moment_text(message, "time")
    source, event_id, data = message.field("source"), message.field("id"), message.data
    if message.kind != SIGNIN:
        reason, agent, ip = (data.get(name) for name in reasons.DATA[message.kind])
        return RefusalRow(*origin, arrived, time, source, event_id, str(reason), agent, ip)
    received = arrived if reasons.is_empty(message.field("received")) else _moment_text(message, "received")
    provider, user_id, username, email, picture = (data.get(name) for name in reasons.IDENTITY)
    hosted_domain, method, locale, agent, ip = (data.get(name) for name in reasons.CONTEXT)
    return SignInRow(
        *origin,
        arrived,
        received,
        time,
        source,
        event_id,
        str(provider),
        str(user_id),
        username,
        email,
        picture,
        data.get("email_verified"),
        hosted_domain,
        method,
        locale,
        agent,
        ip,
    )


def _moment_text(message: Message, name: str) -> str:
    when = moments.moment(message.field(name))
    if when is None:
        raise AssertionError("bad_time is judged first")
    return moments.text(when)
