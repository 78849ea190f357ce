"""Retention: who came in which week, and how many of them came again later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html

from loginlake.dashboard import formats
from loginlake.dashboard.ask import Ask, Sources
from loginlake.dashboard.charts import COLOURS, LINES, Drawn, Said, chart
from loginlake.dashboard.lists import nothing
from loginlake.dashboard.parts import Parts, card, heat, table
from loginlake.dashboard.series import Cohort, cohorts, curve
from loginlake.dashboard.source import Answers

Component = Any
WEEKS = 13


def page(parts: Parts, snapshot: Answers, sources: Sources, ask: Ask) -> list[Component]:
    """The page."""
    del sources
    found = cohorts(snapshot.cohorts(), WEEKS)
    if not found:
        parts.shape += ":none"
        return [card("triangle", ask.text("retention"), [nothing(ask)], note=ask.text("retention_wait"))]
    return [_curve(parts, found, ask), _triangle(parts, found, ask)]


def _curve(parts: Parts, found: Sequence[Cohort], ask: Ask) -> Component:
    points = curve(found)
    data = [{"week": ask.text("week_n", n=age), "share": round(100 * n / of, 1)} for age, n, of in points]
    rows = [
        [ask.text("week_n", n=age), formats.share(n, of, ask.language), ask.number(n), ask.number(of)]
        for age, n, of in points
    ]
    columns = [ask.text("weeks_later"), ask.text("share"), ask.text("came_again"), ask.text("of_people")]
    second = points[1] if len(points) > 1 else points[0]
    body = chart(
        parts,
        "curve",
        dmc.AreaChart,
        Drawn(data, [{"name": "share", "label": ask.text("share"), "color": COLOURS[0]}]),
        ask,
        Said(
            ask.text("curve_label", share=formats.share(second[1], second[2], ask.language)),
            table(ask.text("retention_curve"), columns, rows),
        ),
        dataKey="week",
        unit=formats.percent(0, ask.language)[1:],
        yAxisProps={"width": 56, "domain": [0, 100]},
        xAxisProps={"tickMargin": 8, "minTickGap": 24},
        **{**LINES, "withDots": True, "curveType": "linear"},
    )
    return card("curve", ask.text("retention_curve"), body, note=ask.text("curve_note"))


def _triangle(parts: Parts, found: Sequence[Cohort], ask: Ask) -> Component:
    ages = max(len(cohort.active) for cohort in found)
    head = [html.Th(ask.text("cohort"), scope="col", className="first"), html.Th(ask.text("people"), scope="col")]
    head += [html.Th(f"+{age}", scope="col", title=ask.text("week_n", n=age)) for age in range(ages)]
    body = []
    for cohort in found:
        week = formats.full_day(cohort.week, ask.language)
        cells: list[Component] = [
            heat(
                formats.share(number, cohort.people, ask.language),
                ask.text("cell", n=ask.number(number), people=ask.number(cohort.people), week=week, age=age),
                number,
                cohort.people,
            )
            for age, number in enumerate(cohort.active)
        ]
        cells += [html.Td("", className="blank")] * (ages - len(cells))
        body.append(
            html.Tr([html.Th(week, scope="row"), html.Td(ask.number(cohort.people), className="plain"), *cells])
        )
    caption = html.Caption(ask.text("retention"), className="unseen")
    live = html.Table([caption, html.Thead(html.Tr(head)), html.Tbody(body)], className="heat triangle")
    box = parts.scroll("triangle", live, "triangle-card", "wide")
    how = html.Details([html.Summary(ask.text("how")), html.P(ask.text("how_retention"))], className="how")
    return card("triangle-card", ask.text("retention"), [box, how], note=ask.text("retention_note"))
