"""A sign-in that goes well, its retries, and what happens when something behind does not answer."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest
from fakes.issuer import Clock
from fakes.web_site import AGENT, PATIENT, VIEWER, Browser, HeldLog, Site

from loginlake.errors import Overloaded, TooLarge
from loginlake.event import token_event_id
from loginlake.web.context import Limits

pytestmark = pytest.mark.asyncio


async def test_a_signin_is_one_event_with_the_verified_person(site: Site, browser: Browser) -> None:
    site.clock.pass_s(0.25)
    credential = await browser.credential(hd="example.com", locale="es")
    answer = await browser.sign_in(credential)
    assert answer.status_code == 200
    assert answer.json() == {
        "event_id": token_event_id(credential),
        "time": "2026-11-24T12:00:00.000000Z",
        "received": "2026-11-24T12:00:00.250000Z",
        "person": {
            "name": "Lucía Ferrer",
            "email": "lucia@example.com",
            "picture": "https://lh3.googleusercontent.com/a/photo",
        },
        "avatar": answer.json()["avatar"],
        "dashboard": None,
    }
    (event,) = site.log.events()
    assert event == {
        "specversion": "1.0",
        "type": "loginlake.signin.v1",
        "datacontenttype": "application/json",
        "id": token_event_id(credential),
        "source": "https://app.example",
        "subject": "google|110169484474386276334",
        "time": "2026-11-24T12:00:00.000000Z",
        "received": "2026-11-24T12:00:00.250000Z",
        "data": {
            "provider": "google",
            "user_id": "110169484474386276334",
            "username": "Lucía Ferrer",
            "email": "lucia@example.com",
            "email_verified": True,
            "picture": "https://lh3.googleusercontent.com/a/photo",
            "hosted_domain": "example.com",
            "method": "btn",
            "locale": "es",
            "user_agent": AGENT,
            "ip": "203.0.113.0",
        },
    }
    (record,) = [record for rows in site.log.records for record in rows if record]
    assert record.key == b"google|110169484474386276334"
    assert site.counters() == {"answered": 1}


async def test_me_knows_the_person_and_the_viewer(site: Site, browser: Browser) -> None:
    assert (await browser.get("/api/me")).status_code == 401
    await browser.sign_in(await browser.credential(email=VIEWER))
    assert (await browser.get("/api/me")).json()["dashboard"] == "/dashboard/"
    await browser.sign_in(await browser.credential(email=VIEWER, email_verified=False))
    assert (await browser.get("/api/me")).json()["dashboard"] is None


async def test_a_retry_gets_the_same_answer_and_makes_no_second_event(site: Site, browser: Browser) -> None:
    credential = await browser.credential()
    first = await browser.sign_in(credential)
    cookie = browser.cookies["ll_session"]
    site.clock.pass_s(3500)
    second = await browser.sign_in(credential)
    assert (second.status_code, second.json()) == (200, first.json())
    assert browser.cookies["ll_session"] == cookie
    assert len(site.log.events()) == 1
    assert site.counters() == {"answered": 1, "answered_again": 1}


async def test_a_retry_outlives_its_nonce_but_not_its_token(site: Site, browser: Browser) -> None:
    nonce = await browser.nonce()
    site.clock.pass_s(1800)
    credential = site.issuer.token(nonce=nonce)
    assert (await browser.sign_in(credential)).status_code == 200
    site.clock.pass_s(3000)
    assert (await browser.sign_in(credential)).status_code == 200
    site.clock.pass_s(700)
    late = await browser.sign_in(credential)
    assert (late.status_code, late.json()["reason"]) == (401, "expired")


async def test_two_at_once_are_one_event_and_one_answer(site: Site, browser: Browser) -> None:
    credential = await browser.credential()
    site.log.holding = True
    both = [asyncio.create_task(browser.sign_in(credential)) for _ in range(2)]
    await site.log.arrived.wait()
    site.log.let_go()
    one, two = await asyncio.gather(*both)
    assert one.json() == two.json()
    assert len(site.log.events()) == 1
    assert site.counters() == {"answered": 1, "answered_again": 1}


async def test_two_workers_share_nonces_and_sessions(tmp_path: Path) -> None:
    clock, log = Clock(), HeldLog()
    one, two = (Site(tmp_path, clock=clock, log=log) for _ in range(2))
    async with one.browser() as here, two.browser() as there:
        credential = await here.credential()
        there.cookies = here.cookies
        first = await here.sign_in(credential)
        there.cookies = here.cookies
        second = await there.sign_in(credential)
        assert first.json() == second.json()
        assert (await there.get("/api/me")).json()["event_id"] == token_event_id(credential)
        assert len(log.events()) == 1
        replayed = await there.sign_in(await here.credential(nonce=_nonce_of(credential), name="Otra"))
        assert replayed.json()["reason"] == "replayed_nonce"
    await one.close()
    await two.close()


async def test_used_nonces_and_sessions_survive_a_restart(tmp_path: Path) -> None:
    clock, log = Clock(), HeldLog()
    before = Site(tmp_path, clock=clock, log=log)
    async with before.browser() as browser:
        credential = await browser.credential()
        first = await browser.sign_in(credential)
        cookies = browser.cookies
    await before.close()
    after = Site(tmp_path, clock=clock, log=log)
    async with after.browser() as browser:
        browser.cookies = cookies
        assert (await browser.get("/api/me")).json() == first.json()
        assert (await browser.sign_in(credential)).json() == first.json()
        other = await browser.sign_in(after.issuer.token(nonce=_nonce_of(credential), jti="another"))
        assert other.json()["reason"] == "replayed_nonce"
    assert len(log.signins()) == 1
    await after.close()


async def test_the_session_is_new_at_each_signin_and_the_old_one_ends(site: Site, browser: Browser) -> None:
    browser.cookies.set("ll_session", "chosen-by-somebody-else", domain="localhost.local")
    await browser.sign_in(await browser.credential())
    first = browser.cookies.get("ll_session", domain="localhost.local")
    assert first not in {None, "chosen-by-somebody-else"}
    site.clock.pass_s(1)
    await browser.sign_in(await browser.credential())
    assert browser.cookies["ll_session"] != first
    async with site.browser() as thief:
        answer = await thief.get("/api/me", headers={"Cookie": f"ll_session={first}"})
        assert answer.status_code == 401


async def test_signing_out_ends_the_session_everywhere(site: Site, browser: Browser) -> None:
    await browser.sign_in(await browser.credential())
    cookie = browser.cookies["ll_session"]
    answer = await browser.post("/api/signout")
    assert answer.status_code == 204
    assert "ll_session" not in browser.cookies
    assert (await browser.get("/api/me", headers={"Cookie": f"ll_session={cookie}"})).status_code == 401


async def test_a_session_ends_by_itself(site: Site, browser: Browser) -> None:
    await browser.sign_in(await browser.credential())
    site.clock.pass_s(12 * 3600 + 1)
    assert (await browser.get("/api/me")).status_code == 401


@pytest.mark.parametrize("after", [False, True])
async def test_no_2xx_before_the_event_is_durable(site: Site, browser: Browser, after: bool) -> None:
    site.log.fail_next("send", after=after)
    credential = await browser.credential()
    failed = await browser.sign_in(credential)
    assert (failed.status_code, failed.headers["Retry-After"]) == (503, "2")
    assert "ll_session" not in browser.cookies
    again = await browser.sign_in(credential)
    assert again.json()["event_id"] == token_event_id(credential)
    # Done and not known to be done: the second record carries the same id, so that clean calls it a repeat.
    assert [event["id"] for event in site.log.events()] == [token_event_id(credential)] * (2 if after else 1)
    assert site.counters() == {"answered": 1, "unavailable": 1}


async def test_a_full_log_and_a_too_large_event(site: Site, browser: Browser) -> None:
    site.log.fail_next("send", error=Overloaded("full"))
    assert (await browser.sign_in(await browser.credential())).status_code == 503
    site.log.fail_next("send", error=TooLarge("too large"))
    assert (await browser.sign_in(await browser.credential())).status_code == 413


async def test_a_log_that_never_answers_is_a_503_in_bounded_time(tmp_path: Path) -> None:
    site = Site(tmp_path, limits=Limits(send_s=0.05))
    site.log.holding = True
    async with site.browser() as browser:
        credential = await browser.credential()
        answer = await browser.sign_in(credential)
        assert answer.status_code == 503
        site.log.let_go()
        while answer.status_code == 503:  # a busy machine may not do it in that time either
            site.clock.pass_s(1)  # a claim that could not be released in time ends with its lease
            answer = await browser.sign_in(credential)
        assert answer.status_code == 200
        assert len({event["id"] for event in site.log.signins()}) == 1
    await site.close()


async def test_a_claim_whose_holder_died_is_free_after_its_lease(tmp_path: Path) -> None:
    clock, log = Clock(), HeldLog()
    site = Site(tmp_path, clock=clock, log=log)
    hasty = Site(tmp_path, clock=clock, log=log, limits=Limits(send_s=0.2))
    async with site.browser() as browser, hasty.browser() as other:
        credential = await browser.credential()
        other.cookies = browser.cookies
        log.holding = True
        dying = asyncio.create_task(browser.sign_in(credential))
        await log.arrived.wait()
        dying.cancel()
        await asyncio.wait({dying})
        log.let_go()
        assert (await other.sign_in(credential)).status_code == 503
        clock.pass_s(2 * PATIENT.send_s)
        assert (await browser.sign_in(credential)).status_code == 200
    await site.close()
    await hasty.close()


@pytest.mark.parametrize(
    ("method", "kept"), [("btn_confirm", "btn_confirm"), (None, None), ("<b>", None), ("x" * 41, None), ("", None)]
)
async def test_only_a_plausible_method_is_kept(
    site: Site, browser: Browser, method: str | None, kept: str | None
) -> None:
    await browser.sign_in(await browser.credential(), method)
    assert site.log.events()[0]["data"]["method"] == kept


async def test_nothing_personal_in_the_log_lines(
    site: Site, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        credential = await browser.credential()
        await browser.sign_in(credential)
        await browser.sign_in(await browser.credential(aud="other"))
        site.log.fail_next("send")
        await browser.sign_in(await browser.credential())
    clocks = {"created", "msecs", "relativeCreated", "thread", "process"}  # their digits may be any, a user id's too
    told = [record for record in caplog.records if record.name.startswith("loginlake")]
    ours = [f"{record.getMessage()} { {k: v for k, v in vars(record).items() if k not in clocks} }" for record in told]
    assert ours
    for line in ours:
        assert not any(word in line for word in (credential, "lucia", "Lucía", "203.0.113.77", "110169"))


def _nonce_of(credential: str) -> str:
    payload = credential.split(".")[1]
    nonce: str = json.loads(base64.urlsafe_b64decode(payload + "=="))["nonce"]
    return nonce
