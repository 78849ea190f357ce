"""The page's script and the developer's chooser in a real browser: hasty hands, two tabs, systems that are away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from end_to_end.shots import Look, Watch, chromium, faults_of, visitor
from fakes.sites import serving
from fakes.web_site import Site
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, Request, Route, expect

from loginlake.web.journey import STEPS
from loginlake.web.texts import CATALOGUES

pytestmark = pytest.mark.browser
USUAL = Look(1280, "light", "es")
TEXTS = CATALOGUES["es"]


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Site]:
    """A site of its own for each test, in developer mode."""
    made: list[Site] = []

    def make(origin: str) -> FastAPI:
        made.append(Site(tmp_path, developer=True, origin=origin))
        return made[0].app

    with serving(make):
        yield made[0]
    made[0].state.close()


@pytest.fixture
def seen(chrome: Browser, served: Site) -> Iterator[tuple[Page, Watch]]:
    with visitor(chrome, served.origin, USUAL) as (page, watch):
        page.goto(served.origin)
        yield page, watch


def choose(page: Page, person: str = "1001") -> None:
    page.locator("#button button").click()
    page.locator(f'dialog [data-person="{person}"]').click()
    expect(page.locator("#in")).to_be_visible()


def test_a_double_click_on_the_button_leaves_the_chooser_open(seen: tuple[Page, Watch]) -> None:
    page, watch = seen
    page.locator("#button button").dblclick()
    expect(page.locator("dialog")).to_have_count(1)
    expect(page.locator("dialog li button").first).to_be_enabled()
    page.mouse.click(5, 5)
    expect(page.locator("dialog")).to_have_count(0)
    assert watch.faults == []


def test_a_double_click_on_a_person_is_one_sign_in(served: Site, seen: tuple[Page, Watch]) -> None:
    page, watch = seen
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#button button").click()
    page.evaluate("""() => { const one = document.querySelector("dialog li button"); one.click(); one.click(); }""")
    expect(page.locator("#in")).to_be_visible()
    assert len([url for url in asked if url.endswith("/dev/token")]) == 1
    assert served.counters() == {"answered": 1}
    assert watch.faults == []


def test_a_token_that_fails_can_be_asked_for_again(seen: tuple[Page, Watch]) -> None:
    page, watch = seen
    watch.expected.append("503")
    page.route("**/dev/token", lambda route: route.fulfill(status=503), times=1)
    page.locator("#button button").click()
    person = page.locator('dialog [data-person="1001"]')
    person.click()
    expect(page.locator(".gsi-failed")).to_have_text(TEXTS["gsi.failed"])
    expect(person).to_be_enabled()
    person.press("Enter")
    expect(page.locator("#in")).to_be_visible()


def test_a_proxys_page_in_place_of_an_answer(seen: tuple[Page, Watch]) -> None:
    page, watch = seen
    watch.expected.append("502")

    def bad_gateway(route: Route) -> None:
        headers = {"Content-Type": "text/html", "Retry-After": "0.01"}
        route.fulfill(status=502, headers=headers, body="<h1>Bad gateway</h1>")

    page.route("**/api/signin", bad_gateway, times=4)
    page.locator("#button button").click()
    page.locator('dialog [data-person="1001"]').click()
    expect(page.locator("#problem")).to_have_text(f"{TEXTS['unavailable.title']} {TEXTS['unavailable.detail']}")


@pytest.mark.parametrize("kind", ["problem", "page", "network"])
def test_signing_out_that_fails_says_so(served: Site, seen: tuple[Page, Watch], kind: str) -> None:
    page, watch = seen
    watch.expected += ["503", "ERR_FAILED"]
    choose(page)

    def away(route: Route) -> None:
        if kind == "network":
            route.abort()
        elif kind == "page":
            route.fulfill(status=503, content_type="text/html", body="<h1>away</h1>")
        else:
            route.fulfill(status=503, json={"title": "Away", "detail": "Later."})

    page.route("**/api/signout", away, times=2)
    words = "Away Later." if kind == "problem" else f"{TEXTS['unavailable.title']} {TEXTS['unavailable.detail']}"
    for _ in range(2):
        with page.expect_event("requestfinished" if kind != "network" else "requestfailed", is_signing_out):
            page.locator("#signout").click()
        expect(page.locator("#signout-problem")).to_have_text(words)
    served.trace.reached = list(STEPS)
    expect(page.locator("#arrived")).to_be_visible()  # still followed
    page.locator("#signout").click()
    expect(page.locator("#out")).to_be_visible()
    assert watch.faults == []


def is_signing_out(request: Request) -> bool:
    return request.url.endswith("/api/signout")


def test_signing_out_in_the_moment_of_an_answer_leaves_no_trace(served: Site, seen: tuple[Page, Watch]) -> None:
    page, watch = seen
    served.trace.reached = list(STEPS)
    page.evaluate(
        """() => {
            const read = Response.prototype.json;
            Response.prototype.json = function () {
                if (this.url.endsWith("/api/journey")) document.getElementById("signout").click();
                return read.call(this);
            };
        }"""
    )
    page.locator("#button button").click()
    with page.expect_navigation():
        page.locator('dialog [data-person="1001"]').click()
    expect(page.locator("#out")).to_be_visible()
    assert watch.faults == []


def test_half_an_answer_does_not_end_the_journey(served: Site, seen: tuple[Page, Watch]) -> None:
    page, watch = seen
    page.route("**/api/journey", lambda route: route.fulfill(content_type="application/json", body="{"), times=1)
    served.trace.reached = list(STEPS)
    choose(page)
    expect(page.locator("#arrived")).to_be_visible()
    assert watch.faults == []


def test_a_tab_follows_whoever_signed_in_last(served: Site, seen: tuple[Page, Watch]) -> None:
    page, watch = seen
    other = page.context.new_page()
    other.goto(served.origin)
    choose(page, "1001")
    expect(page.locator("#hello")).to_contain_text("Lucía")
    choose(other, "1003")
    expect(page.locator("#hello")).to_contain_text("Marcos")
    assert watch.faults == []


@pytest.mark.parametrize("language", ["es", "en"])
def test_nothing_overflows_at_320_pixels(chrome: Browser, served: Site, language: str) -> None:
    with visitor(chrome, served.origin, Look(320, "light", language)) as (page, watch):
        page.goto(served.origin)
        expect(page.locator("#button button")).to_be_visible()
        assert faults_of(page, language) == []
        choose(page)
        assert faults_of(page, language) == []
    assert watch.faults == []
