"""The page in a real browser, on made-up answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from end_to_end.shots import Look, Watch, chromium, faults_of, open_dashboard, visitor
from fakes.sites import PEOPLE, serving, site
from fakes.snapshots import FakeAnswers
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from loginlake.dashboard.app import Viewer

pytestmark = pytest.mark.browser
LOOKS = [
    Look(360, "light", "es"),
    Look(360, "dark", "en"),
    Look(768, "light", "es"),
    Look(1280, "light", "en"),
    Look(1280, "dark", "es"),
    Look(2560, "dark", "es"),
]
USUAL = Look(1280, "light", "es")


class Served:
    """A site on free answers: each test has its own."""

    viewer: Viewer | None = PEOPLE["viewer"]

    def __init__(self, answers: FakeAnswers) -> None:
        self.answers, self.origin = answers, ""


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def served() -> Iterator[Served]:
    made: list[Served] = []

    def make(origin: str) -> FastAPI:
        one = Served(FakeAnswers(picture=f"{origin}/static/people/noa.svg?n="))
        made.append(one)
        return site(
            one.answers, allowed=lambda _: one.viewer, origin=origin, clock=lambda: one.answers.now, refresh_s=0.4
        )

    with serving(make) as made_origin:
        made[0].origin = made_origin
        yield made[0]


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_look_is_sound(chrome: Browser, served: Served, look: Look) -> None:
    with visitor(chrome, served.origin, look) as (page, watch):
        open_dashboard(page, served.origin)
        assert faults_of(page, look.language) == []
    assert watch.faults == []


SCREENS = {
    "overview": "#heat td",
    "people": "#people-list tbody tr",
    "person?id=google%7C0": "#strip .strip",
    "retention": "#triangle td",
    "security": "#census-list li",
    "pipeline?day=2026-11-24": "#origin-rows td",
}


@pytest.mark.parametrize("look", [Look(360, "light", "es"), Look(1280, "dark", "en")], ids=str)  # shots takes all
def test_every_page_is_sound_and_drawn(chrome: Browser, served: Served, look: Look) -> None:
    with visitor(chrome, served.origin, look) as (page, watch):
        for name, drawn in SCREENS.items():
            page.goto(f"{served.origin}/dashboard/{name}")
            page.locator(drawn).first.wait_for()
            page.wait_for_selector("#page.is-ready")
            assert (name, faults_of(page, look.language)) == (name, [])
        page.goto(f"{served.origin}/me")
        assert faults_of(page, look.language) == []
    assert watch.faults == []


def test_the_address_is_the_view_and_controls_change_it(chrome: Browser, served: Served) -> None:
    with visitor(chrome, served.origin, USUAL) as (page, watch):
        page.goto(f"{served.origin}/dashboard/overview?range=7&compare=none")
        expect(page.locator("#span")).to_contain_text("Del 18\xa0nov\xa02026")
        expect(page.locator("#signins-table tbody tr")).to_have_count(7)
        page.locator("#compare label").nth(1).click()
        page.wait_for_url("**/overview?range=7")
        page.locator("#range label").nth(2).click()
        page.wait_for_url("**/overview?range=90")
        expect(page.locator("#signins-table tbody tr")).to_have_count(90)
        page.reload()
        expect(page.locator("#signins-table tbody tr")).to_have_count(90)
        page.get_by_role("link", name="Personas", exact=True).click()
        page.locator("#q").fill("lucía")
        page.wait_for_url("**/people?q=luc*")
        expect(page.locator("#people-note")).to_contain_text("encontradas")
        page.locator("#people-list .who-name").first.click()
        expect(page.locator("#strip span").first).to_be_attached()
    assert watch.faults == []


@pytest.mark.parametrize("look", [Look(360, "light", "en"), Look(1280, "dark", "en")], ids=str)
def test_every_chart_is_a_table_too(chrome: Browser, served: Served, look: Look) -> None:
    with visitor(chrome, served.origin, look) as (page, watch):
        open_dashboard(page, served.origin)
        page.locator(".card-daily summary").click()
        page.locator(".card-hourly summary").click()
        expect(page.locator("#daily-table tbody tr")).to_have_count(30)
        expect(page.locator("#hourly-table tbody tr")).to_have_count(24)
        expect(page.locator("#daily-chart")).to_be_hidden()
        assert faults_of(page, look.language) == []
    assert watch.faults == []


def test_a_chart_names_what_is_pointed_at_and_the_day_that_is_not_over(chrome: Browser, served: Served) -> None:
    with visitor(chrome, served.origin, USUAL) as (page, watch):
        open_dashboard(page, served.origin)
        box = page.locator("#daily-chart").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
        expect(page.locator("#daily-chart .tip")).to_contain_text("mar\xa024\xa0nov (hasta ahora)")
        expect(page.locator("#daily-chart .tip-row")).to_have_count(2)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(page.locator("#daily-chart .tip")).not_to_contain_text("hasta ahora")
        assert page.title() == "Resumen · loginlake"
        expect(page.locator("#nav [aria-current=page]")).to_have_text("Resumen")
        page.goto(f"{served.origin}/dashboard/security")
        page.locator("#refused-chart .recharts-bar-rectangle path").first.hover()
        expect(page.locator("#refused-chart .tip")).to_contain_text("Caducada")
        expect(page.locator("#nav [aria-current=page]")).to_have_text("Seguridad")
    assert watch.faults == []


def test_the_first_screen_needs_no_scrolling_and_little_to_load(chrome: Browser, served: Served) -> None:
    with visitor(chrome, served.origin, USUAL) as (page, watch):
        open_dashboard(page, served.origin)
        assert page.evaluate("document.documentElement.scrollHeight") <= 800
        loaded = page.evaluate("performance.getEntriesByType('resource').map((e) => [e.name, e.encodedBodySize])")
    assert sum(size for _, size in loaded) < 1_000_000
    assert not [name for name, _ in loaded if "plotly" in name or "Graph" in name]
    assert watch.outside == []


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1280, 900), (2560, 1440), (360, 780)])
def test_the_latest_list_ends_between_two_rows(chrome: Browser, served: Served, width: int, height: int) -> None:
    with visitor(chrome, served.origin, USUAL._replace(width=width)) as (page, _):
        page.set_viewport_size({"width": width, "height": height})
        open_dashboard(page, served.origin)
        cut = page.evaluate(
            """() => {
                const end = document.querySelector("#latest").getBoundingClientRect().bottom;
                const rows = [...document.querySelectorAll("#latest tbody tr")].map((r) => r.getBoundingClientRect());
                return [rows.length, rows.filter((row) => row.top < end - 1 && row.bottom > end + 1).length];
            }"""
        )
    assert cut == [25, 0]


def test_new_sign_ins_appear_by_themselves(chrome: Browser, served: Served) -> None:
    with visitor(chrome, served.origin, USUAL) as (page, watch):
        open_dashboard(page, served.origin)
        served.answers.items[0] = {**served.answers.items[0], "username": "Recién Llegada", "email": "r@example.com"}
        served.answers.generation += 1
        expect(page.locator("#latest tbody tr").first).to_contain_text("Recién Llegada")
    assert watch.faults == []


def test_hostile_values_are_inert_and_a_photo_that_fails_leaves_initials(chrome: Browser, served: Served) -> None:
    served.answers.items[0] = {**served.answers.items[0], "picture": f"{served.origin}/static/people/none.png"}
    with visitor(chrome, served.origin, USUAL) as (page, watch):
        open_dashboard(page, served.origin)
        rows = page.locator("#latest tbody tr")
        expect(rows.nth(0).locator(".avatar")).to_have_text("LG")
        expect(page.locator("#latest")).to_contain_text("<img src=x onerror=alert(1)>")
        expect(page.locator("#latest")).to_contain_text('=HYPERLINK("http://x.example","clic")')
        assert page.locator("#latest img:not([referrerpolicy='no-referrer'])").count() == 0
        assert page.locator("#latest img[src='x']").count() == 0
        assert page.locator("#latest img").count() > 5
    assert [fault for fault in watch.faults if "404" not in fault] == []


def test_gold_down_is_said_and_heals_by_itself(chrome: Browser, served: Served) -> None:
    with visitor(chrome, served.origin, USUAL) as (page, watch):
        served.answers.fail_next(1000)
        page.goto(f"{served.origin}/dashboard/")
        expect(page.locator(".notice-error")).to_be_visible()
        expect(page.locator("#clock")).to_contain_text("No se pueden leer las respuestas")
        expect(page.locator("#totals")).to_be_hidden()
        assert faults_of(page, "es") == []
        served.answers.recover()
        expect(page.locator("#totals")).to_be_visible()
        expect(page.locator(".notice-error")).to_be_hidden()
        served.answers.fail_next(1000)
        expect(page.locator(".notice-error")).to_be_visible()
        expect(page.locator("#totals")).to_be_visible()
        assert faults_of(page, "es") == []
    assert watch.faults == []


def test_a_server_that_is_gone_is_said_and_found_again(chrome: Browser, served: Served) -> None:
    with visitor(chrome, served.origin, USUAL) as (page, _):
        open_dashboard(page, served.origin)
        page.clock.install()
        gone = [True]
        page.route("**/_dash-update-component*", lambda route: route.abort() if gone else route.fallback())
        expect(page.locator("#offline")).to_be_hidden()
        page.clock.run_for(30_000)
        expect(page.locator("#offline")).to_be_visible()
        assert faults_of(page, "es") == []
        gone.clear()
        page.clock.run_for(15_000)
        page.clock.resume()
        expect(page.locator("#offline")).to_be_hidden()


@pytest.mark.parametrize("who", [None, PEOPLE["person"]])
def test_whoever_is_signed_out_or_off_the_list_is_sent_to_the_first_page(
    chrome: Browser, served: Served, who: Viewer | None
) -> None:
    with visitor(chrome, served.origin, USUAL) as (page, _):
        open_dashboard(page, served.origin)
        served.viewer = who
        page.wait_for_url(f"{served.origin}/")
        expect(page.locator("#latest")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 1440, 2560])
def test_applications_and_devices_are_not_cut(chrome: Browser, served: Served, width: int) -> None:
    with visitor(chrome, served.origin, USUAL._replace(width=width)) as (page, _):
        open_dashboard(page, served.origin)
        cut = page.evaluate(
            """() => [...document.querySelectorAll("#latest :is(td.c-application, td.c-device)")]
                .filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)"""
        )
    assert cut == []


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1280, 900), (2560, 1440)])
def test_reasons_end_between_two_rows_and_fill_a_high_card(
    chrome: Browser, served: Served, width: int, height: int
) -> None:
    with visitor(chrome, served.origin, USUAL._replace(width=width)) as (page, _):
        page.set_viewport_size({"width": width, "height": height})
        open_dashboard(page, served.origin)
        cut, filled = page.evaluate(
            """() => {
                const box = (of) => document.querySelector(of).getBoundingClientRect();
                const [body, list] = [box(".card-path .card-body"), box(".reasons")];
                const rows = [...document.querySelectorAll(".reasons li")].map((row) => row.getBoundingClientRect());
                const cut = rows.filter((row) => row.top < list.bottom - 1 && row.bottom > list.bottom + 1);
                return [cut.length, (list.bottom - body.top) / body.height];
            }"""
        )
    assert cut == 0
    assert filled > 0.7


def test_behind_is_seen(chrome: Browser, served: Served) -> None:
    served.answers.complete = (served.answers.now - timedelta(hours=13)).isoformat()
    with visitor(chrome, served.origin, Look(360, "dark", "en")) as (page, watch):
        open_dashboard(page, served.origin)
        expect(page.locator("#clock")).to_contain_text("Behind: the data ends 13 h ago")
        assert faults_of(page, "en") == []
    assert watch.faults == []


def test_an_empty_gold_says_what_to_do(chrome: Browser, served: Served) -> None:
    served.answers.__init__(0)  # type: ignore[misc]
    with visitor(chrome, served.origin, USUAL) as (page, watch):
        page.goto(f"{served.origin}/dashboard/")
        expect(page.locator(".notice-empty")).to_be_visible()
        expect(page.locator(".notice-empty a")).to_have_attribute("href", "/")
        assert faults_of(page, "es") == []
    assert watch.faults == []


def chosen(page: Page) -> str | None:
    return page.locator("html").get_attribute("data-mantine-color-scheme")


def test_language_and_scheme_are_chosen_and_kept(chrome: Browser, served: Served) -> None:
    with visitor(chrome, served.origin, USUAL) as (page, watch):
        open_dashboard(page, served.origin)
        page.get_by_label("Cambiar entre claro y oscuro").click()
        assert chosen(page) == "dark"
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_label("Read in English").click()
        expect(page.get_by_role("heading", name="When people sign in")).to_be_visible()
        assert chosen(page) == "dark"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark != "rgb(244, 247, 248)"
        page.locator("#range label").first.click()
        expect(page.locator("#daily-table tbody tr")).to_have_count(7)
    assert watch.faults == []


def test_a_watch_sees_what_is_wrong(chrome: Browser, served: Served) -> None:
    """The harness must not be a false green."""
    with visitor(chrome, served.origin, USUAL) as (page, watch):
        assert isinstance(watch, Watch)
        open_dashboard(page, served.origin)
        page.evaluate(
            """() => {
                document.querySelector("h1").textContent = "signins_today Latest sign-ins";
                document.querySelector("h1").style.minWidth = "3000px";
                const image = document.body.appendChild(new Image());
                image.src = "https://outside.example/x.png";
                const photo = document.body.appendChild(new Image());
                photo.src = "https://lh3.googleusercontent.com/a/x";
            }"""
        )
        page.wait_for_timeout(0)
        expect(page.locator("img[src*='googleusercontent']")).to_have_js_property("complete", True)
        found = " ".join(faults_of(page, "es"))
    assert "overflows sideways" in found
    assert "shows a text key: signins_today" in found
    assert "shows the other language: 'Latest sign-ins'" in found
    assert "axe image-alt" in found
    assert "content security policy: img-src https://outside.example" in " ".join(watch.faults)
    assert watch.outside == ["https://lh3.googleusercontent.com/a/x"]
