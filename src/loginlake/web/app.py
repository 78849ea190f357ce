"""The web: every route on one screen, and how a request ends when it does not end well."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import parse_qs

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from loginlake.errors import LoginlakeError, Misconfigured
from loginlake.web import events, health, journey
from loginlake.web.accept import Attempt, accept
from loginlake.web.avatar import initials_avatar
from loginlake.web.context import Session, WebContext, context_of
from loginlake.web.google import ISSUER
from loginlake.web.pages import LANGUAGE_COOKIE, language_for, render, script_texts
from loginlake.web.problems import Answer, Problem, for_status, problem_response
from loginlake.web.rate import Buckets
from loginlake.web.security import (
    UNREADABLE,
    Guard,
    allowed_origins,
    check_content_type,
    check_origin,
    client_network,
    read_body,
)
from loginlake.web.session import (
    Nonce,
    current_session,
    end_session,
    new_nonce,
    new_visit,
    same_secret,
    session_cookie,
    session_key,
    set_session,
    set_visit,
    visit_of,
)
from loginlake.web.static import StaticFolder

logger = logging.getLogger(__name__)
_NO_STORE = {"Cache-Control": "no-store"}
_USER_AGENT = 512


class _SignInRequest(msgspec.Struct):
    credential: str
    select_by: str | None = None


_decode = msgspec.json.Decoder(_SignInRequest).decode


class _App(FastAPI):
    """The app. POSTs to `straight` go past the framework's layers, which cost as much as the rest of the answer."""

    straight: Mapping[str, ASGIApp] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        short = self.straight.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if short is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await short(scope, receive, send)


def create_app(context: WebContext) -> FastAPI:
    """The web app. Nothing connects before the first request. The dashboard joins the same app."""
    # A loopback origin is the one with two names.
    if context.developer is not None and len(allowed_origins(context.origin)) < 2:
        raise Misconfigured(
            "The developer identity provider does not serve this origin.",
            "Anybody could sign in as anybody.",
            "Set a Google client id, or use a loopback origin.",
        )
    guard = partial(Guard, origin=context.origin, google=context.developer is None)
    app = _App(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=_lifespan)
    app.straight = {"/api/signin": guard(_ending(signin)), "/api/events": guard(_ending(events.events))}
    app.state.context = context
    app.state.buckets = Buckets(context.limits.refusals_a_minute, context.limits.addresses)
    app.state.event_buckets = Buckets(context.limits.events_a_minute, context.limits.addresses)
    app.state.origins = allowed_origins(context.origin)
    app.add_middleware(guard)
    app.add_exception_handler(Answer, _answer)
    app.add_exception_handler(LoginlakeError, _condition)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)

    app.add_api_route("/", page, methods=["GET", "HEAD"])
    app.add_api_route("/favicon.ico", favicon, methods=["GET"])
    app.add_api_route("/api/nonce", nonce, methods=["GET"])
    app.add_route("/api/signin", signin, methods=["POST"])
    app.add_api_route("/signin/redirect", signin_redirect, methods=["POST"])
    app.add_api_route("/api/signout", signout, methods=["POST"])
    app.add_api_route("/api/me", me, methods=["GET"])
    app.include_router(events.router)
    app.include_router(journey.router)
    app.include_router(health.router)
    if context.developer is not None:
        app.include_router(context.developer)
    app.mount("/static", StaticFolder())
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    context: WebContext = app.state.context
    if context.spool is not None:
        await asyncio.to_thread(context.spool.start)
    yield
    await context.verifier.close()
    if context.spool is not None:
        await asyncio.to_thread(context.spool.stop)


async def page(request: Request) -> Response:
    """The page: signed out with the button, signed in with the greeting and the journey."""
    context, language = context_of(request), language_for(request)
    visit = visit_of(request) or new_visit()
    session = current_session(request)
    boot = {
        "client_id": context.client_id,
        "lang": language,
        "nonce": msgspec.to_builtins(_nonce(context, visit)),
        "nonce_s": context.limits.nonce_s,
        "login_uri": f"{context.origin}/signin/redirect",
        "session": _answered(context, session) if session else None,
    }
    script = "/dev/gsi/client" if context.developer else "https://accounts.google.com/gsi/client"
    body = render(
        "page.html",
        language,
        boot=boot,
        script=f"{script}?hl={language}",
        developer=context.developer is not None,
        signed_in=session is not None,
        steps=journey.STEPS,
        script_texts=script_texts(language),
    )
    response = HTMLResponse(body, headers=_NO_STORE | {"Content-Language": language})
    set_visit(response, context, visit)
    if request.query_params.get("lang") == language:
        response.set_cookie(LANGUAGE_COOKIE, language, 365 * 86400, secure=context.secure, samesite="lax")
    return response


