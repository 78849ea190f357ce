"""Every stage in one process, for a laptop; and the server of the stages that people see."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import click
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from loginlake import journal, wiring
from loginlake.bronze.land import Lander
from loginlake.bronze.patience import Patience
from loginlake.errors import Misconfigured
from loginlake.gold.store import GoldStore
from loginlake.lake import keys
from loginlake.lake.store import ObjectStore
from loginlake.late import beside, spare_what_stays
from loginlake.observe.meter import Meter
from loginlake.observe.metered import MeteredStore
from loginlake.observe.state import PathState
from loginlake.schedule import Stages, Step, in_thread, run_passes
from loginlake.settings import Settings
from loginlake.stream.log import EventLog
from loginlake.web.http import BoundedHttp
from loginlake.web_wiring import web_app

logger = logging.getLogger(__name__)
_STOP_S = 6.0  # for all threads together; with uvicorn's 3 s it stays under 10 s
_PAUSE_S = 2.0
_RETENTION_S = 3600.0
# The access log would hold addresses; uvicorn's own start-up lines say nothing that ours do not.
_QUIET: dict[str, Any] = {
    "access_log": False,
    "log_level": "warning",
    "server_header": False,
    "http": BoundedHttp,
    "proxy_headers": False,  # the web counts its trusted proxies itself
    "timeout_graceful_shutdown": 3,
    "timeout_worker_healthcheck": 30,
}


def run_all(settings: Settings) -> None:
    """Run web, land, clean, publish and dashboard until Ctrl-C; then stop each part cleanly, within 10 s."""
    listener = _listen(settings)
    stop, landed = threading.Event(), threading.Event()
    with ExitStack() as stack:
        log = stack.enter_context(closing(wiring.open_log(settings)))
        gold = stack.enter_context(closing(wiring.open_gold(settings)))
        store = wiring.open_lake(settings, stop)
        meter = Meter()
        collectors = (meter.registry, PathState(log=log, store=store, gold=gold))
        store = MeteredStore(store, meter)
        lander = wiring.lander(settings, log, store)
        retention = wiring.retention(settings, log)
        cleaning, publishing = wiring.clean_step(settings, store, stop=stop), wiring.publish_step(store, gold)
        steps: list[Step[Any]] = [meter.step(cleaning), meter.step(publishing)]
        stages = Stages()
        server = _server(web_app(settings, log, store, gold, stages=stages.states, collectors=collectors))
        works: dict[str, Callable[[], None]] = {
            "land": lambda: _land(lander, stop, landed, meter),
            "retention": lambda: run_passes([retention], stop, every_s=_RETENTION_S),
            "clean and publish": lambda: _clean_and_publish(steps, stop, landed),
        }
        threads = [in_thread(name, work, stop, stages) for name, work in works.items()]
        spare_what_stays()
        click.echo(f"loginlake is at {settings.origin}  (data in {settings.data}; Ctrl-C stops it)")
        try:
            server.run(sockets=[listener])
        finally:
            stop.set()
            landed.set()
            _join(threads)
    click.echo("stopped; nothing is half-written")


def _clean_and_publish(steps: Sequence[Step[Any]], stop: threading.Event, landed: threading.Event) -> None:
    beside(_load_polars)
    run_passes(steps, stop, landed, every_s=_PAUSE_S)


def _load_polars() -> None:
    import loginlake.gold.publish
    import loginlake.silver.clean  # noqa: F401


def serve(settings: Settings, part: str, *, workers: int) -> None:
    """Serve the sign-in page, or (part "dashboard") the page and the dashboard, until Ctrl-C."""
    listener = _listen(settings)
    os.environ.update(LOGINLAKE_PORT=str(settings.port))
    until_stopped: Callable[[], None]
    stop = threading.Event()
    app = part_app(part, stop)  # with several workers too: what is wrong with the settings is said here, once
    if workers == 1:
        spare_what_stays()
        until_stopped = partial(_server(app).run, sockets=[listener])
    else:
        config = uvicorn.Config("loginlake.run_all:web_app_alone", factory=True, workers=workers, **_QUIET)
        until_stopped = Multiprocess(config, sockets=[listener]).run
    click.echo(f"loginlake {part} is at {settings.origin}  (Ctrl-C stops it)")
    try:
        until_stopped()
    finally:
        stop.set()
    click.echo("stopped")


def web_app_alone() -> FastAPI:
    """What a worker of `loginlake web` serves. It is a process of its own: its journal begins here."""
    settings = Settings()
    journal.start(settings.log_level, settings.log_format)
    app = part_app("web")
    spare_what_stays()
    return app


def part_app(part: str, stop: threading.Event | None = None) -> FastAPI:
    """An app that opens its own systems, by the settings of the environment. What it answered is durable already.

    With `stop`, each system is asked until it answers or `stop` is set, and says why it does not.
    """
    settings = Settings()
    log, store, gold = wiring.open_log(settings), wiring.open_lake(settings), wiring.open_gold(settings)
    if stop is not None:
        ask_all(log, store, gold, stop)
    return web_app(settings, log, store, gold, with_dashboard=part == "dashboard")


def ask_all(log: EventLog, store: ObjectStore, gold: GoldStore, stop: threading.Event) -> list[threading.Thread]:
    """Ask each system until it answers. Nobody waits for it: pages are shown, and sign-ins go to the spool."""
    asked: dict[str, Callable[[], object]] = {
        "asking the log": log.identity,
        "asking the lake": lambda: next(iter(store.list(keys.LAKE)), None),
        "asking gold": lambda: gold.read("pointer", ["current"]),
    }
    return [in_thread(name, partial(_until_it_answers, name, ask, stop), stop) for name, ask in asked.items()]


def _until_it_answers(name: str, ask: Callable[[], object], stop: threading.Event) -> None:
    Patience(stop)(name, ask)


def _server(app: FastAPI) -> uvicorn.Server:
    """A server that SIGINT and SIGTERM end, from now on, even before it runs.

    uvicorn has its own handlers while it runs, and raises the signal again after: it must find ours.
    """
    server = uvicorn.Server(uvicorn.Config(app, **_QUIET))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    return server


def _join(threads: Sequence[threading.Thread]) -> None:
    until = time.monotonic() + _STOP_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            logger.error("%s did not stop in time; what it left undone is done again", thread.name)


def _listen(settings: Settings) -> socket.socket:
    """The port, taken before anything else starts; one clear line when it is not free."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen()  # a port that is bound but not listened on could be taken twice
    except OSError as error:
        listener.close()
        raise Misconfigured(
            f"Port {settings.port} of {settings.host} can't be listened on.",
            f"{error.strerror}.",
            f"Choose another: make run PORT={settings.port + 1}, or LOGINLAKE_PORT.",
        ) from None
    return listener


def _land(lander: Lander, stop: threading.Event, landed: threading.Event, meter: Meter) -> None:
    def on_landed(records: int) -> None:
        meter.landed(records)
        landed.set()

    lander.run(stop, on_landed=on_landed)
