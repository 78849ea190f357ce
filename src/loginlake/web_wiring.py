"""The web's part of the wiring, apart, since it needs the web's libraries: settings in, the app out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fastapi import FastAPI, Request
from prometheus_client.registry import Collector

from loginlake import wiring
from loginlake.access import Access, Role
from loginlake.dashboard.ask import Sources
from loginlake.dashboard.guard import covers
from loginlake.dashboard.source import Viewer
from loginlake.event import person_key
from loginlake.gold.read import Snapshot
from loginlake.gold.store import GoldStore
from loginlake.lake.store import ObjectStore
from loginlake.late import Late
from loginlake.path import LivePath, People
from loginlake.settings import Settings, refuse_unsafe
from loginlake.stream.log import EventLog
from loginlake.trace import Tracer
from loginlake.web.app import create_app
from loginlake.web.context import Limits, Person, WebContext
from loginlake.web.developer import CLIENT_ID, PROVIDER, DeveloperProvider
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
    """The sign-in page and the dashboard on one app. `stages`: how this process's are; `collectors`: their counts."""
    refuse_unsafe(settings)
    state = wiring.web_state(settings)
    spool = wiring.spooled(settings, log)
    log = spool or log
    developer = DeveloperProvider(settings.origin, state, wiring.now) if settings.developer_mode else None
    role = _roles(settings, developer)
    context = WebContext(
        origin=settings.origin,
        application=settings.application,
        secret=wiring.secret_key(settings),
        log=log,
        state=state,
        verifier=developer.verifier()
        if developer
        else google_verifier(settings.google_client_id, settings.google_hosted_domain, wiring.now),
        trace=Tracer(log, wiring.lake_of(settings, store), gold, now=wiring.now),
        viewers=lambda person: role(person) != "person",
        client_id=CLIENT_ID if developer else settings.google_client_id,
        developer=developer.routes() if developer else None,
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
        path = LivePath(log, store, lambda: wiring.spooled_entries(settings))
        sources = Sources(lambda: Snapshot.open(gold), People(gold), path)
        app.add_middleware(Late, covers, lambda: _with_dashboard(create_app(context), settings, sources, role))
    return app


def _roles(settings: Settings, developer: DeveloperProvider | None) -> Callable[[Person], Role]:
    access = Access(settings.viewer_names, settings.admin_names, PROVIDER if developer else "")

    def role(person: Person) -> Role:
        found = access.role(person)
        made_up = developer is not None and developer.may_see_dashboard(person)
        return "viewer" if made_up and found == "person" else found

    return role


def _with_dashboard(app: FastAPI, settings: Settings, sources: Sources, role: Callable[[Person], Role]) -> FastAPI:
    from loginlake.dashboard.app import PHOTO_SOURCES, Options, attach  # here, since Dash takes long to import

    def allowed(request: Request) -> Viewer | None:
        person = current_person(request)
        if person is None:
            return None
        return Viewer(role(person), person.name, person.picture, person_key(person.provider, person.user_id))

    shown = PHOTO_SOURCES if settings.photos else ()
    options = Options(origin=settings.origin, photo_sources=shown, unmask=settings.unmask)
    attach(app, sources=sources, allowed=allowed, timezone=settings.timezone, options=options)
    return app
