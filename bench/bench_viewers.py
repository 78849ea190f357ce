"""The dashboard as its viewers have it: the first chart in a real browser, its bytes, and what fifty viewers cost.

    python bench/bench_viewers.py [VIEWERS] [SECONDS]      default: 50 60

A `loginlake run` of its own with a demo of 2,000 people and 90 days. Each first view is by a browser that has nothing
cached. Then what an open page asks every five seconds is asked by all the viewers; CPU is that of the whole process,
beside the same time without viewers.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil  # type: ignore[import-untyped]
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from end_to_end.lakes import Lake  # noqa: E402
from end_to_end.shots import Look, chromium, open_dashboard, settled, sign_in, visitor  # noqa: E402

LOOK = Look(1280, "light", "es")
EVERY_S = 5.0
FIRST_VIEWS = 5
_WATCH = """new MutationObserver(() => {
    if (!window.firstChart && document.querySelector("#daily-chart svg .recharts-area-area"))
        requestAnimationFrame(() => { window.firstChart ??= performance.now(); });
}).observe(document, {childList: true, subtree: true});"""


def first_view(browser: Browser, origin: str) -> tuple[float, int]:
    """Milliseconds until the first chart is painted, and bytes over the wire, of a browser that has nothing cached."""
    with visitor(browser, origin, LOOK) as (page, _):
        sign_in(page, origin)
        settled(page)
        wire = page.context.new_cdp_session(page)
        sizes: list[float] = []
        wire.send("Network.enable")
        wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        page.add_init_script(_WATCH)
        open_dashboard(page, origin)
        painted = page.wait_for_function("window.firstChart").json_value()
        return float(painted), int(sum(sizes))


class Question(NamedTuple):
    """A request as a browser made it."""

    url: str
    body: bytes
    headers: dict[str, str]


def question(browser: Browser, origin: str) -> Question:
    """What an open page asks when nothing is new."""
    with visitor(browser, origin, LOOK) as (page, _):
        sign_in(page, origin)
        settled(page)
        open_dashboard(page, origin)
        for _ in range(2):  # the first is the page's own filling
            with page.expect_request("**/_dash-update-component*", timeout=60_000) as asked:
                pass
        said = asked.value.all_headers().items()
        kept = {name: text for name, text in said if not name.startswith(":") and name != "content-length"}
        return Question(asked.value.url, asked.value.post_data_buffer or b"", kept)


async def ask_again(asked: Question, viewers: int, seconds: float) -> list[float]:
    """Ask it as many viewers do; seconds of each answer."""
    taken: list[float] = []
    async with httpx.AsyncClient(headers=asked.headers, timeout=30) as client:

        async def viewer(number: int) -> None:
            begin = time.monotonic() + EVERY_S * number / viewers
            for turn in range(int(seconds / EVERY_S)):
                await asyncio.sleep(max(0.0, begin + turn * EVERY_S - time.monotonic()))
                began = time.perf_counter()
                answer = await client.post(asked.url, content=asked.body)
                taken.append(time.perf_counter() - began)
                answer.raise_for_status()

        await asyncio.gather(*map(viewer, range(viewers)))
    return taken


def spent(process: Any) -> float:
    """CPU-seconds of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def main(viewers: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder), source="https://tienda.example")
        lake.command("demo", "--people", "2000", "--days", "90", "--seed", "7")
        with lake.running() as running:
            lake.settle()
            with chromium() as browser:
                views = [first_view(browser, lake.origin) for _ in range(FIRST_VIEWS)]
                asked = question(browser, lake.origin)
            painted, size = sorted(ms for ms, _ in views), max(size for _, size in views)
            print(f"first chart painted after {statistics.median(painted):.0f} ms, longest {painted[-1]:.0f} ms")
            print(f"first view {size / 1024:.0f} kB over the wire", flush=True)
            process = psutil.Process(running.pid)
            before = spent(process)
            time.sleep(seconds)
            alone = spent(process) - before
            taken = asyncio.run(ask_again(asked, viewers, seconds))
            whole = spent(process) - before - alone
    share, idle = (f"{100 * cpu / seconds:.1f} %" for cpu in (whole, alone))
    print(f"{viewers} viewers, every {EVERY_S:.0f} s: {share} of a core; nobody: {idle}")
    median, late = (1000 * q for q in (statistics.median(taken), statistics.quantiles(taken, n=20)[-1]))
    print(f"{len(taken)} answers: p50 {median:.0f} ms, p95 {late:.0f} ms")


if __name__ == "__main__":
    count, time_s = (*sys.argv[1:], *("50", "60")[len(sys.argv) - 1 :])
    main(int(count), float(time_s))
