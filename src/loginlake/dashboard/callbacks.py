"""What makes the page fill and refresh itself: one callback every few seconds that sends only what changed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from anyio import to_thread
from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from loginlake.dashboard import figures, formats, views
from loginlake.dashboard.layout import DEFAULT_RANGE, hourly_note
from loginlake.dashboard.photos import Photos
from loginlake.dashboard.source import Answers, visit
from loginlake.dashboard.texts import Language
from loginlake.errors import LoginlakeError

logger = logging.getLogger(__name__)

LATEST = 25
REASONS = 6
OUTPUTS: Mapping[str, tuple[str, str]] = {
    "page": ("page", "className"),
    "clock": ("clock", "children"),
    "totals": ("totals", "children"),
    "daily_chart": ("daily-chart", "data"),
    "daily_axis": ("daily-chart", "xAxisProps"),
    "daily_label": ("daily-label", "children"),
    "daily_table": ("daily-table", "children"),
    "hourly_chart": ("hourly-chart", "data"),
    "hourly_label": ("hourly-label", "children"),
    "hourly_table": ("hourly-table", "children"),
    "hourly_note": ("hourly-note", "children"),
    "latest": ("latest", "children"),
    "path": ("path", "children"),
    "path_note": ("path-note", "children"),
    "stamp": ("stamp", "data"),
    "beat": ("beat", "data"),
}


class Refresh(NamedTuple):
    """What a refresh reads and how it shows it. `open_snapshot` is called in a thread, once a refresh."""

    open_snapshot: Callable[[], Answers]
    zone: ZoneInfo
    photos: Photos
    stale_s: float
    clock: Callable[[], datetime]


def register(app: Dash, refresh: Refresh) -> None:
    """Add the page's callbacks to the app."""

    @app.callback(
        output={name: Output(*where) for name, where in OUTPUTS.items()},
        inputs={"ask": Input("ask", "data"), "shown": Input("range", "value")},
        state={"stamp": State("stamp", "data")},
    )
    async def answer(ask: int, shown: object, stamp: object) -> dict[str, Any]:
        known = stamp if isinstance(stamp, dict) else {}
        days = _range(shown)
        language = visit.get().language
        found = await to_thread.run_sync(updates, refresh, days, language, known)
        return {**found, "beat": ask}  # the page sees by it that it was answered

    browser: Any = app.clientside_callback  # it has no types
    for name in ("daily", "hourly"):
        browser(
            ClientsideFunction("loginlake", "view"), Output(f"{name}-body", "className"), Input(f"{name}-view", "value")
        )
    browser(
        ClientsideFunction("loginlake", "ask"),
        Output("ask", "data"),
        Output("offline", "hidden"),
        Input("tick", "n_intervals"),
        Input("beat", "data"),
    )


def _range(shown: object) -> int:
    found = [days for days in figures.RANGES if str(days) == shown]
    return found[0] if found else DEFAULT_RANGE


class _Ask(NamedTuple):
    """One refresh: what is shown, in which words, and when."""

    shown: int
    language: Language
    now: datetime


class _Page:
    """What the page has, by digests (`known`), and what it gets."""

    def __init__(self, known: Mapping[str, Any], language: Language) -> None:
        self.known, self._language = known, language
        self.stamp = dict(known)
        self.outputs: dict[str, Any] = dict.fromkeys(OUTPUTS, no_update)

    def changed(self, part: str, values: object) -> bool:
        """Whether a part differs from what the page has; if so it must now be given."""
        digest = hashlib.blake2b(repr((values, self._language)).encode("utf-8", "surrogatepass"), digest_size=9)
        self.stamp[part] = digest.hexdigest()
        return bool(self.stamp[part] != self.known.get(part))

    def give(self, **outputs: Any) -> None:
        """New content."""
        self.outputs.update(outputs)


def updates(refresh: Refresh, shown: int, language: Language, known: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs by name: new content where it differs from what the page has (`known`), no_update elsewhere."""
    ask = _Ask(shown, language, refresh.clock())
    page = _Page(known, language)
    try:
        _fill(page, refresh, ask)
    except LoginlakeError as error:
        logger.warning("dashboard: gold cannot be read", extra={"condition": type(error).__name__})
        page = _Page(known, language)
        page.changed("clock", "error")
        page.stamp["read"] = ""
        if page.changed("page", "error"):
            has_data = " has-data" if known.get("totals") else ""
            page.give(clock=views.unreachable(language), page=f"page is-error{has_data}")
    if page.stamp != known:
        page.give(stamp=page.stamp)
    return page.outputs


def _fill(page: _Page, refresh: Refresh, ask: _Ask) -> None:
    """Only the clock is made anew while the generation, the hour and the wish stay the same."""
    snapshot = refresh.open_snapshot()
    complete = formats.moment(snapshot.complete_until) if snapshot.complete_until else None
    _fill_clock(page, refresh, ask, complete)
    today = ask.now.astimezone(UTC).date()
    local_day = ask.now.astimezone(refresh.zone).date()
    hours = figures.full_hours(complete, today)
    if page.changed("read", (snapshot.generation, hours, ask.shown, today, local_day)):
        days = figures.by_date(snapshot.days(*(at.isoformat() for at in figures.reach(today, ask.shown))))
        _fill_days(page, refresh, ask, days, hours)
        _fill_lists(page, refresh, ask, snapshot)


def _fill_clock(page: _Page, refresh: Refresh, ask: _Ask, complete: datetime | None) -> None:
    zone, language = refresh.zone, ask.language
    behind = (ask.now - complete).total_seconds() if complete else 0.0
    late = formats.ago(behind, language) if behind > refresh.stale_s else ""
    minute = complete.replace(second=0, microsecond=0) if complete else None
    if page.changed("clock", (minute, late, ask.now.astimezone(zone).date())):
        page.give(clock=views.clock(complete, ask.now, zone, refresh.stale_s, language))


def _fill_days(page: _Page, refresh: Refresh, ask: _Ask, days: Mapping[date, figures.Document], hours: int) -> None:
    language, today = ask.language, ask.now.astimezone(UTC).date()
    totals = figures.totals(days, today, hours)
    if page.changed("totals", (totals, today)):
        page.give(totals=views.tiles(totals, language, today))
    daily = figures.daily(days, today, ask.shown)
    if page.changed("daily", daily):
        page.give(
            daily_chart=views.daily_points(daily, language),
            daily_axis=views.daily_axis(daily, language),
            daily_label=views.daily_label(daily, language),
            daily_table=views.daily_table(daily, language),
        )
    hourly = figures.hourly(days, today, ask.shown, refresh.zone)
    if page.changed("hourly", (hourly, ask.shown)):
        page.give(
            hourly_chart=views.hourly_points(hourly),
            hourly_label=views.hourly_label(hourly, language),
            hourly_table=views.hourly_table(hourly, language),
            hourly_note=hourly_note(refresh.zone, ask.shown, language),
        )


def _fill_lists(page: _Page, refresh: Refresh, ask: _Ask, snapshot: Answers) -> None:
    latest = figures.latest(snapshot.recent(), refresh.photos, LATEST)
    path = figures.path(snapshot.pipeline(), REASONS)
    if page.changed("latest", (latest, ask.now.astimezone(refresh.zone).date())):
        page.give(latest=views.latest(latest, ask.now, refresh.zone, ask.language))
    if page.changed("path", path):
        page.give(path=views.path(path, ask.language), path_note=views.path_note(path, ask.language))
    empty = not (latest or path.signins or path.refusals or path.rejected)
    if page.changed("page", empty):
        page.give(page="page is-empty" if empty else "page is-ready")
