"""Google's ID tokens, verified: signature by key id, the algorithm fixed, then every claim."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from loginlake.silver.reasons import is_email
from loginlake.web.avatar import initials_avatar
from loginlake.web.identity import Identity, KeysState, Reason, Refused
from loginlake.web.jwks import KeySet

PROVIDER = "google"
ISSUER = "https://accounts.google.com"
DISCOVERY = "https://accounts.google.com/.well-known/openid-configuration"
SKEW_S = 10
_LATEST = 253_402_214_400  # 9999-12-31T00:00:00Z: the calendar ends a day later, and minutes are added
# What reading a stranger's JSON can raise: ValueError covers broken UTF-8 and base64.
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
_PADDING, _HASH = PKCS1v15(), SHA256()  # RS256 (RFC 7518 section 3.3)
_SEGMENTS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must say. `pictures` are the prefixes that a photo's address may begin with."""

    provider: str
    issuers: frozenset[str]
    audience: str
    hosted_domain: str = ""
    pictures: tuple[str, ...] = ("https://",)


class TokenVerifier:
    """The adapter: one issuer's keys and what its tokens must say. The developer provider is verified by it too."""

    def __init__(self, expected: Expected, keys: KeySet, clock: Callable[[], datetime]) -> None:
        self._expected, self._keys, self._clock = expected, keys, clock

    @property
    def provider(self) -> str:
        """See the port."""
        return self._expected.provider

    async def verify(self, credential: str) -> Identity:
        """See the port."""
        header = _header(credential)
        key = await self._keys.find(header.kid)
        if key is None:
            raise Refused(Reason.UNKNOWN_KEY)
        if header.crit is not msgspec.UNSET:  # extensions that must be understood: none is
            raise Refused(Reason.BAD_SIGNATURE)
        payload = _signed(credential, key.public_key)
        try:
            claims = msgspec.json.decode(payload)
        except _UNREADABLE as error:
            raise Refused(Reason.BAD_CLAIMS) from error
        return identity_of(claims, self._expected, self._clock())

    async def ready(self) -> bool:
        """See the port."""
        return await self._keys.loaded()

    def keys(self) -> KeysState:
        """See the port."""
        return self._keys.state()

    async def close(self) -> None:
        """See the port."""
        await self._keys.close()


def google_verifier(client_id: str, hosted_domain: str, clock: Callable[[], datetime]) -> TokenVerifier:
    """The verifier of Google's tokens for one client id. Fetches nothing before the first token."""
    expected = Expected(
        provider=PROVIDER,
        issuers=frozenset({ISSUER, "accounts.google.com"}),
        audience=client_id,
        hosted_domain=hosted_domain,
    )
    return TokenVerifier(expected, KeySet(ISSUER, DISCOVERY, httpx.AsyncClient(), time.monotonic), clock)


class _Header(msgspec.Struct):
    alg: str = ""
    kid: str = ""
    crit: Any = msgspec.UNSET


_decode_header = msgspec.json.Decoder(_Header).decode


def _header(credential: str) -> _Header:
    """A token's header, which asks for nothing but RS256."""
    if not _SEGMENTS.fullmatch(credential):
        raise Refused(Reason.MALFORMED)
    try:
        header = _decode_header(_base64(credential.partition(".")[0]))
    except _UNREADABLE as error:
        raise Refused(Reason.MALFORMED) from error
    if header.alg != "RS256":
        raise Refused(Reason.BAD_ALGORITHM)
    return header


def _signed(credential: str, key: RSAPublicKey) -> bytes:
    """The payload that a token's signature is for (RFC 7515 section 5.2)."""
    signing_input, _, signature = credential.rpartition(".")
    try:
        key.verify(_base64(signature), signing_input.encode(), _PADDING, _HASH)
        return _base64(signing_input.partition(".")[2])
    except (InvalidSignature, ValueError) as error:
        raise Refused(Reason.BAD_SIGNATURE) from error


def _base64(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def identity_of(claims: Any, expected: Expected, now: datetime) -> Identity:
    """The identity in the claims of a token whose signature holds. Raises Refused; the first reason wins."""
    if not isinstance(claims, dict):
        raise Refused(Reason.BAD_CLAIMS)
    issuer = claims.get("iss")
    if not isinstance(issuer, str | None):
        raise Refused(Reason.BAD_CLAIMS)
    if issuer not in expected.issuers:
        raise Refused(Reason.WRONG_ISSUER)
    if claims.get("aud") != expected.audience:
        raise Refused(Reason.WRONG_AUDIENCE)
    issued, expires = _moment(claims.get("iat")), _moment(claims.get("exp"))
    if now.timestamp() >= expires + SKEW_S:
        raise Refused(Reason.EXPIRED)
    if issued > now.timestamp() + SKEW_S:
        raise Refused(Reason.FROM_THE_FUTURE)
    user_id = _text(claims.get("sub"))
    if user_id is None or len(user_id) > 255:
        raise Refused(Reason.BAD_CLAIMS)
    hosted_domain = _text(claims.get("hd"))
    if expected.hosted_domain and (hosted_domain or "").lower() != expected.hosted_domain.lower():
        raise Refused(Reason.WRONG_DOMAIN)
    email = _text(claims.get("email"))
    if email is None or not is_email(email):
        raise Refused(Reason.BAD_EMAIL)
    username = _text(claims.get("name")) or email.partition("@")[0]
    picture = _text(claims.get("picture")) or ""
    verified = claims.get("email_verified")
    return Identity(
        provider=expected.provider,
        user_id=user_id,
        username=username,
        email=email,
        email_verified=verified if isinstance(verified, bool) else None,
        picture=picture if picture.startswith(expected.pictures) else initials_avatar(username, user_id),
        hosted_domain=hosted_domain,
        locale=_text(claims.get("locale")),
        nonce=_text(claims.get("nonce")),
        issued_at=datetime.fromtimestamp(issued, UTC),
        expires_at=datetime.fromtimestamp(expires, UTC),
    )


def _moment(value: Any) -> float:
    """Seconds since 1970 as a token states them, in the range that a calendar has."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise Refused(Reason.BAD_CLAIMS)
    return value


def _text(value: Any) -> str | None:
    """A string with something in it, without the blanks around; None for everything else."""
    return (value.strip() or None) if isinstance(value, str) else None
