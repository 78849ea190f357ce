"""A provider's public keys: found by OpenID discovery, kept by Cache-Control, and through an outage."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from loginlake.errors import Unavailable
from loginlake.web.identity import KeysState

logger = logging.getLogger(__name__)

_TIMEOUT_S = 3.0
_WHOLE_S = 5.0
_LARGEST = 256 * 1024
_LIFE_S = (60.0, 3600.0, 86400.0)  # shortest, when nothing is said, longest
_PAUSE_S = 30.0  # between two fetches that unknown key ids ask for
_FAILED_PAUSE_S = 2.0


class KeySet:
    """The RSA keys of one issuer, by key id. One fetch at a time, whoever asks."""

    def __init__(
        self, issuer: str, discovery_url: str, client: httpx.AsyncClient, monotonic: Callable[[], float]
    ) -> None:
        """`client` is closed with this object; `monotonic` gives seconds."""
        self._issuer, self._url, self._client, self._now = issuer, discovery_url, client, monotonic
        self._keys: dict[str, RSAKey] = {}
        self._fresh_until = 0.0
        self._tried: float | None = None
        self._fetched: float | None = None
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> RSAKey | None:
        """The key of this id, or None when the issuer has none.

        Raises Unavailable when that cannot be known now: no keys yet, or an unknown id while the issuer is silent.
        """
        if not self._keys:
            await self._refresh(_FAILED_PAUSE_S)
        elif self._now() >= self._fresh_until and self._due(_FAILED_PAUSE_S):
            self._begin()
        if kid not in self._keys:
            await self._refresh(_PAUSE_S)
            if kid not in self._keys and self._failed:
                raise _unavailable()
        return self._keys.get(kid)

    async def loaded(self) -> bool:
        """Whether there are keys, after one bounded attempt to fetch them."""
        if not self._keys:
            await self._refresh(_FAILED_PAUSE_S)
        return bool(self._keys)

    def state(self) -> KeysState:
        """How old the keys are, and whether the last fetch failed."""
        return KeysState(None if self._fetched is None else self._now() - self._fetched, self._failed)

    async def close(self) -> None:
        """End a fetch under way and close the connections."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait({self._fetching})
        await self._client.aclose()

    def _due(self, pause_s: float) -> bool:
        pause = min(pause_s, _FAILED_PAUSE_S) if self._failed else pause_s
        return self._tried is None or self._now() - self._tried >= pause

    def _begin(self) -> asyncio.Task[None]:
        if self._fetching is None or self._fetching.done():
            self._tried = self._now()
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        return self._fetching

    async def _refresh(self, pause_s: float) -> None:
        under_way = self._fetching is not None and not self._fetching.done()
        if under_way or self._due(pause_s):
            # Shielded: a caller that goes away does not take the others' fetch with it.
            await asyncio.shield(self._begin())

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(_WHOLE_S):
                found, life_s = await self._download()
        except (httpx.HTTPError, TimeoutError, ValueError, TypeError, AttributeError, KeyError, JoseError) as error:
            self._failed = True
            logger.warning("signing keys not fetched", extra={"issuer": self._issuer, "cause": type(error).__name__})
            return
        self._keys, self._fresh_until, self._failed = found, self._now() + life_s, False
        self._fetched = self._now()
        logger.info("signing keys fetched", extra={"issuer": self._issuer, "keys": len(found)})

    async def _download(self) -> tuple[dict[str, RSAKey], float]:
        document = _json(await self._client.get(self._url, timeout=_TIMEOUT_S))
        if document["issuer"] != self._issuer:
            raise ValueError("discovery names another issuer")
        response = await self._client.get(document["jwks_uri"], timeout=_TIMEOUT_S)
        found = {
            key["kid"]: RSAKey.import_key({"kty": "RSA", "n": key["n"], "e": key["e"]})
            for key in _json(response)["keys"]
            if key.get("kty") == "RSA" and key.get("use", "sig") == "sig" and key.get("alg", "RS256") == "RS256"
        }
        if not found:
            raise ValueError("no RSA key to sign with")
        return found, _life_s(response.headers.get("cache-control", ""))


def _json(response: httpx.Response) -> dict[str, Any]:
    response.raise_for_status()
    if len(response.content) > _LARGEST:
        raise ValueError("too large")
    value = json.loads(response.content)
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _life_s(cache_control: str) -> float:
    shortest, usual, longest = _LIFE_S
    found = re.search(r"\bmax-age\s*=\s*(\d{1,9})", cache_control, re.IGNORECASE)
    return min(max(float(found[1]) if found else usual, shortest), longest)


def _unavailable() -> Unavailable:
    return Unavailable(
        "The provider's signing keys are out of reach.", "It did not answer in time.", "Try again in a moment."
    )
