"""Every stage in one process, for a laptop; and the server of the stages that people see."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from contextlib import ExitStack, closing
from typing import Any

import click
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from loginlake import wiring
from loginlake.bronze.land import Lander
from loginlake.errors import Misconfigured
from loginlake.schedule import Step, in_thread, run_passes
from loginlake.settings import Settings
from loginlake.web_wiring import web_app

logger = logging.getLogger(__name__)
_STOP_S = 8.0
_PAUSE_S = 2.0
# The access log would hold addresses; uvicorn's own start-up lines say nothing that ours do not.
_QUIET: dict[str, Any] = {
    "access_log": False,
    "log_level": "warning",
    "server_header": False,
    "timeout_graceful_shutdown": 3,
}


def run_all(settings: Settings) -> None:
    """Run web, land, clean, publish and dashboard until Ctrl-C; then stop each part cleanly, within 10 s."""
    listener = _listen(settings)
    stop, landed = threading.Event(), threading.Event()
    with ExitStack() as stack:
        log = stack.enter_context(closing(wiring.open_log(settings)))
        gold = stack.enter_context(closing(wiring.open_gold(settings)))
        store = wiring.open_lake(settings)
        lander = wiring.lander(settings, log, store)
        steps: list[Step[Any]] = [wiring.clean_step(settings, store), wiring.publish_step(store, gold)]
        app = web_app(settings, log, store, gold)
        threads = [
            in_thread("land", lambda: _land(lander, stop, landed)),
            in_thread("clean and publish", lambda: run_passes(steps, stop, landed, every_s=_PAUSE_S)),
        ]
        click.echo(f"loginlake is at {settings.origin}  (data in {settings.data}; Ctrl-C stops it)")
        try:
            _serve(app, listener)
        finally:
            stop.set()
            landed.set()
            for thread in threads:
                thread.join(_STOP_S)
                if thread.is_alive():
                    logger.error("%s did not stop in time; what it left undone is done again", thread.name)
    click.echo("stopped; nothing is half-written")


def serve(settings: Settings, part: str, *, workers: int) -> None:
    """Serve the sign-in page, or (part "dashboard") the page and the dashboard, until Ctrl-C."""
    listener = _listen(settings)
    os.environ.update(LOGINLAKE_PORT=str(settings.port))
    click.echo(f"loginlake {part} is at {settings.origin}  (Ctrl-C stops it)")
    if workers == 1:
        _serve(part_app(part), listener)
        return
    config = uvicorn.Config("loginlake.run_all:web_app_alone", factory=True, workers=workers, **_QUIET)
    Multiprocess(config, sockets=[listener]).run()


def web_app_alone() -> FastAPI:
    """What a worker of `loginlake web` serves."""
    return part_app("web")


def part_app(part: str) -> FastAPI:
    """An app that opens its own systems, by the settings of the environment. What it answered is durable already."""
    settings = Settings()
    log, gold = wiring.open_log(settings), wiring.open_gold(settings)
    return web_app(settings, log, wiring.open_lake(settings), gold, with_dashboard=part == "dashboard")


def _serve(app: FastAPI, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM. uvicorn raises the signal again when it has ended: it must find a handler."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(uvicorn.Config(app, **_QUIET)).run(sockets=[listener])


def _listen(settings: Settings) -> socket.socket:
    """The port, taken before anything else starts; one clear line when it is not free."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise Misconfigured(
            f"Port {settings.port} of {settings.host} can't be listened on.",
            f"{error.strerror}.",
            f"Choose another: make run PORT={settings.port + 1}, or LOGINLAKE_PORT.",
        ) from None
    return listener


def _land(lander: Lander, stop: threading.Event, landed: threading.Event) -> None:
    lander.run(stop, on_landed=lambda _: landed.set())
