"""A FastAPI app with the dashboard on made-up answers; run as a module it serves them for a look by eye."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import uvicorn
from fakes.snapshots import NOW, FakeAnswers
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

import loginlake.web
from loginlake.dashboard.app import Options, Viewer, attach
from loginlake.dashboard.ask import Sources

STATIC = Path(loginlake.web.__file__).parent / "static"
PEOPLE = {
    "admin": Viewer("admin", "Ada Admin", None, "google|1"),
    "viewer": Viewer("viewer", "Vera Vista", None, "google|2"),
    "person": Viewer("person", "Pablo Persona", None, "google|3"),
}


def by_cookie(request: Request) -> Viewer | None:
    """Who the cookie `who` names; in the real app the session says it."""
    return PEOPLE.get(request.cookies.get("who", ""))


def site(
    answers: FakeAnswers,
    *,
    allowed: Callable[[Request], Viewer | None] = by_cookie,
    origin: str = "",
    clock: Callable[[], datetime] = lambda: NOW,
    refresh_s: float = 3.0,
) -> FastAPI:
    """The app, with a page of its own at / and the dashboard attached."""
    app = FastAPI(openapi_url=None)
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.get("/")
    def home() -> HTMLResponse:
        return HTMLResponse("<!DOCTYPE html><title>home</title>")

    attach(
        app,
        sources=Sources(answers.open, answers, answers),
        allowed=allowed,
        timezone="Europe/Madrid",
        options=Options(origin=origin, clock=clock, refresh_s=refresh_s),
    )
    return app


@contextmanager
def serving(make: Callable[[str], FastAPI]) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1 in a thread, until the block ends; gives the origin."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(make(origin), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield origin
        finally:
            server.should_exit = True
            thread.join()


if __name__ == "__main__":
    port = int(sys.argv[1])
    origin = f"http://127.0.0.1:{port}"
    answers = FakeAnswers(picture=f"{origin}/static/people/noa.svg?n=")
    uvicorn.run(site(answers, allowed=lambda _: PEOPLE["viewer"], origin=origin), port=port, log_level="warning")
