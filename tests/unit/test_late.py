"""late.py: what takes long to load holds up its own requests alone, and the page loads none of it."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from loginlake.late import Late, beside

SLOW_TO_LOAD = {"dash", "dash_mantine_components", "plotly", "polars", "numpy"}


class Loading:
    """A load that goes on until it is told to end, or to fail."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.error: Exception | None = None

    def __call__(self) -> ASGIApp:
        self.go.wait()
        if self.error is not None:
            raise self.error
        return saying("late")


@pytest.fixture
def loading() -> Iterator[Loading]:
    made = Loading()
    yield made
    made.go.set()


def saying(word: str) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(word)(scope, receive, send)

    return app


def covers(scope: Scope) -> bool:
    return str(scope["path"]).startswith("/late")


def site(load: Callable[[], ASGIApp]) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Late(saying("page"), covers, load))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.mark.asyncio
async def test_the_page_answers_while_the_other_is_loaded_and_the_other_waits(loading: Loading) -> None:
    async with site(loading) as browser:
        assert (await browser.get("/")).text == "page"
        assert not loading.go.is_set()
        loading.go.set()
        assert [(await browser.get("/late/x")).text for _ in range(2)] == ["late", "late"]
        assert (await browser.get("/")).text == "page"


@pytest.mark.asyncio
async def test_what_cannot_be_loaded_is_said_and_takes_nothing_else_with_it(
    loading: Loading, caplog: pytest.LogCaptureFixture
) -> None:
    loading.error = ImportError("no such library")
    loading.go.set()
    with caplog.at_level(logging.ERROR):
        async with site(loading) as browser:
            with pytest.raises(ImportError, match="no such library"):
                await browser.get("/late")
            assert (await browser.get("/")).text == "page"
    assert caplog.messages == ["a part of the pages could not be loaded"]


def test_two_are_loaded_one_after_the_other() -> None:
    inside = threading.Semaphore(1)

    def load() -> bool:
        if not inside.acquire(blocking=False):
            return False
        threading.Event().wait(0.01)
        inside.release()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: beside(load), range(8))) == [True] * 8


@pytest.mark.parametrize("module", ["loginlake.run_all", "loginlake.cli"])
def test_what_takes_long_is_not_loaded_before_the_page(module: str) -> None:
    asked = f"import sys, {module}; print(sorted({SLOW_TO_LOAD!r} & sys.modules.keys()))"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
