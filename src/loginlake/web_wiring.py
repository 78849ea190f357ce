"""The web's part of the wiring, apart, since it needs the web's libraries: settings in, the app out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fastapi import FastAPI, Request
from prometheus_client.registry import Collector

from loginlake import wiring
from loginlake.dashboard.app import Options, attach
from loginlake.dashboard.source import Viewer
from loginlake.gold.read import Snapshot
from loginlake.gold.store import GoldStore
from loginlake.lake.manifest import Lake
from loginlake.lake.store import ObjectStore
from loginlake.settings import Settings, refuse_unsafe
from loginlake.stream.log import EventLog
from loginlake.trace import Tracer
from loginlake.web.app import create_app
from loginlake.web.context import Limits, Person, WebContext
from loginlake.web.developer import CLIENT_ID, DeveloperProvider
from loginlake.web.google import google_verifier
from loginlake.web.session import current_person


def web_app(
    settings: Settings,
    log: EventLog,
    store: ObjectStore,
    gold: GoldStore,
    *,
    with_dashboard: bool = True,
    stages: Callable[[], Mapping[str, str]] = dict,
    collectors: Sequence[Collector] = (),
) -> FastAPI:
    """The sign-in page and the dashboard on one app. `stages` says how this process's are, `collectors` what they did."""
    refuse_unsafe(settings)
    state = wiring.web_state(settings)
    spool = wiring.spooled(settings, log)
    log = spool or log
    developer = DeveloperProvider(settings.origin, state, wiring.now) if settings.developer_mode else None

    def may_see(person: Person) -> bool:
        if developer is not None and developer.may_see_dashboard(person):
            return True
        return is_viewer(person, settings.viewer_emails)

    context = WebContext(
        origin=settings.origin,
        application=settings.application,
        secret=wiring.secret_key(settings),
        log=log,
        state=state,
        verifier=developer.verifier()
        if developer
        else google_verifier(settings.google_client_id, settings.google_hosted_domain, wiring.now),
        trace=Tracer(log, Lake(store), gold, now=wiring.now),
        viewers=may_see,
        client_id=CLIENT_ID if developer else settings.google_client_id,
        developer=developer,
        trusted_proxies=settings.trusted_proxies,
        spool=spool,
        api_key=wiring.api_keys(settings).find,
        limits=Limits(events_a_minute=settings.events_a_minute),
        clock=wiring.now,
        stages=stages,
        collectors=collectors,
        traced=wiring.traced(settings),
    )
    app = create_app(context)
    if with_dashboard:
        _attach_dashboard(app, settings, gold, may_see)
    return app


def is_viewer(person: Person, viewers: frozenset[str]) -> bool:
    """Whether a person's e-mail is verified and one of the viewers', which are in lower case.

    One of other letters than ASCII is nobody's: lower() makes an ASCII letter of some (the Kelvin sign becomes a k).
    """
    return person.email_verified is True and person.email.isascii() and person.email.lower() in viewers


def _attach_dashboard(app: FastAPI, settings: Settings, gold: GoldStore, may_see: Callable[[Person], bool]) -> None:
    def allowed(request: Request) -> Viewer | None:
        person = current_person(request)
        if person is None:
            return None
        return Viewer("viewer" if may_see(person) else "person", person.name, person.picture)

    attach(
        app,
        open_snapshot=lambda: Snapshot.open(gold),
        allowed=allowed,
        timezone=settings.timezone,
        options=Options(origin=settings.origin),
    )
