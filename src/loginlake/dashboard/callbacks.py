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
from loginlake.dashboard.source import Answers, visit
from loginlake.dashboard.texts import Language
from loginlake.errors import LoginlakeError

logger = logging.getLogger(__name__)

LATEST = 25
REASONS = 4
OUTPUTS: Mapping[str, tuple[str, str]] = {
    "page": ("page", "className"),
    "clock": ("clock", "children"),
    "totals": ("totals", "children"),
    "daily_chart": ("daily-chart", "data"),
    "daily_label": ("daily-label", "children"),
    "daily_table": ("daily-table", "children"),
    "hourly_chart": ("hourly-chart", "data"),
    "hourly_label": ("hourly-label", "children"),
    "hourly_table": ("hourly-table", "children"),
    "hourly_note": ("hourly-note", "children"),
    "latest": ("latest", "children"),
    "path": ("path", "children"),
    "stamp": ("stamp", "data"),
    "beat": ("beat", "data"),
}


class Refresh(NamedTuple):
    """What a refresh reads and how it shows it. `open_snapshot` is called in a thread, once a refresh."""

    open_snapshot: Callable[[], Answers]
    zone: ZoneInfo
    photo_sources: tuple[str, ...]
    stale_s: float
    clock: Callable[[], datetime]


def register(app: Dash, refresh: Refresh) -> None:
    """Add the page's callbacks to the app."""

    @app.callback(
        output={name: Output(*where) for name, where in OUTPUTS.items()},
        inputs={"_tick": Input("tick", "n_intervals"), "shown": Input("range", "value")},
        state={"stamp": State("stamp", "data")},
    )
    async def answer(_tick: int, shown: object, stamp: object) -> dict[str, Any]:
        known = stamp if isinstance(stamp, dict) else {}
        days = _range(shown)
        language = visit.get().language
        return await to_thread.run_sync(updates, refresh, days, language, known)

    for name in ("daily", "hourly"):
        app.clientside_callback(
            ClientsideFunction("loginlake", "view"), Output(f"{name}-body", "className"), Input(f"{name}-view", "value")
        )
    app.clientside_callback(
        ClientsideFunction("loginlake", "offline"),
        Output("offline", "hidden"),
        Input("tick", "n_intervals"),
        Input("beat", "data"),
    )


def _range(shown: object) -> int:
    found = [days for days in figures.RANGES if str(days) == shown]
    return found[0] if found else DEFAULT_RANGE


def updates(refresh: Refresh, shown: int, language: Language, known: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs by name: new content where it differs from what the page has (`known`), no_update elsewhere."""
    now = refresh.clock()
    result: dict[str, Any] = dict.fromkeys(OUTPUTS, no_update)
    result["beat"] = now.isoformat(timespec="milliseconds")
    try:
        stamp = _content(refresh, shown, language, known, now, result)
    except LoginlakeError as error:
        logger.warning("dashboard: gold cannot be read", extra={"condition": type(error).__name__})
        stamp = {**known, "clock": "error", "page": "error", "read": None}
        if known.get("page") != "error":
            result["clock"] = views.unreachable(language)
            result["page"] = "page is-error" + (" has-data" if known.get("totals") else "")
    if stamp != known:
        result["stamp"] = stamp
    return result


def _content(
    refresh: Refresh,
    shown: int,
    language: Language,
    known: Mapping[str, Any],
    now: datetime,
    result: dict[str, Any],
) -> dict[str, Any]:
    """Fill `result` with what changed; the new stamp. Only the clock is made anew while the generation stays."""
    snapshot = refresh.open_snapshot()
    complete = formats.moment(snapshot.complete_until) if snapshot.complete_until else None
    stamp = dict(known)

    def offer(name: str, values: object, made: Callable[[], Mapping[str, Any]]) -> None:
        digest = _digest((values, language))
        if known.get(name) != digest:
            result.update(made())
            stamp[name] = digest

    behind = (now - complete).total_seconds() if complete else 0.0
    late = formats.ago(behind, language) if behind > refresh.stale_s else ""
    local_day = now.astimezone(refresh.zone).date()
    minute = complete.replace(second=0, microsecond=0) if complete else None
    offer(
        "clock",
        (minute, late, local_day),
        lambda: {"clock": views.clock(complete, now, refresh.zone, refresh.stale_s, language)},
    )
    today = now.astimezone(UTC).date()
    read = _digest((snapshot.published_at, snapshot.complete_until, shown, language, today, local_day))
    if known.get("read") != read:
        _read(snapshot, refresh, shown, language, now, today, complete, offer)
        stamp["read"] = read
    return stamp


def _read(
    snapshot: Answers,
    refresh: Refresh,
    shown: int,
    language: Language,
    now: datetime,
    today: date,
    complete: datetime | None,
    offer: Callable[[str, object, Callable[[], Mapping[str, Any]]], None],
) -> None:
    zone = refresh.zone
    days = figures.by_date(snapshot.days(*figures.reach(today, shown)))
    totals = figures.totals(days, today, complete)
    daily = figures.daily(days, today, shown)
    hourly = figures.hourly(days, today, shown, zone)
    latest = figures.latest(snapshot.recent(), refresh.photo_sources, LATEST)
    path = figures.path(snapshot.pipeline(), REASONS)
    empty = not latest and not path.signins and not path.refusals and not path.rejected
    offer("page", empty, lambda: {"page": "page is-empty" if empty else "page is-ready"})
    offer("totals", (totals, today), lambda: {"totals": views.tiles(totals, language, today)})
    offer(
        "daily",
        daily,
        lambda: {
            "daily_chart": views.daily_points(daily, language),
            "daily_label": views.daily_label(daily, language),
            "daily_table": views.daily_table(daily, language),
        },
    )
    offer(
        "hourly",
        (hourly, shown),
        lambda: {
            "hourly_chart": views.hourly_points(hourly),
            "hourly_label": views.hourly_label(hourly, language),
            "hourly_table": views.hourly_table(hourly, language),
            "hourly_note": hourly_note(zone, shown, language),
        },
    )
    offer(
        "latest", (latest, now.astimezone(zone).date()), lambda: {"latest": views.latest(latest, now, zone, language)}
    )
    offer("path", path, lambda: {"path": views.path(path, language)})


def _digest(values: object) -> str:
    return hashlib.blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()
