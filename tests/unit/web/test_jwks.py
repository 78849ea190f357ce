"""Keys through rotation, outage and nonsense; the contract for any verifier is in tests/contract/test_identity.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fakes.issuer import Clock, FakeIssuer

from loginlake.errors import Unavailable
from loginlake.web.jwks import KeySet

pytestmark = pytest.mark.asyncio
JWKS = "/jwks"


async def idle(keys: KeySet) -> None:
    """Until the background fetch, if any, is over."""
    if keys._fetching is not None:
        await asyncio.wait({keys._fetching})


async def test_keys_are_fetched_once_and_kept() -> None:
    issuer = FakeIssuer(Clock())
    keys = issuer.keys()
    found = await asyncio.gather(*(keys.find("one") for _ in range(20)))
    assert all(found)
    assert issuer.fetches[JWKS] == 1
    await keys.close()


async def test_stale_keys_are_refreshed_in_the_background() -> None:
    issuer = FakeIssuer(Clock(), cache_control="max-age=600")
    keys = issuer.keys()
    await keys.find("one")
    issuer.clock.pass_s(599)
    await keys.find("one")
    await idle(keys)
    assert issuer.fetches[JWKS] == 1
    issuer.clock.pass_s(1)
    assert await keys.find("one")
    await idle(keys)
    assert issuer.fetches[JWKS] == 2
    await keys.close()


@pytest.mark.parametrize(
    ("header", "life_s"),
    [("max-age=0", 60), ("no-store", 3600), ("", 3600), ("public, MAX-AGE = 120", 120), ("max-age=999999999", 86400)],
)
async def test_how_long_keys_are_fresh(header: str, life_s: int) -> None:
    issuer = FakeIssuer(Clock(), cache_control=header)
    keys = issuer.keys()
    await keys.find("one")
    for passed, fetches in ((life_s - 1, 1), (1, 2)):
        issuer.clock.pass_s(passed)
        await keys.find("one")
        await idle(keys)
        assert issuer.fetches[JWKS] == fetches
    await keys.close()


async def test_a_rotated_key_is_found_at_once() -> None:
    issuer = FakeIssuer(Clock())
    keys = issuer.keys()
    await keys.find("one")
    issuer.published = ["two"]
    issuer.clock.pass_s(31)
    assert await keys.find("two")
    assert await keys.find("one") is None
    await keys.close()


async def test_unknown_key_ids_do_not_make_us_hammer_the_issuer() -> None:
    issuer = FakeIssuer(Clock())
    keys = issuer.keys()
    for number in range(50):
        assert await keys.find(f"forged-{number}") is None
    assert issuer.fetches[JWKS] == 1
    issuer.clock.pass_s(30)
    for number in range(50):
        assert await keys.find(f"forged-{number}") is None
    assert issuer.fetches[JWKS] == 2
    await keys.close()


async def test_the_last_good_keys_outlive_an_outage() -> None:
    issuer = FakeIssuer(Clock())
    keys = issuer.keys()
    await keys.find("one")
    issuer.fail_next(1000)
    for _ in range(48):
        issuer.clock.pass_s(3600)
        assert await keys.find("one")
        await idle(keys)
    with pytest.raises(Unavailable):
        await keys.find("two")
    issuer.failing = 0
    issuer.published = ["one", "two"]
    issuer.clock.pass_s(2)
    assert await keys.find("two")
    await keys.close()


def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


FAILURES: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "500": lambda _: httpx.Response(500),
    "refused": refuse,
    "not JSON": lambda _: httpx.Response(200, text="<html>"),
    "a list": lambda _: httpx.Response(200, json=[]),
    "too large": lambda _: httpx.Response(200, text='"' + "x" * 300_000 + '"'),
    "a redirect": lambda _: httpx.Response(302, headers={"Location": "https://evil.example"}),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_no_keys_at_first_is_unavailable_and_heals(name: str) -> None:
    issuer = FakeIssuer(Clock())
    keys = issuer.keys()
    issuer.fail_next(1, FAILURES[name])
    with pytest.raises(Unavailable):
        await keys.find("one")
    with pytest.raises(Unavailable):
        await keys.find("one")
    assert sum(issuer.fetches.values()) == 1
    issuer.clock.pass_s(2)
    assert await keys.find("one")
    await keys.close()


@pytest.mark.parametrize(
    "document", [{"issuer": "https://evil.example", "jwks_uri": "https://issuer.example/jwks"}, {}, {"issuer": 1}]
)
async def test_a_wrong_discovery_document(document: Any) -> None:
    issuer = FakeIssuer(Clock())
    issuer.discovery = document
    keys = issuer.keys()
    with pytest.raises(Unavailable):
        await keys.find("one")
    await keys.close()


@pytest.mark.parametrize(
    "jwks",
    [
        {"keys": "x"},
        {"keys": [1]},
        {"keys": []},
        {"keys": [{"kty": "RSA", "kid": "one"}]},
        {"keys": [{"kty": "oct", "kid": "one", "k": "AAAA"}]},
        {"keys": [{"kty": "RSA", "kid": "one", "n": "AQAB", "e": "AQAB", "use": "enc"}]},
        {"keys": [{"kty": "RSA", "kid": "one", "n": "!", "e": []}]},
    ],
)
async def test_a_wrong_key_set(jwks: Any) -> None:
    issuer = FakeIssuer(Clock())
    issuer.jwks = jwks
    keys = issuer.keys()
    with pytest.raises(Unavailable):
        await keys.find("one")
    await keys.close()
