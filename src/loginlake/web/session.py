"""Visits, nonces and sessions: what binds a token to the browser that asked for it.

A visit is a random cookie. A nonce is an HMAC over the visit, so that nothing is stored before it is used. A session
cookie is an HMAC over the visit, the nonce and the token: new at every sign-in, the same at a retry of one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

import msgspec
from fastapi import Request
from fastapi.responses import Response

from loginlake.web.context import Person, Session, WebContext, context_of

decode_session = msgspec.json.Decoder(Session).decode
_VISIT_S = 24 * 3600


def visit_cookie(context: WebContext) -> str:
    """The visit cookie's name; by https it cannot be set by a neighbouring subdomain."""
    return "__Host-ll_visit" if context.secure else "ll_visit"


def session_cookie(context: WebContext) -> str:
    """The session cookie's name."""
    return "__Host-ll_session" if context.secure else "ll_session"


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce of ours that belongs to the visit in hand; `expires` in seconds since 1970."""

    value: str
    expires: int


def new_visit() -> str:
    """A visit's random id."""
    return secrets.token_urlsafe(18)


def new_nonce(secret: bytes, visit: str, expires: int) -> Nonce:
    """A nonce for a visit."""
    body = expires.to_bytes(6, "big") + secrets.token_bytes(12)
    return Nonce(_text(body + _seal(secret, "nonce", visit.encode(), body)), expires)


def open_nonce(secret: bytes, visit: str, value: str) -> Nonce | None:
    """The nonce, if it was made for this visit with this secret."""
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    body, seal = raw[:18], raw[18:]
    genuine = hmac.compare_digest(seal, _seal(secret, "nonce", visit.encode("utf-8", "replace"), body))
    # Only the canonical text is a nonce: base64 has several spellings of one value, and used ones are kept as text.
    if not visit or not genuine or _text(raw) != value:
        return None
    return Nonce(value, int.from_bytes(body[:6], "big"))


def new_session(secret: bytes, visit: str, nonce: str, token: str) -> str:
    """The session cookie of one sign-in."""
    return _text(_seal(secret, "session", visit.encode(), nonce.encode(), token.encode()))


def hashed(value: str) -> str:
    """How visits and tokens are kept."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()


def session_key(secret: bytes, cookie: str) -> str:
    """By what a session is kept. Keyed: with a new secret nobody's session is found any more."""
    return _seal(secret, "kept session", cookie.encode("utf-8", "surrogateescape")).hex()


def same_secret(one: str, other: str) -> bool:
    """Whether two secrets are the same, in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def set_visit(response: Response, context: WebContext, visit: str) -> None:
    """Give a browser its visit. By https it must survive the POST that comes from the provider's own page."""
    response.set_cookie(
        visit_cookie(context),
        visit,
        max_age=_VISIT_S,
        httponly=True,
        secure=context.secure,
        samesite="none" if context.secure else "lax",
    )


def set_session(response: Response, context: WebContext, cookie: str) -> None:
    """Give a browser its session."""
    response.set_cookie(
        session_cookie(context),
        cookie,
        max_age=int(context.limits.session_s),
        httponly=True,
        secure=context.secure,
        samesite="lax",
    )


def end_session(response: Response, context: WebContext) -> None:
    """Take a browser's session cookie away."""
    response.delete_cookie(session_cookie(context), httponly=True, secure=context.secure, samesite="lax")


def visit_of(request: Request) -> str:
    """The visit of a request, or nothing."""
    return request.cookies.get(visit_cookie(context_of(request)), "")


def current_session(request: Request) -> Session | None:
    """The living session of a request. Raises Unavailable when the state cannot be read.

    One of another provider is none: made-up people do not outlive the developer mode.
    """
    context = context_of(request)
    cookie = request.cookies.get(session_cookie(context), "")
    content = context.state.session(session_key(context.secret, cookie)) if cookie else None
    session = decode_session(content) if content else None
    return session if session and session.person.provider == context.verifier.provider else None


def current_person(request: Request) -> Person | None:
    """Who is signed in: for a guard of other routes on the same app. Raises Unavailable like `current_session`."""
    session = current_session(request)
    return session.person if session else None


def _seal(secret: bytes, purpose: str, *parts: bytes) -> bytes:
    framed = [piece for part in parts for piece in (len(part).to_bytes(4, "big"), part)]
    return hmac.digest(secret, b"".join((purpose.encode(), *framed)), "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
