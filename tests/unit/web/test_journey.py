"""Only one's own event, only in its session; each step with its JSON."""

from __future__ import annotations

import pytest
from fakes.web_site import Browser, Site

from loginlake.errors import Unavailable

pytestmark = pytest.mark.asyncio


async def test_nobody_without_a_session(browser: Browser) -> None:
    for path in ("/api/journey", "/api/journey/gold"):
        assert (await browser.get(path)).status_code == 401


async def test_the_steps_of_ones_own_event(site: Site, browser: Browser) -> None:
    signed = (await browser.sign_in(await browser.credential())).json()
    seen = (await browser.get("/api/journey")).json()
    assert seen["event_id"] == signed["event_id"]
    assert [(step["name"], step["done"]) for step in seen["steps"]] == [
        ("web", True),
        ("topic", True),
        ("bronze", False),
        ("silver", False),
        ("gold", False),
    ]
    assert seen["steps"][0]["at"] == signed["received"]
    assert seen["steps"][1]["place"] == "topic/place"
    assert seen["steps"][4] == {"name": "gold", "done": False, "at": None, "place": None}
    ((record,),) = [rows for rows in site.log.records if rows]
    assert record is not None
    assert site.trace.asked == [
        ("google", "110169484474386276334", signed["event_id"], signed["time"], record.partition, record.offset)
    ]


async def test_the_json_behind_a_step(site: Site, browser: Browser) -> None:
    await browser.sign_in(await browser.credential())
    assert (await browser.get("/api/journey/web")).json() == site.log.events()[0]
    assert (await browser.get("/api/journey/topic")).json() == {"stage": "topic"}
    assert (await browser.get("/api/journey/gold")).status_code == 404
    assert (await browser.get("/api/journey/nothing")).status_code == 404
    site.trace.reached.append("gold")
    assert (await browser.get("/api/journey/gold")).json() == {"stage": "gold"}


async def test_a_tab_of_an_earlier_sign_in_is_told(browser: Browser) -> None:
    first = (await browser.sign_in(await browser.credential())).json()["event_id"]
    assert (await browser.get("/api/journey/web", params={"event": first})).json()["id"] == first
    second = (await browser.sign_in(await browser.credential(sub="2", email="b@example.com"))).json()["event_id"]
    answer = await browser.get("/api/journey/web", params={"event": first})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:loginlake:problem:conflict")
    assert "b@example.com" not in answer.text
    assert (await browser.get("/api/journey/web", params={"event": second})).json()["id"] == second
    assert (await browser.get("/api/journey")).json()["event_id"] == second


async def test_another_person_sees_their_own(site: Site, browser: Browser) -> None:
    await browser.sign_in(await browser.credential())
    async with site.browser() as other:
        mine = await other.sign_in(await other.credential(sub="2", email="b@example.com"))
        seen = (await other.get("/api/journey/web")).json()
        assert seen["id"] == mine.json()["event_id"]
        assert seen["data"]["email"] == "b@example.com"


async def test_a_stage_that_does_not_answer(site: Site, browser: Browser) -> None:
    await browser.sign_in(await browser.credential())
    site.trace.error = Unavailable("The lake is away.")
    answer = await browser.get("/api/journey")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


async def test_after_signing_out_nothing_is_shown(browser: Browser) -> None:
    await browser.sign_in(await browser.credential())
    await browser.post("/api/signout")
    assert (await browser.get("/api/journey")).status_code == 401
