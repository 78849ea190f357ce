"""What holds for every answer and every request: headers, origins, bounded bodies, no escaping exception."""

from __future__ import annotations

import ipaddress
import logging
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loginlake.origin import normal_origin
from loginlake.web.problems import Answer, Problem, problem_response

logger = logging.getLogger(__name__)


def content_security_policy(origin: str, *, google: bool) -> str:
    """The page's policy. Google's hosts are named only when its script is loaded."""

    def with_google(own: str, theirs: str) -> str:
        return f"{own} {theirs}" if google else own

    return "; ".join(
        (
            "default-src 'none'",
            "script-src " + with_google("'self'", "https://accounts.google.com/gsi/client"),
            "style-src " + with_google("'self'", "https://accounts.google.com/gsi/style"),
            f"img-src 'self' {origin} data: https://*.googleusercontent.com",
            "font-src 'self'",
            "connect-src " + with_google("'self'", "https://accounts.google.com/gsi/"),
            "frame-src " + ("https://accounts.google.com/gsi/" if google else "'none'"),
            "form-action " + with_google("'self'", "https://accounts.google.com"),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


class Guard:
    """The outermost layer: security headers where an answer has none of its own, and no exception past it."""

    def __init__(self, app: ASGIApp, *, origin: str, google: bool) -> None:
        self._app = app
        headers = {
            "content-security-policy": content_security_policy(origin, google=google),
            "cross-origin-opener-policy": "same-origin-allow-popups",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
        }
        if origin.startswith("https://"):
            headers["strict-transport-security"] = "max-age=31536000"
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = {name.lower() for name, _ in message["headers"]}
                own = [header for header in self._headers if header[0] not in given]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except ClientDisconnect:
            logger.debug("who asked went away", extra={"path": scope["path"]})
        except Exception:  # the last line: whatever failed inside must end as the table says, not as a stack trace
            logger.exception("request failed", extra={"path": scope["path"]})
            if started:
                raise
            response = problem_response(Request(scope), Problem.INTERNAL)
            await response(scope, receive, guarded)


def allowed_origins(origin: str) -> frozenset[str]:
    """The origins that may POST: the web's own, and on a loopback address its other name. See `normal_origin`."""
    origin = normal_origin(origin)
    parts = urlsplit(origin)
    if parts.hostname in {"localhost", "127.0.0.1"}:
        port = f":{parts.port}" if parts.port else ""
        return frozenset(f"{parts.scheme}://{name}{port}" for name in ("localhost", "127.0.0.1"))
    return frozenset({origin})


def check_origin(request: Request, allowed: frozenset[str]) -> None:
    """End a request that no page of ours sent (a missing Origin too)."""
    if request.headers.get("origin") not in allowed:
        raise Answer(Problem.FORBIDDEN)


def check_content_type(request: Request, expected: str) -> None:
    """End a request with a body of another kind."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != expected:
        raise Answer(Problem.MEDIA_TYPE)


# What reading a stranger's JSON can raise: ValueError covers broken UTF-8.
UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)


async def read_body(request: Request, limit: int) -> bytes:
    """The body, refused as soon as it is known to be over the limit."""
    declared = request.headers.get("content-length", "0")
    if not declared.isascii() or not declared.isdigit():
        raise Answer(Problem.BAD_REQUEST)
    if len(declared) > 12 or int(declared) > limit:
        raise Answer(Problem.TOO_LARGE)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Answer(Problem.TOO_LARGE)
    return bytes(body)


def client_network(request: Request, trusted_proxies: int) -> str | None:
    """The client's address, cut to its /24 (IPv4) or /48 (IPv6) before anything else sees it.

    Of X-Forwarded-For only what the trusted proxies added is believed: their number counts from the right.
    """
    peer = request.client.host if request.client else ""
    forwarded = [entry.strip() for line in request.headers.getlist("x-forwarded-for") for entry in line.split(",")]
    chain = [*forwarded, peer]
    return truncated(chain[max(0, len(chain) - 1 - trusted_proxies)]) or truncated(peer)


@lru_cache(maxsize=4096)
def truncated(address: str) -> str | None:
    """The first address of the /24 or /48 around an address; None for anything else."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    bits = 24 if ip.version == 4 else 48
    return str(ipaddress.ip_network(f"{ip}/{bits}", strict=False).network_address)
