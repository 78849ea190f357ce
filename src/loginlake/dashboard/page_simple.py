"""The first page: the few figures and two charts that say who signed in, when and how often, on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from loginlake.dashboard import figures, formats, views
from loginlake.dashboard.ask import Ask, Known, Sources, known, series
from loginlake.dashboard.charts import COLOURS, LINES, Drawn, Said, axis, chart, day_table, keys, lines
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
        html.Div([_daily(parts, days, known(snapshot), ask), _hourly(parts, days, ask)], className="row row-charts"),
        html.Div([_latest(parts, snapshot, ask), _path(parts, snapshot, ask)], className="row row-lists"),
    ]


def _daily(parts: Parts, days: Mapping[date, figures.Document], told: Known, ask: Ask) -> Component:
    found = figures.daily(days, ask.today, ask.wish.days)
    dates = [one.day for one in found]
    labels = {name: ask.text(name) for name in ("signins", "people")}
    numbers = {"signins": [one.signins for one in found], "people": [one.people for one in found]}
    drawn = lines(dates, labels, numbers, told, ask)
    drawn.series[0]["type"] = "area"
    body = chart(
        parts,
        "daily",
        dmc.CompositeChart,
        drawn,
        ask,
        Said(views.daily_label(found, ask.language), day_table(ask.text("daily"), dates, labels, numbers, told, ask)),
        xAxisProps=axis(dates, ask),
        dataKey="day",
        **LINES,
    )
    note = [keys(parts, "daily", drawn, "line"), html.Span(ask.text("daily_note"))]
    return card("daily", ask.text("daily"), body, note=note, tools=[range_control(parts, ask, RANGES)])


def _hourly(parts: Parts, days: Mapping[date, figures.Document], ask: Ask) -> Component:
    found, lang = figures.hourly(days, ask.today, ask.wish.days, ask.shown.zone), ask.language
    body = chart(
        parts,
        "hourly",
        dmc.BarChart,
        Drawn(views.hourly_points(found), [{"name": "signins", "label": ask.text("signins"), "color": COLOURS[0]}]),
        ask,
        Said(views.hourly_label(found, lang), views.hourly_table(found, lang)),
        dataKey="hour",
        barProps={"radius": [3, 3, 0, 0]},
        xAxisProps={
            "ticks": [f"{hour:02d}:00" for hour in range(0, 24, 4)],
            "interval": "equidistantPreserveStart",
            "tickMargin": 8,
        },
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
    since = parts(html.Span, "path-note", {"children": views.path_note(found, ask.language)})
    more = dcc.Link(ask.text("more"), href="/dashboard/pipeline", className="more")
    return card("path", ask.text("pipeline"), [body], note=since, tools=[more])
