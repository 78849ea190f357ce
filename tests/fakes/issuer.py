"""An issuer of ID tokens with its own keys, discovery and JWKS over HTTP, that can be told to fail."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from joserfc import jws, jwt
from joserfc.jwk import RSAKey

from loginlake.web.google import DISCOVERY, ISSUER, Expected, TokenVerifier
from loginlake.web.jwks import KeySet

AUDIENCE = "client.apps.example"
START = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@functools.cache
def rsa_key(name: str) -> RSAKey:
    """One key a name for the whole run: making them is slow."""
    return RSAKey.import_key(RSAKey.generate_key(2048).as_dict(private=True), {"kid": name})


class Clock:
    """The wall clock and the monotonic one, moved by hand."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class FakeIssuer:
    """`published` are the names of the keys in its JWKS. `fetches` counts what was asked of it, by path."""

    def __init__(self, clock: Clock, *, cache_control: str = "public, max-age=3600") -> None:
        self.clock = clock
        self.published = ["one"]
        self.cache_control = cache_control
        self.fetches: dict[str, int] = {}
        self.failing = 0
        self.failure: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(500)
        self.discovery: Any = {"issuer": ISSUER, "jwks_uri": "https://issuer.example/jwks"}
        self.jwks: Any = None

    def fail_next(self, n: int, failure: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.failing, self.failure = n, failure or self.failure

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.fetches[request.url.path] = self.fetches.get(request.url.path, 0) + 1
        if self.failing:
            self.failing -= 1
            return self.failure(request)
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(200, json=self.discovery)
        keys = [rsa_key(name).as_dict(private=False) | {"alg": "RS256", "use": "sig"} for name in self.published]
        return httpx.Response(200, json=self.jwks or {"keys": keys}, headers={"Cache-Control": self.cache_control})

    def keys(self) -> KeySet:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        return KeySet(ISSUER, DISCOVERY, client, self.clock.seconds)

    def verifier(self, hosted_domain: str = "") -> TokenVerifier:
        expected = Expected(
            provider="google",
            issuers=frozenset({ISSUER, "accounts.google.com"}),
            audience=AUDIENCE,
            hosted_domain=hosted_domain,
        )
        return TokenVerifier(expected, self.keys(), self.clock)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token; a change to None leaves the claim out."""
        now = int(self.clock.seconds())
        good = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "110169484474386276334",
            "email": "lucia@example.com",
            "email_verified": True,
            "name": "Lucía Ferrer",
            "picture": "https://lh3.googleusercontent.com/a/photo",
            "iat": now,
            "exp": now + 3600,
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, *, key: str = "one", header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        head = {"alg": "RS256", "typ": "JWT", "kid": key, **(header or {})}
        return jwt.encode(head, self.claims(**changes), rsa_key(key))

    def unsigned(self, header: Mapping[str, Any], payload: bytes | None = None, **changes: Any) -> str:
        """Header and payload as they are, with an empty signature."""
        body = payload if payload is not None else json.dumps(self.claims(**changes)).encode()
        return f"{base64url(json.dumps(header).encode())}.{base64url(body)}."

    def signed_raw(self, payload: bytes) -> str:
        """Any payload, truly signed."""
        return jws.serialize_compact({"alg": "RS256", "kid": "one"}, payload, rsa_key("one"))

    def signed_by_public_key(self, **changes: Any) -> str:
        """The classic confusion: HS256 with the public key's text as the secret."""
        head = {"alg": "HS256", "typ": "JWT", "kid": "one"}
        signing_input = self.unsigned(head, **changes).rstrip(".")
        mac = hmac.new(rsa_key("one").as_pem(private=False), signing_input.encode(), hashlib.sha256)
        return f"{signing_input}.{base64url(mac.digest())}"
