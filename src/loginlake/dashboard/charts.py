"""Charts: one look for all of them, and beside each picture its sentence and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import html

from loginlake.dashboard import formats
from loginlake.dashboard.ask import Ask
from loginlake.dashboard.parts import Parts, Props, aria, table

Component = Any
COLOURS = (
    "var(--ll-accent)",
    "var(--ll-gold)",
    "var(--ll-bronze)",
    "var(--ll-silver)",
    "var(--ll-good)",
    "var(--ll-bad)",
)
DASHES = ("0", "6 4", "2 3", "10 3", "8 3 2 3", "1 5")
COUNTS: Props = {"valueFormatter": {"function": "number"}, "yAxisProps": {"width": 46, "allowDecimals": False}}
"""How a chart writes whole numbers."""
LINES: Props = {"curveType": "monotone", "withDots": False, "strokeWidth": 2}
"""How lines and areas are drawn."""
_STYLE: Props = {"h": "100%", "gridAxis": "x", "tickLine": "none"}
_MARGIN = {"accessibilityLayer": False, "margin": {"left": 0, "right": 8, "top": 8}}
_INNER = {
    dmc.AreaChart: "areaChartProps",
    dmc.BarChart: "barChartProps",
    dmc.CompositeChart: "composedChartProps",
    dmc.LineChart: "lineChartProps",
}
_DAYS_A_LABEL = ((7, 1), (31, 7), (100, 14), (2_000, 61))


def chart(
    parts: Parts, name: str, kind: Any, live: Props, ask: Ask, *, label: str, numbers: Component, **still: Any
) -> list[Component]:
    """A chart as one picture with a sentence (`label`), and below it the same `numbers` as a table, folded up."""
    drawing = parts(kind, f"{name}-chart", live, **_STYLE, **{_INNER[kind]: _MARGIN}, **still)
    return [
        html.Div(drawing, role="img", className="chart", **aria(labelledby=f"{name}-label")),
        parts(html.Span, f"{name}-label", {"children": label}, className="unseen"),
        html.Details(
            [html.Summary(ask.text("view_table")), parts.scroll(f"{name}-table", numbers, name, "as-table")],
            className="fold",
        ),
    ]


def legend(*, shown: bool = True, height: int = 30) -> Props:
    """The names of the series above the chart; one that is alone needs none. `height` is in pixels."""
    return {"withLegend": shown, "legendProps": {"verticalAlign": "top", "height": height}}


def axis(days: Sequence[date], ask: Ask) -> Props:
    """The axis below a chart by day: the last day is named, and from there equal steps back."""
    step = next(step for most, step in _DAYS_A_LABEL if len(days) <= most)
    ticks = [formats.axis_day(day, ask.language) for day in list(reversed(days))[::step][::-1]]
    return {"minTickGap": 12, "interval": "preserveEnd", "tickMargin": 8, "ticks": ticks}


def by_day(
    title: str, days: Sequence[date], labels: Mapping[str, str], numbers: Mapping[str, Sequence[int]], ask: Ask
) -> tuple[list[dict[str, Any]], Component]:
    """Figures of some days as the points of a chart and as its table, the latest day first; `labels` name them."""
    points = [
        {"day": formats.axis_day(day, ask.language), **{key: numbers[key][at] for key in labels}}
        for at, day in enumerate(days)
    ]
    rows = [
        [formats.full_day(day, ask.language), *(ask.number(numbers[key][at]) for key in labels)]
        for at, day in enumerate(days)
    ]
    return points, table(title, [ask.text("day"), *labels.values()], rows[::-1])
