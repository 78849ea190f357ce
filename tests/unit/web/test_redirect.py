"""The form that the provider's library posts: double-submitted token, then the same way as the AJAX sign-in."""

from __future__ import annotations

import httpx
import pytest
from fakes.web_site import Browser, Site

pytestmark = pytest.mark.asyncio
GOOGLE = {"Origin": "https://accounts.google.com", "Accept": "text/html"}


async def post(browser: Browser, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
    browser.cookies.set("g_csrf_token", "twice", domain="localhost.local")
    form = {"g_csrf_token": "twice", "select_by": "btn"} | fields
    return await browser.post("/signin/redirect", data=form, headers=headers or GOOGLE)


@pytest.mark.parametrize("origin", ["https://accounts.google.com", "null", "http://localhost:8000"])
async def test_a_good_form_leads_to_the_page(site: Site, browser: Browser, origin: str) -> None:
    answer = await post(browser, {"Origin": origin}, credential=await browser.credential())
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert len(site.log.signins()) == 1
    assert (await browser.get("/api/me")).status_code == 200


async def test_a_form_sent_twice_is_one_signin(site: Site, browser: Browser) -> None:
    credential = await browser.credential()
    for _ in range(2):
        assert (await post(browser, credential=credential)).status_code == 303
    assert len(site.log.signins()) == 1


async def test_another_origin(browser: Browser) -> None:
    answer = await post(browser, {"Origin": "https://evil.example"}, credential=await browser.credential())
    assert answer.status_code == 403


@pytest.mark.parametrize("token", ["", "once", "twice "])
async def test_the_token_must_be_sent_twice(site: Site, browser: Browser, token: str) -> None:
    answer = await post(browser, credential=await browser.credential(), g_csrf_token=token)
    assert answer.status_code == 403
    assert site.log.events() == []


async def test_an_empty_cookie_and_an_empty_field_are_not_equal(browser: Browser) -> None:
    credential = await browser.credential()
    browser.cookies.set("g_csrf_token", "", domain="localhost.local")
    answer = await browser.post("/signin/redirect", data={"g_csrf_token": "", "credential": credential})
    assert answer.status_code == 403


async def test_no_credential(browser: Browser) -> None:
    assert (await post(browser)).status_code == 400


async def test_json_is_not_a_form(browser: Browser) -> None:
    assert (await browser.post("/signin/redirect", json={"credential": "x"})).status_code == 415


@pytest.mark.parametrize("body", [b"\xff=1", b"&".join(b"a=1" for _ in range(50))])
async def test_a_strange_form(browser: Browser, body: bytes) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.post("/signin/redirect", content=body, headers=GOOGLE | kind)).status_code == 400


async def test_the_nonce_is_checked_here_too(site: Site, browser: Browser) -> None:
    async with site.browser() as other:
        foreign = await other.credential()
    await browser.nonce()
    answer = await post(browser, credential=foreign)
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert [event["data"]["reason"] for event in site.log.refusals()] == ["foreign_nonce"]
