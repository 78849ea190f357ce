"""Pictures of every page of a demo lake of its own, and what is wrong with what they show: `make shots`.

    python tests/end_to_end/make_shots.py docs/img

All pictures go to build/shots/; those that the READMEs and docs show go to the folder named as well. Exits with 1 when
a page overflows sideways, shows a text key or the other language, breaks an accessibility rule (axe) or its content
security policy, writes an error to the console, or asks anything of another origin.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from end_to_end.lakes import Lake  # noqa: E402
from end_to_end.shots import (  # noqa: E402
    HEIGHTS,
    Album,
    Look,
    Watch,
    chromium,
    open_dashboard,
    settled,
    sign_in,
    visitor,
)

VIEWER, NO_VIEWER = "1002", "1001"
SHOWN = (
    "page-es-1280-light",
    "chooser-es-1280-light",
    "greeting-es-1280-light",
    "dashboard-es-1280-light",
    "dashboard-en-1280-dark",
    "dashboard-es-360-light",
    "overview-es-1280-light",
    "person-en-1280-light",
    "retention-en-1280-dark",
    "security-es-1280-light",
    "pipeline-es-1280-light",
)
SCREENS = {
    "overview": ("#signins-chart svg path", "#heat td", "#by_domain-list li"),
    "people": ("#people-list tbody tr",),
    "retention": ("#curve-chart svg path", "#triangle td"),
    "security": ("#refused-chart svg", "#census-list li"),
    "pipeline": ("#flow .step", "#by-day a"),
}
"""Each page by its name, and what shows that it is drawn."""
LARGEST = 350_000


def signed_out(page: Page, origin: str, look: Look, take: Taker) -> None:
    """The page and the chooser over it."""
    page.goto(f"{origin}/")
    page.locator("#button button").wait_for()
    take("page", look)
    page.locator("#button button").click()
    page.locator("dialog[open] [data-person]").first.wait_for()
    take("chooser", look)


def signed_in(page: Page, origin: str, look: Look, take: Taker) -> None:
    """The greeting with the event at its end, the JSON of a step, and the dashboard as charts and as tables."""
    page.goto(f"{origin}/")
    settled(page)
    take("greeting", look)
    page.locator('[data-step="bronze"] .json').click()
    expect(page.locator("#content pre")).to_contain_text('"offset"')
    take("json", look)
    open_dashboard(page, origin)
    take("dashboard", look)
    for name in ("daily", "hourly"):
        page.locator(f".card-{name} summary").click()
        expect(page.locator(f"#{name}-table table")).to_be_visible()
    take("tables", look)
    for name, drawn in SCREENS.items():
        page.goto(f"{origin}/dashboard/{name}")
        for selector in drawn:
            page.locator(selector).first.wait_for()
        take(name.partition("?")[0], look)
    page.goto(f"{origin}/dashboard/people")
    page.locator("#people-list .who-name").first.click()
    page.locator("#strip .strip").wait_for()
    take("person", look)
    page.goto(f"{origin}/me")
    take("me", look)


def turned_away(page: Page, origin: str, look: Look, take: Taker) -> None:
    """What somebody sees who may not see the dashboard. Its 403 is an error to the browser's console alone."""
    answer = page.goto(f"{origin}/dashboard/")
    assert answer is not None
    assert answer.status == 403
    take("no-access", look)


class Taker:
    """Takes a picture of one visitor's page, in the width that is asked for."""

    def __init__(self, album: Album, page: Page, watch: Watch) -> None:
        self._album, self._page, self._watch = album, page, watch

    def __call__(self, name: str, look: Look) -> None:
        """The picture and its faults."""
        self._album.take(self._page, self._watch, name, look)


def walk(browser: Browser, lake: Lake, scheme: str, language: str, album: Album) -> None:
    """Two people's ways in each width: one who may see the dashboard, and one who may not."""
    usual = Look(1280, scheme, language)
    looks = [usual, *(usual._replace(width=width) for width in HEIGHTS if width != usual.width)]
    for person in (VIEWER, NO_VIEWER):
        with visitor(browser, lake.origin, usual) as (page, watch):
            take = Taker(album, page, watch)
            for look in looks if person == VIEWER else ():
                page.set_viewport_size({"width": look.width, "height": HEIGHTS[look.width]})
                signed_out(page, lake.origin, look, take)
            page.set_viewport_size({"width": usual.width, "height": HEIGHTS[usual.width]})
            sign_in(page, lake.origin, person)
            settled(page)
            if person == NO_VIEWER:
                watch.expected.append("status of 403")
            for look in looks:
                page.set_viewport_size({"width": look.width, "height": HEIGHTS[look.width]})
                (signed_in if person == VIEWER else turned_away)(page, lake.origin, look, take)


def main() -> int:
    """Take them all; 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pictures go that the docs show")
    parser.add_argument("--people", default="400")
    parser.add_argument("--days", default="90")
    given = parser.parse_args()
    everything = ROOT / "build" / "shots"
    album = Album(everything)
    with tempfile.TemporaryDirectory(prefix="loginlake-shots-") as data:
        lake = Lake(Path(data), source="https://tienda.example")
        print("making a demo lake ...", flush=True)
        lake.command("demo", "--people", given.people, "--days", given.days, "--seed", "7")
        with lake.running(), chromium() as browser:
            lake.settle()
            for language, scheme in product(("es", "en"), ("light", "dark")):
                walk(browser, lake, scheme, language, album)
                print(f"{language} {scheme}: {album.taken} pictures, {len(album.faults)} faults", flush=True)
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in SHOWN:
        picture = (everything / f"{name}.png").read_bytes()
        (given.folder / f"{name}.png").write_bytes(picture)
        if len(picture) > LARGEST:
            album.faults.append(f"{name}: {len(picture):,} bytes, more than {LARGEST:,}")
    for fault in album.faults:
        print(fault, file=sys.stderr)
    return 1 if album.faults else 0


if __name__ == "__main__":
    sys.exit(main())
