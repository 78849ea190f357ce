"""Requests that the page never makes are answered here, as 400 or 404: Dash would answer 500 and log a stack trace."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from dash.fingerprint import check_fingerprint
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The page sends about 30. It bounds how deep a value can be nested as well.
MOST_OBJECTS = 256
_FILES = "_dash-component-suites/"
_CALLBACK = "_dash-update-component"


class _Prop(msgspec.Struct):
    id: str
    property: str
    value: Any = None


class _Call(msgspec.Struct, rename="camel"):
    output: str
    outputs: list[_Prop]
    inputs: list[_Prop]
    state: list[_Prop] = []
    changed_prop_ids: list[str] = []


_call = msgspec.json.Decoder(_Call).decode


class Sieve:
    """ASGI middleware. `files` are the paths that Dash serves by package, `callbacks` its map; both are read late."""

    def __init__(
        self, app: ASGIApp, *, prefix: str, files: Mapping[str, Collection[str]], callbacks: Mapping[str, Any]
    ) -> None:
        self._app, self._prefix, self._files, self._callbacks = app, prefix, files, callbacks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        below = self._below(scope)
        if below.startswith(_FILES) and not self._is_file(below.removeprefix(_FILES)):
            await _refusal(404, "missing")(scope, receive, send)
        elif below == _CALLBACK and scope["method"] == "POST":
            await self._call(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _below(self, scope: Scope) -> str:
        if scope["type"] != "http":
            return ""
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
        return path.removeprefix(self._prefix) if path.startswith(self._prefix) else ""

    def _is_file(self, path: str) -> bool:
        package, _, within = path.partition("/")
        named: str = check_fingerprint(within)[0]  # type: ignore[no-untyped-call]
        return named in self._files.get(package, ())

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole(receive)
        if body is None:
            return
        if not _is_json(scope) or not self._is_call(body):
            await _refusal(400, "malformed")(scope, receive, send)
            return
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    def _is_call(self, body: bytes) -> bool:
        """Whether a body asks one of the callbacks what the page asks it, whatever the values."""
        if body.count(b"{") + body.count(b"[") > MOST_OBJECTS:
            return False
        try:
            call = _call(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        known = self._callbacks.get(call.output)
        if known is None or "callback" not in known:
            return False
        named = "...".join(f"{prop.id}.{prop.property}" for prop in call.outputs)
        return (
            call.output in {named, f"..{named}.."}
            and _names(call.inputs) == [(prop["id"], prop["property"]) for prop in known["inputs"]]
            and _names(call.state) == [(prop["id"], prop["property"]) for prop in known["state"]]
        )


def _names(props: list[_Prop]) -> list[tuple[str, str]]:
    return [(prop.id, prop.property) for prop in props]


def _is_json(scope: Scope) -> bool:
    return any(name == b"content-type" and value.startswith(b"application/json") for name, value in scope["headers"])


async def _whole(receive: Receive) -> bytes | None:
    """The body, which the door has bounded; None when the caller has left."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


def _refusal(status: int, name: str) -> Response:
    body = {"type": f"urn:loginlake:problem:{name}", "title": name, "status": status}
    return Response(json.dumps(body), status, media_type="application/problem+json")
