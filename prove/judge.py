"""What must become of a message, decided anew from docs/data.md. Nothing here comes from loginlake."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

TEXTS = {
    "loginlake.signin.v1": ("provider", "user_id", "username", "email", "picture"),
    "loginlake.signin_refused.v1": ("reason",),
}


class Event(NamedTuple):
    """A message that belongs into silver. Two of one `identity` are one sign-in, told twice."""

    identity: tuple[str, ...]
    day: str
    person: str | None  # of a refusal: None


def judge(value: bytes | None) -> Event | None:
    """The event that a message is; None for one that must be rejected."""
    try:
        message = json.loads(value or b"")
    except ValueError:
        return None
    if not isinstance(message, dict) or message.get("type") not in TEXTS:
        return None
    data = message.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("email_verified"), bool | None):
        return None
    wanted = [message.get(name) for name in ("source", "id", "time")]
    wanted += [data.get(name) for name in TEXTS[message["type"]]]
    if not all(isinstance(text, str) and text.strip() for text in wanted):
        return None
    return _event(message, data)


def _event(message: dict[str, Any], data: dict[str, Any]) -> Event:
    time = message["time"]
    person = f"{data['provider']}|{data['user_id']}" if message["type"] == "loginlake.signin.v1" else None
    return Event((message["source"], message["id"], time[:13], person or ""), time[:10], person)
