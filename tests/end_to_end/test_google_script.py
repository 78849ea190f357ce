"""Google's own script instead of the developer's: a stand-in at its address, under the real content security policy."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from end_to_end.lakes import Lake
from end_to_end.shots import Look, Watch, chromium, faults_of, visitor
from playwright.sync_api import Browser, Page, Route, expect

pytestmark = pytest.mark.browser
CLIENT_ID = "1234-made-up.apps.googleusercontent.com"
SCRIPT = "https://accounts.google.com/gsi/client?hl=es"
# What Google's script does with the page: a style sheet, the button in a frame of its own, and a request.
STAND_IN = """
const calls = { initialize: [], renderButton: [] };
window.calls = calls;
window.google = { accounts: { id: {
  initialize: (options) => {
    calls.initialize.push({ ...options, callback: typeof options.callback });
    window.answer = options.callback;
  },
  renderButton: (parent, options) => {
    calls.renderButton.push(options);
    const frame = document.createElement("iframe");
    frame.title = "Google";
    frame.width = 200;
    frame.height = 40;
    frame.src = "https://accounts.google.com/gsi/button?hl=es";
    parent.append(frame);
  },
  disableAutoSelect: () => {},
} } };
const style = document.createElement("link");
style.rel = "stylesheet"; style.href = "https://accounts.google.com/gsi/style";
document.head.append(style);
fetch("https://accounts.google.com/gsi/status");
"""
GOOGLE = {
    "/gsi/client": ("text/javascript", STAND_IN),
    "/gsi/style": ("text/css", "#button { outline: 0; }"),
    "/gsi/button": (
        "text/html; charset=utf-8",
        "<!doctype html><html lang=es><title>Google</title><button>Iniciar sesión con Google</button>",
    ),
    "/gsi/status": ("application/json", "{}"),
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    lake = Lake(tmp_path_factory.mktemp("google"), google_client_id=CLIENT_ID)
    with lake.running(until="/health"):
        yield lake


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def stand_in(page: Page) -> list[str]:
    """Answer for Google on this page; the addresses that were asked for."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        kind, body = GOOGLE[route.request.url.removeprefix("https://accounts.google.com").partition("?")[0]]
        route.fulfill(content_type=kind, body=body, headers={"Access-Control-Allow-Origin": "*"})

    page.context.route("https://accounts.google.com/**", answer)
    return asked


def calls(page: Page) -> Any:
    page.wait_for_function("window.calls?.renderButton.length")
    return page.evaluate("window.calls")


def test_the_page_speaks_googles_own_interface(chrome: Browser, lake: Lake) -> None:
    with visitor(chrome, lake.origin, Look(1280, "light", "es")) as (page, watch):
        asked = stand_in(page)
        page.goto(lake.origin)
        made = calls(page)
        expect(page.frame_locator("#button iframe").locator("button")).to_have_text("Iniciar sesión con Google")
        assert [len(made[name]) for name in ("initialize", "renderButton")] == [1, 1]
        options = made["initialize"][0]
        assert options["client_id"] == CLIENT_ID
        assert options["callback"] == "function"
        assert options["use_fedcm_for_button"] is True
        assert len(options["nonce"]) >= 32
        assert "ux_mode" not in options
        button = made["renderButton"][0]
        assert (button["type"], button["text"], button["locale"]) == ("standard", "signin_with", "es")
        expect(page.locator(".badge")).to_have_count(0)
        assert page.request.get(f"{lake.origin}/dev/gsi/client").status == 404
        assert faults_of(page, "es") == []
    assert watch.faults == []
    assert watch.outside == []
    assert sorted(asked) == sorted(
        [SCRIPT, *(f"https://accounts.google.com/gsi/{name}" for name in ("button?hl=es", "status", "style"))]
    )


def test_every_visit_has_a_nonce_of_its_own_and_iphones_are_led_by_redirect(chrome: Browser, lake: Lake) -> None:
    nonces = set()
    for _ in range(2):
        with visitor(chrome, lake.origin, Look(360, "dark", "es")) as (page, watch):
            stand_in(page)
            page.goto(f"{lake.origin}/?ux=redirect")
            options = calls(page)["initialize"][0]
            assert options["ux_mode"] == "redirect"
            assert options["login_uri"] == f"{lake.origin}/signin/redirect"
            nonces.add(options["nonce"])
        assert watch.faults == []
    assert len(nonces) == 2


def test_a_forged_credential_is_refused_in_the_readers_language(chrome: Browser, lake: Lake) -> None:
    forged = ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', b'{"sub":"1"}', b"x")
    )
    with visitor(chrome, lake.origin, Look(360, "light", "es")) as (page, watch):
        watch.expected.append("status of 401")
        stand_in(page)
        page.goto(lake.origin)
        first = calls(page)["initialize"][0]["nonce"]
        page.evaluate("credential => window.answer({ credential, select_by: 'btn' })", forged)
        expect(page.locator("#problem")).to_contain_text("No hemos podido comprobar tu cuenta")
        expect(page.locator("#in")).to_be_hidden()
        page.wait_for_function("window.calls.initialize.length === 2")
        assert calls(page)["initialize"][1]["nonce"] != first
        assert faults_of(page, "es") == []
    assert watch.faults == []


def test_the_policy_lets_no_other_script_in(chrome: Browser, lake: Lake) -> None:
    with visitor(chrome, lake.origin, Look(1280, "light", "es")) as (page, watch):
        stand_in(page)
        page.goto(lake.origin)
        calls(page)
        for source in ("https://outside.example/x.js", "https://accounts.google.com/other.js"):
            page.evaluate(
                """source => new Promise((done) => {
                    const script = document.createElement("script");
                    script.onload = script.onerror = done;
                    script.src = source;
                    document.head.append(script);
                })""",
                source,
            )
        while len(refused(watch)) < 2:  # it is told beside the answer; bounded by the test's own time-out
            page.wait_for_timeout(50)
    assert len(refused(watch)) == 2
    assert watch.outside == []


def refused(watch: Watch) -> list[str]:
    return [fault for fault in watch.faults if fault.startswith("content security policy: script-src")]
