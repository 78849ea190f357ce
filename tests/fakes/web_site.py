"""The web on fakes: an issuer, a log and a state file of its own, driven through ASGI without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from fakes.event_log import FakeEventLog
from fakes.issuer import AUDIENCE, Clock, FakeIssuer

from loginlake.errors import LoginlakeError
from loginlake.stream.log import Headers, Position
from loginlake.stream.spool import SpooledLog
from loginlake.web.app import create_app
from loginlake.web.context import Limits, Person, WebContext
from loginlake.web.developer import CLIENT_ID, DeveloperProvider
from loginlake.web.keys import ApiKey
from loginlake.web.session import new_nonce
from loginlake.web.state import WebState

ORIGIN = "http://localhost:8000"
SECRET = b"a secret of thirty-two bytes ...."
VIEWER = "viewer@example.com"
# A busy machine's disk is no log that is away.
PATIENT = Limits(send_s=60.0)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Test"


class HeldLog(FakeEventLog):
    """While `holding`, an append is done but its future ends only when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.holding = False
        self.arrived = asyncio.Event()
        self.held: list[tuple[Future[Position], Position]] = []

    def send(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Future[Position]:
        done = super().send(key, value, headers)
        if not self.holding:
            return done
        waiting: Future[Position] = Future()
        self.held.append((waiting, done.result()))
        self.arrived.set()
        return waiting

    def let_go(self) -> None:
        self.holding = False
        for future, position in self.held:
            future.set_result(position)
        self.held.clear()

    def events(self) -> list[dict[str, Any]]:
        found = [record for rows in self.records for record in rows if record is not None and record.value is not None]
        return [json.loads(record.value) for record in found if record.value is not None]

    def signins(self) -> list[dict[str, Any]]:
        return [event for event in self.events() if event["type"] == "loginlake.signin.v1"]

    def refusals(self) -> list[dict[str, Any]]:
        return [event for event in self.events() if event["type"] == "loginlake.signin_refused.v1"]


class Seen(NamedTuple):
    name: str
    done: bool
    at: str | None = None
    place: str | None = None
    content: Any = None


class FakeTrace:
    """Reaches the stages named in `reached`; `error` makes it fail; `asked` keeps the arguments."""

    def __init__(self) -> None:
        self.reached = ["web", "topic"]
        self.error: LoginlakeError | None = None
        self.asked: list[tuple[str, str, str, str, int, int]] = []

    def __call__(
        self, provider: str, user_id: str, event_id: str, time: str, partition: int, offset: int
    ) -> list[Seen]:
        self.asked.append((provider, user_id, event_id, time, partition, offset))
        if self.error is not None:
            raise self.error
        moment = "2026-11-24T12:00:01.000000Z"
        return [
            Seen(name, True, moment, f"{name}/place", {"stage": name}) if name in self.reached else Seen(name, False)
            for name in ("web", "topic", "bronze", "silver", "gold")
        ]


class Site:
    """One worker. Two sites with one path are two workers, or one after a restart."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        issuer: FakeIssuer | None = None,
        log: HeldLog | None = None,
        limits: Limits | None = None,
        origin: str = ORIGIN,
        developer: bool = False,
        hosted_domain: str = "",
        trusted_proxies: int = 0,
        api_key: Callable[[str], ApiKey | None] = lambda _: None,
        spool: SpooledLog | None = None,
        secret: bytes = SECRET,
        traced: Callable[[], AbstractContextManager[str | None]] = nullcontext,
    ) -> None:
        self.clock = clock or Clock()
        self.issuer = issuer or FakeIssuer(self.clock)
        self.log = log or HeldLog()
        self.trace = FakeTrace()
        self.stages: dict[str, str] = {}
        self.state = WebState(path / "web.db", self.clock.seconds)
        self.developer = DeveloperProvider(origin, self.state, self.clock) if developer else None
        self.context = WebContext(
            origin=origin,
            application="https://app.example",
            secret=secret,
            log=spool or self.log,
            state=self.state,
            verifier=self.developer.verifier() if self.developer else self.issuer.verifier(hosted_domain),
            trace=self.trace,
            viewers=self.developer.may_see_dashboard if self.developer else may_see,
            client_id=CLIENT_ID if developer else AUDIENCE,
            developer=self.developer.routes() if self.developer else None,
            trusted_proxies=trusted_proxies,
            spool=spool,
            api_key=api_key,
            limits=limits or PATIENT,
            clock=self.clock,
            stages=lambda: self.stages,
            traced=traced,
        )
        self.app = create_app(self.context)
        self.origin = origin

    def browser(self, address: str = "203.0.113.77") -> Browser:
        return Browser(self, address)

    def counters(self) -> dict[str, int]:
        """The shared counters, once every write before this call is done."""
        self.state.end_session("").result()
        return dict(self.state.counters())

    async def close(self) -> None:
        await self.context.verifier.close()
        self.state.close()


class Browser(httpx.AsyncClient):
    """A browser with its own cookies. It sends the Origin of the page, as browsers do."""

    def __init__(self, site: Site, address: str) -> None:
        transport = httpx.ASGITransport(app=site.app, client=(address, 40000))
        headers = {"Origin": site.origin, "User-Agent": AGENT}
        super().__init__(transport=transport, base_url=site.origin, headers=headers)
        self.site = site

    async def nonce(self) -> str:
        """What the page is given."""
        value: str = (await self.get("/api/nonce")).json()["value"]
        return value

    async def credential(self, **changes: Any) -> str:
        """A good token for this browser's visit."""
        return self.site.issuer.token(**({"nonce": await self.nonce()} | changes))

    async def sign_in(self, credential: str, select_by: str | None = "btn") -> httpx.Response:
        return await self.post("/api/signin", json={"credential": credential, "select_by": select_by})

    def old_nonce(self, expires: int) -> str:
        """A nonce of this visit with another expiry."""
        return new_nonce(SECRET, self.cookies["ll_visit"], expires).value


def may_see(person: Person) -> bool:
    return person.email == VIEWER and person.email_verified is True
