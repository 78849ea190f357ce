"""Everything the web is given: values and ports, ready made. It reads no settings and picks no adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from fastapi import APIRouter, Request
from prometheus_client.registry import Collector

from loginlake.stream.log import EventLog
from loginlake.stream.spool import SpooledLog
from loginlake.web.identity import IdentityVerifier
from loginlake.web.keys import ApiKey
from loginlake.web.state import WebState


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, as the verified token said."""

    provider: str
    user_id: str
    name: str
    email: str
    email_verified: bool | None
    picture: str
    hosted_domain: str | None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in: the person, and where their own event is. Kept as the answer to a retry and as the session."""

    person: Person
    event_id: str
    time: str
    received: str
    partition: int
    offset: int
    event: msgspec.Raw


class Step(Protocol):
    """A stage of an event's way: web, topic, bronze, silver, gold. `at` is RFC 3339; `content` becomes JSON."""

    @property
    def name(self) -> str:
        """The stage."""
        ...

    @property
    def done(self) -> bool:
        """Whether the event is there."""
        ...

    @property
    def at(self) -> str | None:
        """When it got there, RFC 3339."""
        ...

    @property
    def place(self) -> str | None:
        """Where there it is."""
        ...

    @property
    def content(self) -> Any:
        """What is there, as JSON values."""
        ...


class Trace(Protocol):
    """Looks an event up in every stage. Called in a thread, one call at a time a request; may raise Retry errors."""

    def __call__(
        self, provider: str, user_id: str, event_id: str, time: str, partition: int, offset: int
    ) -> Sequence[Step]:
        """The steps in order, those not reached with done False."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds. Times in seconds."""

    body_bytes: int = 64 * 1024
    send_s: float = 5.0
    trace_s: float = 10.0
    nonce_s: float = 3600.0
    session_s: float = 12 * 3600.0
    refusals_a_minute: float = 30.0
    addresses: int = 10_000
    event_bytes: int = 1024 * 1024
    batch_bytes: int = 4 * 1024 * 1024
    batch_events: int = 1000
    events_a_minute: float = 60_000.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _no_key(_: str) -> ApiKey | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebContext:
    """What `create_app` is given. `developer`: the routes of the provider that stands in for Google, where it does.

    `spool`: the log itself where it has a spool, which the app starts and stops. `api_key` finds a good key by its
    text. `stages`: those that run in this process, each "ok" or the class of the error that keeps it down.
    `collectors`: what they count. `traced`: around a POST, with the `traceparent` of its event.
    """

    origin: str
    application: str
    secret: bytes
    log: EventLog
    state: WebState
    verifier: IdentityVerifier
    trace: Trace
    viewers: Callable[[Person], bool]
    client_id: str
    developer: APIRouter | None = None
    spool: SpooledLog | None = None
    api_key: Callable[[str], ApiKey | None] = _no_key
    trusted_proxies: int = 0
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], datetime] = _utc_now
    stages: Callable[[], Mapping[str, str]] = dict
    collectors: Sequence[Collector] = ()
    traced: Callable[[], AbstractContextManager[str | None]] = nullcontext

    @property
    def secure(self) -> bool:
        """Whether browsers reach the web by https."""
        return self.origin.startswith("https://")


def context_of(request: Request) -> WebContext:
    """The context of the app that a request belongs to."""
    context: WebContext = request.app.state.context
    return context
