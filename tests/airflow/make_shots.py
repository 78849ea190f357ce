"""Pictures of dagEtl in Airflow's own pages: `python tests/airflow/make_shots.py docs/img`, in the product's .venv.

A green run, then one whose audit fails since an object of silver was removed; the graph and the grid of each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fakes.command_line import CommandLine  # noqa: E402
from fakes.silver_messages import signin, value  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from services.airflow import USER, Airflow, start  # noqa: E402

WIDTH, HEIGHT = 1480, 850  # no column of the grid is cut off
PATIENCE_MS = 120_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as made:
        line = CommandLine(Path(made) / "data", LOGINLAKE_LAND_MAX_RECORDS="10")
        line("demo", "--people", "30", "--days", "2", "--until", "2026-11-20")
        line("land", "--once")
        server = start(Path(made) / "home", settings={**line.env, "DAGETL_SCHEDULE": "none"})
        try:
            run(server, "green")
            line.files("silver")[0].unlink()
            line.send(value(signin(time="2026-11-20T10:00:00Z")))
            line("land", "--once")
            run(server, "audit-failed")
            take(server, folder)
        finally:
            server.stop()


def run(server: Airflow, name: str) -> None:
    server.ask("dags/dagEtl/dagRuns", {"dag_run_id": name, "logical_date": None})
    pause = threading.Event()
    while server.ask(f"dags/dagEtl/dagRuns/{name}")["state"] not in {"success", "failed"}:
        pause.wait(0.5)


def take(server: Airflow, folder: Path) -> None:
    with sync_playwright() as playwright:
        chromium = subprocess.run(
            ["sh", str(ROOT / "tests" / "browser.sh")], capture_output=True, text=True, check=True
        )
        browser = playwright.chromium.launch(executable_path=chromium.stdout.strip(), args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", locale="en-US")
        page.set_default_timeout(PATIENCE_MS)
        page.goto(server.url)
        page.locator("input[name=username]").fill(USER)
        page.locator("input[name=password]").fill(server.password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/auth/" not in url)
        for name in ("green", "audit-failed"):
            shoot(page, f"{server.url}/dags/dagEtl/runs/{name}", name, folder)
        browser.close()


def shoot(page: Page, url: str, name: str, folder: Path) -> None:
    """The run's grid with the group azureEtl open, then its graph, over the whole width."""
    page.goto(url)
    page.get_by_role("button", name="Show Grid").click()
    opened = page.get_by_label("Expand all task groups").and_(page.locator(":enabled"))
    page.get_by_text("goldDB").first.wait_for()
    if opened.count():
        opened.click()
    page.get_by_text("hours", exact=True).first.wait_for()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=folder / f"airflow-grid-{name}.png")
    page.get_by_role("button", name="Show Graph").click()
    page.get_by_label("Collapse Details Panel").click()
    page.locator(".react-flow__node", has_text="receipts").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1_000)  # the page widens
    page.get_by_label("Fit View").click()
    page.wait_for_timeout(1_000)  # it glides into its place
    page.screenshot(path=folder / f"airflow-graph-{name}.png")


if __name__ == "__main__":
    os.environ.setdefault("LOGINLAKE_LOG_LEVEL", "error")
    main(Path(sys.argv[1]))
