"""The dashboard's door: default-deny for every path below the prefix, and the headers of what it lets out.

It stands outside of Dash, so that nothing that Dash adds (callbacks, layout, web sockets, a catch-all) is reached by
anybody whom it did not let in.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loginlake.dashboard.denied import page
from loginlake.dashboard.source import Viewer, Visit, visit
from loginlake.dashboard.texts import text
from loginlake.dashboard.wish import FILES, PAGES
from loginlake.errors import LoginlakeError
from loginlake.web.texts import LANGUAGES, Language, language_of

logger = logging.getLogger(__name__)

PREFIX = "/dashboard/"
MAX_BODY = 64 * 1024
OWN_PAGE = "/me"
SEES = frozenset({"viewer", "admin"})
LANGUAGE_COOKIE = "ll_lang"
_YEAR_S = 31_536_000
_HEADERS = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Rules(NamedTuple):
    """Whom to let in, and what to say. `allowed` may read a disk: it is called in a thread."""

    prefix: str
    allowed: Callable[[Request], Viewer | None]
    language: Callable[[Request], Language]
    policy: str
    secure: bool


def covers(scope: Scope, prefix: str = PREFIX) -> bool:
    """Whether a path is the dashboard's, with and without the root path that a proxy adds."""
    path = str(scope["path"])
    bare = path.removeprefix(str(scope.get("root_path", "")))
    own = (prefix.rstrip("/"), OWN_PAGE)
    return any(found.startswith((prefix, f"{OWN_PAGE}/")) or found in own for found in (path, bare))


class Guard:
    """ASGI middleware. Paths outside of the prefix pass untouched."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._inside = GZipMiddleware(app, minimum_size=1024, compresslevel=5)
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one web socket: the dashboard opens none, so each is refused."""
        if scope["type"] not in {"http", "websocket"} or not covers(scope, self._rules.prefix):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(scope, receive, self._with_headers(scope, send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        language = self._rules.language(request)
        try:
            viewer = await to_thread.run_sync(self._rules.allowed, request)
        except LoginlakeError as error:
            logger.warning("dashboard: cannot tell who asks", extra={"condition": type(error).__name__})
            refused: Response | None = self._refusal(request, 503, "unavailable", language)
        else:
            refused = self._refused(request, viewer, language)
        if refused is not None:
            await refused(scope, receive, send)
            return
        token = visit.set(Visit(language, viewer))
        try:
            await self._inside(self._to_page(scope), receive, send)
        finally:
            visit.reset(token)

    def _refused(self, request: Request, viewer: Viewer | None, language: Language) -> Response | None:
        """The answer that ends this request here; None lets it in."""
        machine = self._is_machine(request)
        if viewer is None:
            return self._refusal(request, 401, "unauthenticated", language) if machine else RedirectResponse("/", 303)
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        if path != OWN_PAGE and viewer.role not in SEES:
            return self._refusal(request, 403, "forbidden", language)
        if machine and "export." not in path:
            return None if _body_is_bounded(request) else self._refusal(request, 413, "too_large", language)
        if path == self._rules.prefix.rstrip("/"):
            return RedirectResponse(self._rules.prefix, 307)
        below = path.removeprefix(self._rules.prefix) if path.startswith(self._rules.prefix) else None
        if path != OWN_PAGE and below not in (*PAGES, *FILES):
            return self._refusal(request, 404, "missing", language)
        reads = request.method in {"GET", "HEAD"}
        return self._language_chosen(request) if reads else self._refusal(request, 405, "missing", language)

    def _to_page(self, scope: Scope) -> Scope:
        """Every page is the same document of Dash's: it is served under the name of each."""
        below = str(scope["path"]).partition(self._rules.prefix)
        if below[1] and not below[0] and below[2] in PAGES:
            return {**scope, "path": self._rules.prefix, "raw_path": self._rules.prefix.encode()}
        return scope

    def _is_machine(self, request: Request) -> bool:
        """Whether the page's scripts ask (data, scripts, styles), not a person on the way to a page."""
        below = request.url.path.partition(self._rules.prefix)[2]
        return below.startswith(("_", "assets/", "export."))

    def _language_chosen(self, request: Request) -> Response | None:
        chosen = request.query_params.get("lang")
        if chosen not in LANGUAGES:
            return None
        kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
        query = f"?{urlencode(kept)}" if kept else ""
        response = RedirectResponse(f"{request.url.path}{query}", 303)
        response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_YEAR_S, samesite="lax", secure=self._rules.secure)
        return response

    def _refusal(self, request: Request, status: int, name: str, language: Language) -> Response:
        if self._is_machine(request):
            body = {"type": f"urn:loginlake:problem:{name}", "title": name, "status": status}
            return Response(json.dumps(body), status, media_type="application/problem+json")
        title, detail = text(language, f"{name}_title"), text(language, f"{name}_text")
        return HTMLResponse(page(language, status, title, detail, text(language, "back")), status)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers["content-security-policy"] = self._rules.policy
                if "/_dash-component-suites/" not in scope["path"] or message["status"] != 200:
                    headers["cache-control"] = "no-store"
                if self._rules.secure:
                    headers["strict-transport-security"] = f"max-age={_YEAR_S}"
            await send(message)

        return sending


def _body_is_bounded(request: Request) -> bool:
    if request.method in {"GET", "HEAD"}:
        return True
    length = request.headers.get("content-length", "")
    return length.isascii() and length.isdigit() and len(length) < 12 and int(length) <= MAX_BODY


def chosen_language(cookies: Mapping[str, str]) -> Language:
    """The language of the cookie that both pages share; Spanish without one."""
    return language_of(None, cookies.get(LANGUAGE_COOKIE))
