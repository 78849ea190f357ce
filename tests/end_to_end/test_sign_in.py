"""A stranger's way through the whole of it: a real `loginlake run`, a real browser, and the files recounted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from end_to_end import recount
from end_to_end.lakes import Lake
from end_to_end.shots import Look, Watch, chromium, faults_of, open_dashboard, settled, sign_in, visitor
from playwright.sync_api import Browser, Page, Request, Route, ViewportSize, expect

pytestmark = pytest.mark.browser
SPANISH, ENGLISH = Look(1280, "light", "es"), Look(1280, "light", "en")
LUCIA, VALERIA, MARCOS, NOA, LAYLA = "1001", "1002", "1003", "1004", "1005"
STEPS = ("web", "topic", "bronze", "silver", "gold")
NARROW, WIDE = ViewportSize(width=360, height=780), ViewportSize(width=1280, height=800)
FORBIDDEN = "status of 403"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    with lake.running():
        yield lake


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def arrive(page: Page, lake: Lake, person: str) -> str:
    """Sign in and wait for the journey's end; the event's id as the page shows it."""
    sign_in(page, lake.origin, person)
    settled(page)
    return page.locator("#event").inner_text()


def opened(page: Page, step: str) -> Any:
    """The JSON that the page shows behind a step."""
    with page.expect_response(f"**/api/journey/{step}?*"):
        page.locator(f'[data-step="{step}"] .json').click()
    text = page.locator("#content pre code")
    expect(text).to_contain_text("{")
    return json.loads(text.inner_text())


def loaded(page: Page, selector: str) -> bool:
    """Whether an image is there and was drawn."""
    expect(page.locator(selector)).to_have_js_property("complete", True)
    return bool(page.locator(selector).evaluate("image => image.naturalWidth > 0"))


def test_a_sign_in_travels_to_gold_and_appears_on_the_dashboard(chrome: Browser, lake: Lake) -> None:
    with visitor(chrome, lake.origin, SPANISH) as (page, watch):
        page.goto(lake.origin)
        expect(page.locator("#button button")).to_have_text("Iniciar sesión con Google")
        expect(page.locator(".badge")).to_have_text("modo de desarrollo")
        event_id = arrive(page, lake, VALERIA)
        expect(page.locator("#hello")).to_have_text("Hola, Valeria Quiroga")
        assert loaded(page, "#photo")
        assert "valeria.svg" in (page.locator("#photo").get_attribute("src") or "")
        expect(page.locator('[data-step="bronze"] .place')).to_have_text(re.compile(r"^…\d+\.jsonl\.gz$"))
        shown = {step: opened(page, step) for step in STEPS}
        open_dashboard(page, lake.origin)
        expect(page.locator("#latest tbody tr").first).to_contain_text("Valeria Quiroga")
        assert loaded(page, "#latest tbody tr:first-child img")
        assert page.locator("#latest img:not([referrerpolicy='no-referrer'])").count() == 0
        page.evaluate("window.same = true")
        with visitor(chrome, lake.origin, ENGLISH) as (other, _):
            sign_in(other, lake.origin, LAYLA)
        expect(page.locator("#latest tbody tr").first).to_contain_text("ليلى حداد")
        assert page.evaluate("window.same"), "the dashboard was loaded again"
    assert watch.faults == []
    account = lake.settle()
    check_every_step(lake.data, event_id, shown)
    silver, gold = recount.signins(lake.data)
    assert silver == gold == account["answered"] == account["landed"] == account["clean"] == 2
    assert not account["repeated"] + account["rejected"] + account["expired"]


def check_every_step(data: Path, event_id: str, shown: dict[str, Any]) -> None:
    """What the page showed is what the files hold, once each."""
    found = recount.find(data, event_id, f"developer|{VALERIA}")
    assert [shown["web"]] == found.log == [line["value"] for line in found.bronze] == [shown["topic"]["value"]]
    assert [shown["bronze"]] == found.bronze
    assert [shown["silver"]] == found.silver
    assert shown["gold"] == found.user
    assert shown["web"]["id"] == shown["silver"]["id"] == event_id
    place = (shown["topic"]["partition"], shown["topic"]["offset"])
    assert place == (shown["bronze"]["partition"], shown["bronze"]["offset"])
    assert place == (shown["silver"]["partition"], shown["silver"]["offset"])
    sent = shown["web"]["data"]
    assert {name: shown["silver"][name] for name in ("username", "email", "picture", "user_id")} == {
        "username": "Valeria Quiroga",
        "email": "valeria.quiroga@example.com",
        "picture": sent["picture"],
        "user_id": VALERIA,
    }
    assert shown["silver"]["time"] == shown["web"]["time"]
    assert sent["ip"] == "127.0.0.0", "an address must be cut before it is kept"
    assert found.user["signins"] == sum(day["signins"] for day in found.day) == sum(found.user["days"].values())


def test_who_is_not_on_the_list_is_told_so_and_a_stranger_is_led_to_the_page(chrome: Browser, lake: Lake) -> None:
    with visitor(chrome, lake.origin, SPANISH) as (page, watch):
        page.goto(f"{lake.origin}/dashboard/")
        assert page.url == f"{lake.origin}/"
        arrive(page, lake, LUCIA)
        expect(page.locator("#dashboard")).to_be_hidden()
        watch.expected.append(FORBIDDEN)
        answer = page.goto(f"{lake.origin}/dashboard/")
        assert answer is not None
        assert answer.status == 403
        expect(page.locator("h1")).to_have_text("Este panel es para quien está en la lista")
        assert "Valeria" not in page.content()
        assert faults_of(page, "es") == []
        page.get_by_role("link", name="Volver a la página").click()
        expect(page.locator("#hello")).to_contain_text("Lucía")
    assert watch.faults == []


@pytest.mark.parametrize(
    ("person", "name", "initials"), [(MARCOS, "Marcos Ibáñez", True), (NOA, "n.duarte", False)], ids=["photo", "name"]
)
def test_nobody_is_lost_without_a_photo_or_a_name(
    chrome: Browser, lake: Lake, person: str, name: str, *, initials: bool
) -> None:
    with visitor(chrome, lake.origin, SPANISH) as (page, watch):
        arrive(page, lake, person)
        expect(page.locator("#hello")).to_have_text(f"Hola, {name}")
        assert loaded(page, "#photo")
        row = opened(page, "silver")
    assert row["username"] == name
    assert row["picture"].startswith("data:image/svg+xml") is initials
    assert watch.faults == []


def test_an_event_is_shown_to_its_own_session_alone(chrome: Browser, lake: Lake) -> None:
    with visitor(chrome, lake.origin, SPANISH) as (page, watch), visitor(chrome, lake.origin, SPANISH) as (other, _):
        event_id = arrive(page, lake, LUCIA)
        kept = page.context.cookies()
        for path in ("", "/topic", "/bronze", "/silver", "/gold"):
            assert other.request.get(f"{lake.origin}/api/journey{path}").status == 401
        theirs = arrive(other, lake, MARCOS)
        for path in ("", "/web", "/topic", "/bronze", "/silver", "/gold"):
            answer = other.request.get(f"{lake.origin}/api/journey{path}")
            assert answer.status == 200
            assert event_id not in answer.text()
            assert "lucia.ferrer" not in answer.text()
        assert theirs != event_id
        page.locator("#signout").click()
        expect(page.locator("#button button")).to_be_visible()
        expect(page.locator("#in")).to_be_hidden()
        page.context.add_cookies(
            [{"name": c["name"], "value": c["value"], "domain": c["domain"], "path": c["path"]} for c in kept]
        )
        assert page.request.get(f"{lake.origin}/api/journey").status == 401, "an ended session opens nothing"
        page.reload()
        expect(page.locator("#button button")).to_be_visible()
    assert watch.faults == []


def test_a_lost_answer_is_asked_for_again_and_makes_no_second_event(chrome: Browser, lake: Lake) -> None:
    answers: list[dict[str, Any]] = []
    bodies: list[str] = []

    def lose_the_first(route: Route) -> None:
        answer = route.fetch()
        answers.append(answer.json())
        bodies.append(route.request.post_data or "")
        if len(answers) == 1:
            route.abort()
        else:
            route.fulfill(response=answer)

    with visitor(chrome, lake.origin, SPANISH) as (page, watch):
        watch.expected.append("net::ERR_FAILED")
        page.context.route("**/api/signin", lose_the_first)
        event_id = arrive(page, lake, LUCIA)
        assert len(answers) == 2
        assert answers[0] == answers[1]
        assert bodies[0] == bodies[1]
        assert answers[0]["event_id"] == event_id
        again = page.request.post(
            f"{lake.origin}/api/signin",
            data=bodies[0],
            headers={"Content-Type": "application/json", "Origin": lake.origin},
        )
        assert again.json()["event_id"] == event_id
        second = page.context.new_page()
        second.goto(lake.origin)
        settled(second)
        expect(second.locator("#event")).to_have_text(event_id)
    lake.settle()
    found = recount.find(lake.data, event_id, f"developer|{LUCIA}")
    assert [len(stage) for stage in (found.log, found.bronze, found.silver)] == [1, 1, 1]
    assert watch.faults == []


@pytest.mark.parametrize(
    ("scheme", "language", "words"),
    [
        (
            "light",
            "es",
            ("Iniciar sesión con Google", "Hola, Valeria Quiroga", "Tu evento ha llegado", "Completo hasta"),
        ),
        ("dark", "en", ("Sign in with Google", "Hello, Valeria Quiroga", "Your event reached", "Complete until")),
    ],
    ids=["es-light", "en-dark"],
)
def test_every_page_is_sound(
    chrome: Browser, lake: Lake, scheme: str, language: str, words: tuple[str, str, str, str]
) -> None:
    faults: list[str] = []
    with visitor(chrome, lake.origin, Look(360, scheme, "es")) as (page, watch):
        page.goto(lake.origin)
        if language == "en":
            page.get_by_role("link", name="English").click()
        expect(page.locator("#button button")).to_have_text(words[0])
        faults += faults_of(page, language)
        page.locator("#button button").click()
        expect(page.locator("dialog[open]")).to_be_visible()
        faults += faults_of(page, language)
        arrive(page, lake, VALERIA)
        expect(page.locator("#hello")).to_have_text(words[1])
        expect(page.locator("#arrived")).to_contain_text(words[2])
        opened(page, "bronze")
        for size in (NARROW, WIDE):
            page.set_viewport_size(size)
            faults += faults_of(page, language)
        open_dashboard(page, lake.origin)
        expect(page.locator("#clock")).to_contain_text(words[3])
        for size in (WIDE, NARROW):
            page.set_viewport_size(size)
            faults += faults_of(page, language)
    assert faults + watch.faults == []
    assert watch.outside == []


HOSTILE = {
    "markup": '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>',
    "formula": '=HYPERLINK("http://outside.example/","clic")',
    "right to left": "\u202egnp.exe مرحبا\u202c",
    "emoji": "👩🏽‍🚀👨‍👩‍👧‍👦 Zoë",
    "control": "a\u0000b\u0007c\u001b[31m",
    "very long": "Wolfeschlegelsteinhausenbergerdorff" * 40,
}
PICTURES = ("javascript:document.title='owned'", "https://outside.example/x.png", "data:text/html,<b>x</b>")


def hostile(name: str, username: str, picture: str) -> dict[str, Any]:
    moment = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "specversion": "1.0",
        "type": "loginlake.signin.v1",
        "id": f"hostile {name} {picture[:5]}",
        "source": "https://hostile.example/<b>",
        "subject": "elsewhere|1",
        "time": moment,
        "datacontenttype": "application/json",
        "data": {
            "provider": "elsewhere",
            "user_id": f"<i>{name}</i>",
            "username": username,
            "email": "mallory@hostile.example",
            "picture": picture,
            "user_agent": "<script>document.title='owned'</script>",
        },
    }


def test_what_other_applications_send_is_inert(chrome: Browser, lake: Lake) -> None:
    asked: list[str] = []

    def remember(request: Request) -> None:
        asked.append(request.url)

    with visitor(chrome, lake.origin, SPANISH) as (page, watch):
        arrive(page, lake, VALERIA)
        lake.send(
            [
                hostile(name, value, picture)
                for name, value in HOSTILE.items()
                for picture in PICTURES[: 1 + len(name) % 3]
            ]
        )
        account = lake.settle()
        page.on("request", remember)
        open_dashboard(page, lake.origin)
        for size in (WIDE, NARROW):
            page.set_viewport_size(size)
            check_inert(page, watch)
    assert watch.faults == []
    assert not [url for url in asked if not url.startswith((f"{lake.origin}/", "data:image/svg+xml"))]
    assert account["landed"] == account["clean"] + account["repeated"] + account["rejected"] + account["erased"]


def check_inert(page: Page, watch: Watch) -> None:
    latest = page.locator("#latest")
    expect(latest).to_contain_text("=HYPERLINK(")
    names = latest.locator(".who-name").evaluate_all("names => names.map((name) => [name.title, name.textContent])")
    for name in ("markup", "formula", "right to left", "emoji", "very long"):
        assert [HOSTILE[name], HOSTILE[name]] in names
    assert page.title() != "owned"
    assert latest.locator("script, iframe, object").count() == 0
    sources = latest.locator("img").evaluate_all("images => images.map((image) => image.getAttribute('src'))")
    assert not [source for source in sources if not source.startswith(("/static/", "data:image/svg+xml"))]
    assert faults_of(page, "es") == []
    assert watch.outside == []
