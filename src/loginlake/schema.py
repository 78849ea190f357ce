"""The published form of what travels: JSON Schema of SignIn v1, and an AsyncAPI 3 document of the topic.

For those who produce to the log themselves. It says what cleaning requires by default; the rules decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from loginlake.event import CONTENT_TYPE, REFUSED, SIGNIN
from loginlake.silver import reasons

_BASE = "urn:loginlake:schema"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MEANINGS = {
    "specversion": "CloudEvents 1.0",
    "id": "with source, what makes an event unique: send the same id again for the same sign-in",
    "source": "the application, a URI; with an API key, the key's own",
    "type": "what happened",
    "datacontenttype": "of data",
    "subject": "provider|user_id: the log's key, so that a person's events keep their order",
    "time": "when the person signed in; from 1,100 days before to 10 minutes after its arrival",
    "received": "when the application got to know (default: the arrival)",
    "provider": "who vouches for the person, e.g. google",
    "user_id": "the only key to a person within a provider (an ID token's sub)",
    "username": "the name shown",
    "email": "a mailbox",
    "email_verified": "whether the provider vouches for the mailbox",
    "picture": "a photo, https: or data:image/",
    "hosted_domain": "the organisation's domain",
    "method": "how the person chose to sign in",
    "locale": "the person's language",
    "user_agent": "the browser, as it names itself",
    "ip": "the address, cut to its /24 or /48 by the sender",
    "reason": "why the token was refused",
}
_MOMENTS = ("time", "received")


def signin() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a sign-in."""
    required = {*reasons.REQUIRED, *reasons.ALWAYS}
    return _schema("signin", "A sign-in", SIGNIN, required)


def refusal() -> dict[str, Any]:
    """The JSON Schema of a refused sign-in."""
    return _schema("signin_refused", "A refused sign-in", REFUSED, reasons.REQUIRED_OF_REFUSALS)


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: one channel, the topic, with two messages."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "loginlake sign-ins",
            "version": "1",
            "description": "Produce with acks=all and the key subject. Repeats of (source, id) are counted once.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "signins": {
                "address": "signins",
                "description": "The topic that LOGINLAKE_LOG_URL names.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in ("signin", "signin_refused")},
            }
        },
        "operations": {
            "landSignins": {"action": "receive", "channel": {"$ref": "#/channels/signins"}, "summary": "Send these."}
        },
        "components": {
            "messages": {
                "signin": _message("A person signed in.", signin()),
                "signin_refused": _message("A token was refused.", refusal()),
            }
        },
    }


def text(name: str) -> str:
    """A document by its name (signin, asyncapi), as it is published in docs/schema/."""
    made: dict[str, Callable[[], dict[str, Any]]] = {"signin": signin, "asyncapi": asyncapi}
    return msgspec.json.format(msgspec.json.encode(made[name]()), indent=2).decode() + "\n"


def _message(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "contentType": CONTENT_TYPE.partition(";")[0],
        "headers": {"type": "object", "properties": {"content-type": {"type": "string", "const": CONTENT_TYPE}}},
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": schema},
        "bindings": {"kafka": {"key": {"type": "string", "description": _MEANINGS["subject"]}}},
    }


def _schema(name: str, title: str, kind: str, required: Iterable[str]) -> dict[str, Any]:
    data_names = (*reasons.DATA[kind], *reasons.BOOLEANS[kind])
    wanted = frozenset(required)
    data = {field: _field(field, required=field in wanted) for field in data_names}
    top = {field: _field(field, required=field in wanted) for field in reasons.ATTRIBUTES}
    top["type"] = {"const": kind, "description": _MEANINGS["type"]}
    top["data"] = {"type": "object", "properties": data, "required": [field for field in data_names if field in wanted]}
    needs = [field for field in top if field in wanted or field in {"type", "data"}]
    return {
        "$schema": _DIALECT,
        "$id": f"{_BASE}:{name}:v1",
        "title": f"{title}: a CloudEvents 1.0 event in structured JSON",
        "type": "object",
        "properties": top,
        "required": needs,
    }


def _field(name: str, *, required: bool) -> dict[str, Any]:
    if name == "email_verified":
        return {"type": ["boolean", "null"], "description": _MEANINGS[name]}
    field: dict[str, Any] = {"type": "string"} if required else {"type": ["string", "null"]}
    field["description"] = _MEANINGS[name]
    if required:
        field["pattern"] = r"\S"
    if name in _MOMENTS:
        field["format"] = "date-time"
    if name == "email":
        field["maxLength"] = reasons.EMAIL_LENGTH
    return field
