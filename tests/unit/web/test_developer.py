"""The developer provider end to end: script, discovery, keys, token, sign-in; one key for two workers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from fakes.web_site import Browser, Site

from loginlake.errors import Misconfigured
from loginlake.web.developer import PEOPLE, VIEWER, MadeUp
from loginlake.web.pages import STATIC

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path, developer=True)
    yield made
    await made.close()


async def choose(browser: Browser, person: str) -> str:
    answer = await browser.post("/dev/token", json={"person": person, "nonce": await browser.nonce()})
    credential: str = answer.json()["credential"]
    return credential


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.email)
async def test_everybody_can_sign_in(own: Site, person: MadeUp) -> None:
    async with own.browser() as browser:
        answer = (await browser.sign_in(await choose(browser, person.user_id))).json()
        assert answer["person"]["email"] == person.email
        assert answer["person"]["name"] == (person.name or person.email.partition("@")[0])
        assert answer["dashboard"] == ("/dashboard/" if person.email == VIEWER else None)
        data = own.log.signins()[0]["data"]
        assert data["provider"] == "developer"
        if person.photo:
            assert (STATIC / "people" / person.photo).is_file()
            assert data["picture"] == f"http://localhost:8000/static/people/{person.photo}"
        else:
            assert data["picture"].startswith("data:image/svg+xml,")


async def test_two_workers_use_one_key(tmp_path: Path) -> None:
    one, two = Site(tmp_path, developer=True), Site(tmp_path, developer=True)
    async with one.browser() as here, two.browser() as there:
        assert (await here.get("/dev/jwks")).json() == (await there.get("/dev/jwks")).json()
        credential = await choose(here, "1001")
        there.cookies = here.cookies
        assert (await there.sign_in(credential)).status_code == 200
    await one.close()
    await two.close()


async def test_discovery_and_keys_show_no_private_part(own: Site) -> None:
    async with own.browser() as browser:
        document = (await browser.get("/dev/.well-known/openid-configuration")).json()
        assert document["jwks_uri"] == "http://localhost:8000/dev/jwks"
        (key,) = (await browser.get("/dev/jwks")).json()["keys"]
        assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}


async def test_the_script_has_the_words_and_the_people(own: Site) -> None:
    async with own.browser() as browser:
        for language, words in (("es", "Iniciar sesión con Google"), ("en", "Sign in with Google")):
            script = (await browser.get(f"/dev/gsi/client?hl={language}")).text
            values = json.loads(script.partition(" = ")[2].partition(";\n")[0])
            assert values["texts"]["signin_with"] == words
            assert len(values["people"]) == len(PEOPLE)


async def test_the_page_says_developer_mode(own: Site) -> None:
    async with own.browser() as browser:
        assert "modo de desarrollo" in (await browser.get("/")).text
        assert "developer mode" in (await browser.get("/?lang=en")).text


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"person":"nobody"}', {}, 400),
        (b"[]", {}, 400),
        (b"\xff", {}, 400),
        (b'{"person":"1001"}', {"Origin": "https://evil.example"}, 403),
        (b'{"person":"1001"}', {"Content-Type": "text/plain"}, 415),
        (b"x" * 5000, {}, 413),
    ],
)
async def test_a_bad_wish(own: Site, body: bytes, headers: dict[str, str], status: int) -> None:
    async with own.browser() as browser:
        sent = {"Content-Type": "application/json"} | headers
        assert (await browser.post("/dev/token", content=body, headers=sent)).status_code == status


async def test_it_does_not_serve_a_public_origin(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        Site(tmp_path, developer=True, origin="https://login.example")
    with pytest.raises(Misconfigured):
        Site(tmp_path, developer=True, origin="http://localhost.evil.example")
