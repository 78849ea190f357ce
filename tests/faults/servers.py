"""The real servers of the schedules, each behind the fault proxy: the session's own, shared with the other tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from services_kafka import Doors

from services import azurite, kafka, mongo, toxiproxy
from services.toxiproxy import Proxy


@dataclass
class Servers:
    """`refusing`: ports that answer every request with that status. `pause_s`, `hung_s`: how long those faults last
    at least.
    """

    kafka: kafka.Kafka
    azurite: azurite.Azurite
    mongo: mongo.MongoServer
    kafka_proxy: Proxy
    lake_proxy: Proxy
    gold_proxy: Proxy
    refusing: dict[int, int]
    pause_s: float = 0.5
    hung_s: float = 0.5

    @property
    def endpoint(self) -> str:
        """The lake's account, through the proxy."""
        return f"http://127.0.0.1:{self.lake_proxy.port}/{azurite.ACCOUNT}"

    def heal(self) -> None:
        """Every way is open and every server runs."""
        self.kafka_proxy.heal()
        self.gold_proxy.heal()
        self.heal_lake()

    def heal_lake(self) -> None:
        """The way to the store is open, and leads there."""
        self.lake_proxy.lead_to(self.azurite.port)
        self.lake_proxy.heal()

    def mongo_back(self) -> None:
        """Start the killed server again."""
        self.mongo.child.kill()
        self.mongo.child.start_again()
        self.mongo.child.wait_until(lambda: mongo.ready(self.mongo.port))


@contextmanager
def behind_proxies(
    doors: Doors, store: azurite.Azurite, gold: mongo.MongoServer, folder: Path, *, long: bool
) -> Iterator[Servers]:
    """The servers, each behind its proxy. `long`: a broker is paused for a minute, a store hangs for longer."""
    proxies = toxiproxy.start(folder)
    refusing = {status: _refusing(status) for status in (500, 503)}
    try:
        yield Servers(
            doors.server,
            store,
            gold,
            proxies.proxy("kafka", doors.behind_proxy, doors.proxied),
            proxies.proxy("lake", store.port),
            proxies.proxy("gold", gold.port),
            {status: server.server_port for status, server in refusing.items()},
            **({"pause_s": 60.0, "hung_s": 15.0} if long else {}),
        )
    finally:
        proxies.child.stop()
        for server in refusing.values():
            server.shutdown()
            server.server_close()


def _refusing(status: int) -> ThreadingHTTPServer:
    """A store that says no to everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815 - its own names

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
