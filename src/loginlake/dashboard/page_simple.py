"""The first page: the few figures and two charts that say who signed in, when and how often, on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from loginlake.dashboard import figures, formats, views
from loginlake.dashboard.ask import Ask, Sources, series
from loginlake.dashboard.charts import COLOURS, COUNTS, DASHES, LINES, chart
from loginlake.dashboard.controls import range_control
from loginlake.dashboard.drawn import drawn
from loginlake.dashboard.parts import Parts, aria, card
from loginlake.dashboard.source import Answers

Component = Any
RANGES = (7, 30, 90)
LATEST = 25
REASONS = 6


def page(parts: Parts, snapshot: Answers, sources: Sources, ask: Ask) -> list[Component]:
    """The page."""
    del sources
    first, last = figures.reach(ask.today, ask.wish.days)
    days = series(snapshot, first, last).documents()
    complete = formats.moment(snapshot.complete_until) if snapshot.complete_until else None
    totals = figures.totals(days, ask.today, figures.full_hours(complete, ask.today))
    tiles = parts(html.Dl, "totals", drawn(views.tiles(totals, ask.language, ask.today)), className="tiles")
    return [
        html.Section(tiles, **aria(label=ask.text("figures"))),
        html.Div([_daily(parts, days, ask), _hourly(parts, days, ask)], className="row row-charts"),
        html.Div([_latest(parts, snapshot, ask), _path(parts, snapshot, ask)], className="row row-lists"),
    ]


def _daily(parts: Parts, days: Mapping[date, figures.Document], ask: Ask) -> Component:
    found, lang = figures.daily(days, ask.today, ask.wish.days), ask.language
    body = chart(
        parts,
        "daily",
        dmc.CompositeChart,
        {"data": views.daily_points(found, lang), "xAxisProps": views.daily_axis(found, lang)},
        ask,
        label=views.daily_label(found, lang),
        numbers=views.daily_table(found, lang),
        dataKey="day",
        series=[
            {"name": "signins", "label": ask.text("signins"), "color": COLOURS[0], "type": "area"},
            {"name": "people", "label": ask.text("people"), "color": COLOURS[1], "type": "line"},
        ],
        lineProps={"strokeDasharray": DASHES[1]},
        **LINES,
        **COUNTS,
    )
    keys = [
        html.Span([html.Span(className=f"key key-{name}"), ask.text(name)], className="series")
        for name in ("signins", "people")
    ]
    note = [*keys, html.Span(ask.text("daily_note"))]
    return card("daily", ask.text("daily"), body, note=note, tools=[range_control(parts, ask, RANGES)])


def _hourly(parts: Parts, days: Mapping[date, figures.Document], ask: Ask) -> Component:
    found, lang = figures.hourly(days, ask.today, ask.wish.days, ask.shown.zone), ask.language
    body = chart(
        parts,
        "hourly",
        dmc.BarChart,
        {"data": views.hourly_points(found)},
        ask,
        label=views.hourly_label(found, lang),
        numbers=views.hourly_table(found, lang),
        dataKey="hour",
        series=[{"name": "signins", "label": ask.text("signins"), "color": COLOURS[0]}],
        barProps={"radius": [3, 3, 0, 0]},
        xAxisProps={
            "ticks": [f"{hour:02d}:00" for hour in range(0, 24, 4)],
            "interval": "equidistantPreserveStart",
            "tickMargin": 8,
        },
        **COUNTS,
    )
    zone = formats.zone_words(ask.shown.zone, lang)
    note = parts.div("hourly-note", ask.text("hourly_note", zone=zone, days=ask.wish.days))
    return card("hourly", ask.text("hourly"), body, note=note)


def _latest(parts: Parts, snapshot: Answers, ask: Ask) -> Component:
    items = figures.latest(snapshot.recent(), ask.shown.photos, LATEST)
    rows = views.latest(items, ask)
    return card("latest", ask.text("latest"), [parts.scroll("latest", rows, "latest", "scroll")])


def _path(parts: Parts, snapshot: Answers, ask: Ask) -> Component:
    found = figures.path(snapshot.pipeline(), REASONS)
    body = parts.div(
        "path", views.path(found, ask.language), className="path", role="group", **aria(labelledby="path-title")
    )
    since = parts(html.Span, "path-note", {"children": views.path_note(found, ask.language)}, className="note")
    more = dcc.Link(ask.text("more"), href="/dashboard/pipeline", className="more")
    return card("path", ask.text("pipeline"), [body], tools=[since, more])