async def favicon() -> Response:
    """Where browsers look on their own."""
    return RedirectResponse("/static/favicon.svg", 308)


async def nonce(request: Request) -> Response:
    """A fresh nonce for a page that has been open for long."""
    context = context_of(request)
    visit = visit_of(request) or new_visit()
    response = Response(msgspec.json.encode(_nonce(context, visit)), media_type="application/json", headers=_NO_STORE)
    set_visit(response, context, visit)
    return response


async def signin(request: Request) -> Response:
    """The AJAX sign-in: {credential, select_by}. 200 only when the event is durable."""
    context = context_of(request)
    check_origin(request, request.app.state.origins)
    check_content_type(request, "application/json")
    body = await read_body(request, context.limits.body_bytes)
    try:
        sent = _decode(body)
    except UNREADABLE as error:
        raise Answer(Problem.BAD_REQUEST) from error
    session, cookie = await _accept(request, sent.credential, sent.select_by)
    response = Response(
        msgspec.json.encode(_answered(context, session)), media_type="application/json", headers=_NO_STORE
    )
    set_session(response, context, cookie)
    return response


async def signin_redirect(request: Request) -> Response:
    """The form that the provider's library posts (needed on iOS): double-submitted token, then the same way.

    It comes from the provider's page: its Origin, or "null" where its referrer policy hides it, is as good as ours.
    The nonce bound to the visit is what protects here.
    """
    context = context_of(request)
    check_origin(request, request.app.state.origins | {ISSUER, "null"})
    check_content_type(request, "application/x-www-form-urlencoded")
    body = await read_body(request, context.limits.body_bytes)
    try:
        form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise Answer(Problem.BAD_REQUEST) from error
    token = form.get("g_csrf_token", [""])[0]
    if not token or not same_secret(token, request.cookies.get("g_csrf_token", "")):
        raise Answer(Problem.FORBIDDEN)
    if "credential" not in form:
        raise Answer(Problem.BAD_REQUEST)
    _, cookie = await _accept(request, form["credential"][0], form.get("select_by", [None])[0])
    response = RedirectResponse("/", 303, _NO_STORE)
    set_session(response, context, cookie)
    return response


async def signout(request: Request) -> Response:
    """End the session, here and in the shared state."""
    context = context_of(request)
    check_origin(request, request.app.state.origins)
    cookie = request.cookies.get(session_cookie(context), "")
    if cookie:
        await asyncio.wrap_future(context.state.end_session(session_key(context.secret, cookie)))
    response = Response(status_code=204, headers=_NO_STORE)
    end_session(response, context)
    return response


async def me(request: Request) -> Response:
    """Who is signed in."""
    session = current_session(request)
    if session is None:
        raise Answer(Problem.UNAUTHENTICATED)
    content = msgspec.json.encode(_answered(context_of(request), session))
    return Response(content, media_type="application/json", headers=_NO_STORE)


async def _accept(request: Request, credential: str, select_by: str | None) -> tuple[Session, str]:
    context = context_of(request)
    old = request.cookies.get(session_cookie(context), "")
    agent = request.headers.get("user-agent", "")
    if not agent.isprintable():
        agent = "".join(c for c in agent if c.isprintable())
    attempt = Attempt(
        credential=credential,
        visit=visit_of(request),
        select_by=select_by,
        user_agent=agent[:_USER_AGENT] or None,
        ip=client_network(request, context.trusted_proxies),
        old_session=session_key(context.secret, old) if old else "",
    )
    return await accept(context, request.app.state.buckets, attempt)


def _nonce(context: WebContext, visit: str) -> Nonce:
    return new_nonce(context.secret, visit, int(context.clock().timestamp() + context.limits.nonce_s))


def _answered(context: WebContext, session: Session) -> dict[str, object]:
    person = session.person
    return {
        "event_id": session.event_id,
        "time": session.time,
        "received": session.received,
        "person": {"name": person.name, "email": person.email, "picture": person.picture},
        "avatar": initials_avatar(person.name, person.user_id),
        "dashboard": "/dashboard/" if context.viewers(person) else None,
    }


def _ending(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """An endpoint as an app of its own, whose requests end as those of the whole app do."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except Answer as error:
            response = await _answer(request, error)
        except LoginlakeError as error:
            response = await _condition(request, error)
        await response(scope, receive, send)

    return app


async def _answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, Answer)
    return problem_response(request, error.problem, error.reason)


async def _condition(request: Request, error: Exception) -> Response:
    logger.warning("request not answered", extra={"path": request.url.path, "cause": type(error).__name__})
    return problem_response(request, Problem.UNAVAILABLE)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem_response(request, for_status(error.status_code), headers=error.headers)


async def _invalid(request: Request, _: Exception) -> Response:
    return problem_response(request, Problem.INVALID)
