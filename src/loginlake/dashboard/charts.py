"""Charts: one look for all of them, and beside each picture its sentence, its keys and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import dash_mantine_components as dmc
from dash import html

from loginlake.dashboard import formats
from loginlake.dashboard.ask import Ask, Known
from loginlake.dashboard.drawn import Tree
from loginlake.dashboard.parts import Parts, Props, aria, table

Component = Any
COLOURS = (
    "var(--ll-accent)",
    "var(--ll-gold)",
    "var(--ll-silver)",
    "var(--ll-bad)",
    "var(--ll-bronze)",
    "var(--ll-good)",
)
"""Neighbours differ most. In lines, DASHES say the same; in bars, the order does."""
DASHES = ("0", "6 4", "2 3")
SO_FAR = "_so_far"
BEFORE = "before"
"""The name of the line that is compared with: its days are over, and known or None."""
_OPEN_DASH = "1 4"
LINES: Props = {"curveType": "monotone", "withDots": False, "strokeWidth": 2}
"""How lines and areas are drawn."""
STACKED: Props = {"type": "stacked", "barProps": {"stroke": "var(--ll-surface)", "strokeWidth": 1, "strokeOpacity": 1}}
"""How bars on one another are drawn: with a gap, so that no two colours touch."""
_COUNTS = {"width": 46, "allowDecimals": False, "tickFormatter": {"function": "number"}}
_STYLE: Props = {"h": "100%", "gridAxis": "x", "tickLine": "none", "withLegend": False}
_MARGIN = {"accessibilityLayer": False, "margin": {"left": 0, "right": 8, "top": 8}}
_INNER = {
    dmc.AreaChart: "areaChartProps",
    dmc.BarChart: "barChartProps",
    dmc.CompositeChart: "composedChartProps",
    dmc.LineChart: "lineChartProps",
}
_DAYS_A_LABEL = ((7, 1), (31, 7), (100, 14), (2_000, 61))
_SHAPES = {"line": ("key-0", "key-1", "key-2"), "bar": ("key-bar",)}


class Drawn(NamedTuple):
    """What a chart draws: its points, and its series as Mantine wants them."""

    points: list[dict[str, Any]]
    series: list[Props]


class Said(NamedTuple):
    """What a chart says to who does not see it: a sentence, and its numbers as a table."""

    sentence: str
    numbers: Component


def chart(
    parts: Parts,
    name: str,
    kind: Any,
    drawn: Drawn,
    ask: Ask,
    said: Said,
    inner: Props | None = None,
    **still: Any,
) -> list[Component]:
    """A chart as one picture, and below it the same numbers as a table, folded up."""
    labels = {one["name"]: one["label"] for one in drawn.series}
    words = {"labels": labels, "soFar": ask.text("so_far"), "unit": still.get("unit", "")}
    live: Props = {
        "data": drawn.points,
        "series": drawn.series,
        "tooltipProps": {"content": {"function": "tooltip", "options": words}},
        "xAxisProps": still.pop("xAxisProps", {}),
    }
    still = {"yAxisProps": _COUNTS, _INNER[kind]: {**_MARGIN, **(inner or {})}, **still}
    drawing = parts(kind, f"{name}-chart", live, **_STYLE, **still)
    return [
        html.Div(drawing, role="img", className="chart", **aria(labelledby=f"{name}-label")),
        parts(html.Span, f"{name}-label", {"children": said.sentence}, className="unseen"),
        html.Details(
            [html.Summary(ask.text("view_table")), parts.scroll(f"{name}-table", said.numbers, name, "as-table")],
            className="fold",
        ),
    ]


def keys(parts: Parts, name: str, drawn: Drawn, shape: str) -> Component:
    """The names of the series, each with what draws it: a line by its dashes too, a bar by its place in the order."""
    shapes = _SHAPES[shape]
    shown = [one for one in drawn.series if not one["name"].endswith(SO_FAR)]
    words = []
    for at, one in enumerate(shown):
        mark = html.Span(className=f"key {shapes[at % len(shapes)]}", style={"--c": one["color"]})
        words.append(html.Span([mark, one["label"]], className="series"))
    return parts.div(f"{name}-keys", words, className="keys")


def axis(days: Sequence[date], ask: Ask) -> Props:
    """The axis below a chart by day: the last day is named, and from there equal steps back."""
    step = next(step for most, step in _DAYS_A_LABEL if len(days) <= most)
    ticks = [formats.axis_day(day, ask.language, len(days)) for day in list(reversed(days))[::step][::-1]]
    return {"minTickGap": 12, "interval": "preserveEnd", "tickMargin": 8, "ticks": ticks}


def lines(
    days: Sequence[date], labels: Mapping[str, str], numbers: Mapping[str, Sequence[int | None]], known: Known, ask: Ask
) -> Drawn:
    """Figures of some days as lines. A day that gold does not know is a gap, not a zero; the one that is not over is
    drawn apart, in dots from the day before: a curve would dip for what has not happened yet.
    """
    points = _points(days, known, ask)
    series: list[Props] = []
    for place, key in enumerate(labels):
        look = {"label": labels[key], "color": COLOURS[place], "type": "line"}
        series.append({"name": key, "strokeDasharray": DASHES[place], **look})
        begun = [known.open] if key != BEFORE else []
        for at, (day, number) in enumerate(zip(days, numbers[key], strict=True)):
            points[at][key] = number if key == BEFORE or (known.has(day) and day not in begun) else None
            if day in begun:
                points[at][key + SO_FAR] = number
                points[max(0, at - 1)].setdefault(key + SO_FAR, numbers[key][max(0, at - 1)])
                series.append({"name": key + SO_FAR, "strokeDasharray": _OPEN_DASH, **look})
    return Drawn(points, series)


def stacked(
    days: Sequence[date],
    labels: Mapping[str, str],
    numbers: Mapping[str, Sequence[int]],
    colours: Sequence[str],
    known: Known,
    ask: Ask,
) -> Drawn:
    """Figures of some days as bars on one another."""
    points = _points(days, known, ask)
    for key in labels:
        for at, number in enumerate(numbers[key]):
            points[at][key] = number
    found = zip(labels.items(), colours, strict=False)
    return Drawn(points, [{"name": key, "label": label, "color": colour} for (key, label), colour in found])


def _points(days: Sequence[date], known: Known, ask: Ask) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"day": formats.axis_day(day, ask.language, len(days))} for day in days]
    if known.open in days:
        found[days.index(known.open)]["open"] = True
    return found


def day_table(
    title: str,
    days: Sequence[date],
    labels: Mapping[str, str],
    numbers: Mapping[str, Sequence[int | None]],
    known: Known,
    ask: Ask,
) -> Component:
    """The same figures as a table, the latest day first; each day leads to where its numbers are from."""
    columns = [numbers[key] for key in labels]
    rows: list[list[Any]] = []
    for at in range(len(days) - 1, -1, -1):
        day, told = days[at], known.has(days[at])
        shown = [column[at] if told or key == BEFORE else None for key, column in zip(labels, columns, strict=True)]
        words = formats.full_day(day, ask.language)
        if day == known.open:
            words = f"{words} ({ask.text('so_far')})"
        rows.append([day.isoformat() if told and known.first else "", words, *shown])
    return table(title, [ask.text("day"), *labels.values()], [], days=rows)


def day_link(day: date, known: Known, ask: Ask) -> Component:
    """A day that leads to its objects in the lake; the one that is not over says so."""
    words = formats.full_day(day, ask.language)
    if known.first is None or not known.has(day):
        return words
    link = Tree(["a", {"href": f"/dashboard/pipeline?day={day}"}, words])  # of a year they are many
    return Tree(["", {}, link, f" ({ask.text('so_far')})"]) if day == known.open else link
