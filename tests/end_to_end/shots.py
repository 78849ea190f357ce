"""Looking at a running loginlake in developer mode: a real browser, and what is wrong with what it shows.

A page is at fault when it overflows sideways, shows a text key or the other language, breaks an accessibility rule
(axe) or its content security policy, writes an error to the console, or asks anything of another origin.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect, sync_playwright

from loginlake.dashboard.texts import TEXTS
from loginlake.web.texts import CATALOGUES

CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
# A person's: a headless browser calls itself one, and would be counted as a robot.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
HEIGHTS = {360: 780, 1280: 800, 2560: 1440}
VIEWER = "1002"
PATIENCE_MS = 120_000
_REPORT_CSP = """document.addEventListener("securitypolicyviolation", (event) =>
    window.cspViolated(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));"""
# Its preload would read other origins' style sheets again, and break our content security policy by doing so.
_AXE = {"preload": False}
_OVERFLOW = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return null;
    const wide = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > width + 1);
    return wide.slice(0, 3).map((e) => `${e.tagName.toLowerCase()}.${e.className}#${e.id}`).join(", ") || "the page";
}"""


class Look(NamedTuple):
    """One way of looking."""

    width: int
    scheme: str
    language: str

    def __str__(self) -> str:
        return f"{self.language}-{self.width}-{self.scheme}"


class Watch:
    """Everything that a page must not do, written down while it does it. Other origins are not reached.

    `expected` holds words of console errors that are no fault: a browser reports every 4xx answer as one.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.faults: list[str] = []
        self.outside: list[str] = []
        self.expected: list[str] = []
        self._host = urlsplit(origin).netloc
        context.route("**/*", self._route)
        context.expose_binding("cspViolated", lambda _, words: self.faults.append(f"content security policy: {words}"))
        context.add_init_script(_REPORT_CSP)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script error: {error.error}"))

    def _route(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        if parts.scheme in {"data", "blob"} or parts.netloc == self._host:
            route.continue_()
            return
        self.outside.append(route.request.url)
        self.faults.append(f"request to outside: {parts.scheme}://{parts.netloc}{parts.path}")
        route.abort()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(words in message.text for words in self.expected):
            self.faults.append(f"console: {message.text}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@contextmanager
def visitor(browser: Browser, origin: str, look: Look) -> Iterator[tuple[Page, Watch]]:
    """A fresh browser profile that looks in one way, and its watch."""
    context = browser.new_context(
        viewport={"width": look.width, "height": HEIGHTS.get(look.width, 800)},
        color_scheme="dark" if look.scheme == "dark" else "light",
        reduced_motion="reduce",
        locale="es-ES" if look.language == "es" else "en-GB",
        timezone_id="Europe/Madrid",
        user_agent=AGENT.format(browser.version.partition(".")[0]),
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies([{"name": "ll_lang", "value": look.language, "url": origin}])
    watch = Watch(context, origin)
    yield context.new_page(), watch
    context.close()


def _phrases(catalogue: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """Whole phrases of one language alone: those of two words or more, in their longest piece without a value."""
    found = set()
    for key, words in catalogue.items():
        piece = max(re.split(r"\{[^}]*\}", words), key=len).strip(" .,:;()·")
        if " " in piece and len(piece) >= 8 and piece not in other[key]:
            found.add(piece)
    return found


def foreign_phrases(language: str) -> set[str]:
    """What must not be read on a page of that language; the language switch is written in the other on purpose."""
    theirs = "es" if language == "en" else "en"
    found = set()
    for catalogues in (CATALOGUES, TEXTS):
        both: Mapping[str, Mapping[str, str]] = {str(name): words for name, words in catalogues.items()}
        kept = {key: words for key, words in both[theirs].items() if "language" not in key}
        found |= _phrases(kept, both[language])
    return found


KEYS = {
    key for catalogue in (*CATALOGUES.values(), *TEXTS.values()) for key in catalogue if "_" in key or "." in key
} - {"example.com", "email_verified", "user_agent"}


def faults_of(page: Page, language: str) -> list[str]:
    """What is wrong with a page as it stands: too wide, not translated, hard to reach for somebody."""
    found = []
    if wide := page.evaluate(_OVERFLOW):
        found.append(f"overflows sideways: {wide}")
    if page.locator("html").get_attribute("lang") != language:
        found.append(f"is not marked as {language}")
    words = page.locator("body").inner_text()
    found += [f"shows the other language: {phrase!r}" for phrase in foreign_phrases(language) if phrase in words]
    found += [f"shows a text key: {key}" for key in set(re.findall(r"[a-z0-9_.]+", words)) & KEYS]
    results: dict[str, Any] = Axe().run(page, options=_AXE).response
    for violation in results["violations"]:
        where = violation["nodes"][0]
        found.append(f"axe {violation['id']} ({violation['impact']}): {where['target']} {where['failureSummary']}")
    return found


class Album:
    """Where the pictures go, and what was wrong when they were taken."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.faults: list[str] = []
        self.taken = 0

    def take(self, page: Page, watch: Watch, name: str, look: Look) -> None:
        """One picture of the whole page (of what is seen, under a dialog), and its faults."""
        page.mouse.move(0, 0)
        page.evaluate("document.fonts.ready")
        title = f"{name}-{look}"
        page.screenshot(
            path=self._folder / f"{title}.png",
            full_page=not page.locator("dialog[open]").count(),
            animations="disabled",
        )
        self.taken += 1
        self.faults += [f"{title}: {fault}" for fault in (*faults_of(page, look.language), *watch.faults)]
        watch.faults.clear()


def sign_in(page: Page, origin: str, person: str = VIEWER) -> None:
    """From the page through the chooser to the greeting."""
    page.goto(f"{origin}/")
    page.locator("#button button").click()
    page.locator(f'dialog [data-person="{person}"]').click()
    expect(page.locator("#in")).to_be_visible()


def settled(page: Page) -> None:
    """Wait until the event has reached gold, and the page says so."""
    expect(page.locator("#path li.done")).to_have_count(5)
    expect(page.locator("#arrived")).to_be_visible()


def open_dashboard(page: Page, origin: str) -> None:
    """The dashboard with its figures and charts drawn."""
    page.goto(f"{origin}/dashboard/")
    page.wait_for_selector("#page.is-ready")
    page.wait_for_selector("#daily-chart svg .recharts-area-area", state="attached")  # flat on a lake's first day
    page.wait_for_selector("#hourly-chart svg .recharts-bar-rectangle path")
    page.wait_for_selector("#latest tbody tr")
