"""The developer identity provider: made-up people, real RS256 ID tokens, a real discovery document and JWKS.

It speaks Google Identity Services' JavaScript interface, so the page cannot tell the two apart, and its tokens go
through the very verifier that checks Google's. It exists only in developer mode.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import msgspec
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from joserfc import jwt
from joserfc.jwk import RSAKey

from loginlake.web.avatar import initials_avatar
from loginlake.web.context import Person
from loginlake.web.google import Expected, TokenVerifier
from loginlake.web.jwks import KeySet
from loginlake.web.pages import STATIC, static_url
from loginlake.web.problems import Answer, Problem
from loginlake.web.security import UNREADABLE, allowed_origins, check_content_type, check_origin, read_body
from loginlake.web.state import WebState
from loginlake.web.texts import CATALOGUES, language_of

PROVIDER = "developer"
CLIENT_ID = "loginlake-developer"
VIEWER = "valeria.quiroga@example.com"
_TOKEN_S = 3600
_KEY = "developer_signing_key"


class MadeUp(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who does not exist. `hint` ends the name of a text that the chooser shows."""

    user_id: str
    email: str
    name: str | None = None
    photo: str | None = None
    hosted_domain: str | None = None
    hint: str = "plain"


PEOPLE = (
    MadeUp(user_id="1001", email="lucia.ferrer@example.com", name="Lucía Ferrer", photo="lucia.svg"),
    MadeUp(user_id="1002", email=VIEWER, name="Valeria Quiroga", photo="valeria.svg", hint="viewer"),
    MadeUp(user_id="1003", email="marcos.ibanez@example.com", name="Marcos Ibáñez", hint="no_photo"),
    MadeUp(user_id="1004", email="n.duarte@example.com", photo="noa.svg", hint="no_name"),
    MadeUp(
        user_id="1005",
        email="layla@example.org",
        name="ليلى حداد",
        photo="layla.svg",
        hosted_domain="example.org",
        hint="domain",
    ),
)
_BY_ID = {person.user_id: person for person in PEOPLE}


class _Wish(msgspec.Struct):
    person: str
    nonce: str | None = None


_wish = msgspec.json.Decoder(_Wish).decode


class DeveloperProvider:
    """One provider for all workers: its key is kept in the shared state."""

    def __init__(self, origin: str, state: WebState, clock: Callable[[], datetime]) -> None:
        self.issuer = f"{origin}/dev"
        self._origin, self._state, self._clock = origin, state, clock
        self._key: RSAKey | None = None

    def verifier(self) -> TokenVerifier:
        """The verifier of its tokens. It reads discovery and keys by HTTP, within this process."""
        provider = FastAPI(openapi_url=None)
        provider.include_router(self.routes())
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=provider), trust_env=False)
        keys = KeySet(self.issuer, f"{self.issuer}/.well-known/openid-configuration", client, time.monotonic)
        expected = Expected(
            provider=PROVIDER,
            issuers=frozenset({self.issuer}),
            audience=CLIENT_ID,
            pictures=("https://", f"{self._origin}/static/people/"),
        )
        return TokenVerifier(expected, keys, self._clock)

    def may_see_dashboard(self, person: Person) -> bool:
        """Whether this is the made-up viewer."""
        return person.provider == PROVIDER and person.email == VIEWER

    def token(self, person: MadeUp, nonce: str | None) -> str:
        """An ID token as Google makes them."""
        now = int(self._clock().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "azp": CLIENT_ID,
            "aud": CLIENT_ID,
            "sub": person.user_id,
            "email": person.email,
            "email_verified": True,
            "nbf": now,
            "iat": now,
            "exp": now + _TOKEN_S,
            "jti": uuid.uuid4().hex,
        }
        optional = {
            "nonce": nonce,
            "name": person.name,
            "picture": f"{self._origin}/static/people/{person.photo}" if person.photo else None,
            "hd": person.hosted_domain,
        }
        claims |= {name: value for name, value in optional.items() if value is not None}
        key = self._signing_key()
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": key.kid}, claims, key)

    def routes(self) -> APIRouter:
        """Script, discovery, keys and token: what a provider serves."""
        router = APIRouter(prefix="/dev")
        router.add_api_route("/gsi/client", self._script, methods=["GET"])
        router.add_api_route("/.well-known/openid-configuration", self._discovery, methods=["GET"])
        router.add_api_route("/jwks", self._jwks, methods=["GET"])
        router.add_api_route("/token", self._token, methods=["POST"])
        return router

    async def _script(self, request: Request) -> Response:
        language = language_of(request.query_params.get("hl"), None)
        texts = {
            name.removeprefix("gsi."): text for name, text in CATALOGUES[language].items() if name.startswith("gsi.")
        }
        values = {"texts": texts, "people": [_card(person) for person in PEOPLE], "style": static_url("developer.css")}
        values["logo"] = static_url("logo.svg")
        script = (STATIC / "developer.js").read_bytes()
        prefix = b"window.loginlakeDeveloper = " + msgspec.json.encode(values) + b";\n"
        return Response(prefix + script, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    async def _discovery(self) -> Response:
        document = {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return JSONResponse(document, headers={"Cache-Control": "public, max-age=3600"})

    async def _jwks(self) -> Response:
        key = self._signing_key()
        public = key.as_dict(private=False) | {"kid": key.kid, "use": "sig", "alg": "RS256"}
        return JSONResponse({"keys": [public]}, headers={"Cache-Control": "public, max-age=3600"})

    async def _token(self, request: Request) -> Response:
        check_origin(request, allowed_origins(self._origin))
        check_content_type(request, "application/json")
        try:
            wish = _wish(await read_body(request, 4096))
            person = _BY_ID[wish.person]
        except (*UNREADABLE, KeyError) as error:
            raise Answer(Problem.BAD_REQUEST) from error
        return JSONResponse({"credential": self.token(person, wish.nonce)}, headers={"Cache-Control": "no-store"})

    def _signing_key(self) -> RSAKey:
        if self._key is None:
            pem = self._state.keep(_KEY, lambda: RSAKey.generate_key(2048).as_pem(private=True))
            key = RSAKey.import_key(pem)
            self._key = RSAKey.import_key(pem, {"kid": key.thumbprint()})
        return self._key


def _card(person: MadeUp) -> dict[str, str]:
    name = person.name or person.email
    photo = f"/static/people/{person.photo}" if person.photo else initials_avatar(name, person.user_id)
    return {
        "id": person.user_id,
        "name": person.name or "",
        "email": person.email,
        "photo": photo,
        "hint": person.hint,
    }
