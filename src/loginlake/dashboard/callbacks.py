"""What makes a page fill and refresh itself: one callback every few seconds that sends only the parts that changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from anyio import to_thread
from dash import ClientsideFunction, Dash, Input, Output, State, no_update, set_props

from loginlake.dashboard import formats, views
from loginlake.dashboard.ask import Ask, Shown, Sources
from loginlake.dashboard.controls import CONTROLS
from loginlake.dashboard.pages import PAGES
from loginlake.dashboard.parts import Parts, Props, digest
from loginlake.dashboard.source import Viewer, visit
from loginlake.dashboard.wish import parse
from loginlake.errors import LoginlakeError
from loginlake.web.texts import Language

logger = logging.getLogger(__name__)
OUTPUTS = (("stamp", "data"), ("beat", "data"))
INPUTS = (("ask", "data"), ("url", "pathname"), ("url", "search"))


class Refresh(NamedTuple):
    """What a refresh reads and how it shows it."""

    prefix: str
    sources: Sources
    shown: Shown
    clock: Callable[[], datetime]


class News(NamedTuple):
    """What a page gets: properties by part, and what it then has (`stamp`)."""

    parts: dict[str, Props]
    stamp: dict[str, Any]


class Asked(NamedTuple):
    """What a page asks: where it is, in which language, and for whom."""

    path: str
    search: str
    language: Language
    viewer: Viewer | None = None


def register(app: Dash, refresh: Refresh) -> None:
    """Add the callbacks to the app."""

    @app.callback(
        output={name: Output(name, prop) for name, prop in OUTPUTS},
        inputs={"ask": Input(*INPUTS[0]), "path": Input(*INPUTS[1]), "search": Input(*INPUTS[2])},
        state={"stamp": State("stamp", "data")},
    )
    async def answer(ask: object, path: object, search: object, stamp: object) -> dict[str, Any]:
        now = visit.get()
        asked = Asked(
            path if isinstance(path, str) else refresh.prefix,
            search if isinstance(search, str) else "",
            now.language,
            now.viewer,
        )
        known = stamp if isinstance(stamp, dict) else {}
        news = await to_thread.run_sync(updates, refresh, asked, known)
        for name, props in news.parts.items():
            set_props(name, props)
        return {"stamp": news.stamp if news.stamp != known else no_update, "beat": ask}

    browser: Any = app.clientside_callback  # it has no types
    browser(
        ClientsideFunction("loginlake", "ask"),
        Output("ask", "data"),
        Output("offline", "hidden"),
        Input("tick", "n_intervals"),
        Input("beat", "data"),
    )
    for name in (*CONTROLS, "q"):
        browser(
            ClientsideFunction("loginlake", f"choose_{name}"),
            Output("url", "search", allow_duplicate=True),
            Input(name, "value"),
            prevent_initial_call=True,
        )


def updates(refresh: Refresh, asked: Asked, known: Mapping[str, Any]) -> News:
    """The parts that differ from what the page has (`known`); the whole page when another one is asked for.

    While gold cannot be read the page keeps what it has, and says so.
    """
    now = refresh.clock()
    today = now.astimezone(UTC).date()
    wish = parse(asked.path.removeprefix(refresh.prefix), asked.search, today)
    admin = asked.viewer is not None and asked.viewer.role == "admin"
    ask = Ask(wish, asked.language, now, refresh.shown, admin).within_reach()
    asked_for = digest([*wish, asked.language, admin])
    try:
        return _read(refresh, ask, asked_for, known)
    except LoginlakeError as error:
        logger.warning("dashboard: gold cannot be read", extra={"condition": type(error).__name__})
        stamp = {**known, "read": "", "state": "error"}
        if known.get("state") == "error":
            return News({}, stamp)
        has_data = " has-data" if known.get("shape") else ""
        parts: dict[str, Props] = {
            "clock": {"children": views.unreachable(asked.language)},
            "page": {"className": f"page is-error{has_data}"},
        }
        return News(parts, {**stamp, "clock": ""})


def _read(refresh: Refresh, ask: Ask, asked_for: str, known: Mapping[str, Any]) -> News:
    """Only the clock is made anew while the generation, the minute's zone day and the wish stay the same."""
    snapshot = refresh.sources.open_snapshot()
    complete = formats.moment(snapshot.complete_until) if snapshot.complete_until else None
    stamp: dict[str, Any] = {**known}
    parts: dict[str, Props] = {}
    clock = {"children": views.clock(complete, ask.now, ask.shown.zone, ask.shown.stale_s, ask.language)}
    stamp["clock"] = digest(clock)
    if stamp["clock"] != known.get("clock"):
        parts["clock"] = clock
    # The path counts what is not in gold yet: its page is looked at anew each time.
    live = ask.now.isoformat() if ask.wish.page == "pipeline" else ""
    hour = complete.replace(minute=0, second=0, microsecond=0).isoformat() if complete else ""
    day = ask.now.astimezone(ask.shown.zone).date()
    read = digest([snapshot.generation, hour, ask.today, day, asked_for, live])
    if read == known.get("read"):
        return News(parts, stamp)
    stamp["read"] = read
    page = Parts(f"{ask.wish.page}:{ask.language}:{ask.admin}:{ask.wish.person}")
    children = PAGES[ask.wish.page].draw(page, snapshot, refresh.sources, ask)
    found = page.digests()
    if known.get("shape") != page.shape:
        parts["view"] = {"children": children, "className": f"view view-{ask.wish.page or 'simple'}"}
        parts["title"] = {"children": ask.text(PAGES[ask.wish.page].title)}
        parts["nav"] = {"className": f"nav at-{ask.wish.page or 'simple'}"}
    else:
        had = known.get("parts")
        seen = had if isinstance(had, dict) else {}
        parts |= {name: page.found[name] for name, state in found.items() if state != seen.get(name)}
    stamp |= {"shape": page.shape, "parts": found}
    totals = snapshot.pipeline()
    stamp["state"] = "ready" if totals["signins"] or totals["refusals"] or totals["rejected"] else "empty"
    if stamp["state"] != known.get("state"):
        parts["page"] = {"className": f"page is-{stamp['state']}"}
    return News(parts, stamp)
