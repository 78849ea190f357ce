"""The overview: one range, one application and one comparison for everything on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple

import dash_mantine_components as dmc
from dash import html

from loginlake.dashboard import formats
from loginlake.dashboard.ask import Ask, Known, Sources, known, series
from loginlake.dashboard.charts import (
    BEFORE,
    COLOURS,
    LINES,
    STACKED,
    Said,
    axis,
    chart,
    day_table,
    keys,
    lines,
    stacked,
)
from loginlake.dashboard.controls import app_control, compare_control, range_control
from loginlake.dashboard.drawn import Tree, drawn
from loginlake.dashboard.figures import host
from loginlake.dashboard.lists import bar_list, method_words, refused_words
from loginlake.dashboard.parts import Parts, aria, card, figure_of, heat, tile
from loginlake.dashboard.series import Series, by_week, stickiness
from loginlake.dashboard.source import Answers
from loginlake.dashboard.wish import RANGES
from loginlake.gold.months import app_key

Component = Any
_LONG = 92  # days: beyond, lifecycles are shown by week
_LIFE = {"new": COLOURS[0], "returning": "var(--ll-lake-5)", "resurrected": COLOURS[1], "dormant": COLOURS[2]}
_NUMBER = {"class": "heat-number"}
_SIZES = {"width": 46, "allowDecimals": False, "tickFormatter": {"function": "size"}}


class Told(NamedTuple):
    """The figures of a view. `over`: those of the days that are over. `pair`: what is compared, day by day as many
    days that are over on both sides; None when there is nothing to compare with.
    """

    known: Known
    now: Series
    over: Series
    before: Series | None
    pair: tuple[Series, Series] | None


def page(parts: Parts, snapshot: Answers, sources: Sources, ask: Ask) -> list[Component]:
    """The page."""
    del sources
    wish = ask.wish
    told = _told(snapshot, ask)
    now = told.now
    whole = series(snapshot, wish.first, wish.last) if wish.app else now
    parts.shape += f":{bool(wish.app)}:{told.before is not None}"
    apps = {app_key(name): name for name in whole.names("by_source") if name != "*"}
    return [
        _toolbar(parts, apps, ask),
        html.Section(
            parts(html.Dl, "sums", drawn(_tiles(told, ask)), className="tiles tiles-4"),
            **aria(label=ask.text("figures")),
        ),
        _signins(parts, told, ask),
        _people(parts, told, ask),
        _lifecycle(parts, told, ask) if not wish.app else None,
        _heat(parts, now, ask),
        html.Div(_lists(parts, told, ask), className="row row-bars"),
    ]


def _told(snapshot: Answers, ask: Ask) -> Told:
    wish, what = ask.wish, known(snapshot)
    now = series(snapshot, wish.first, wish.last, wish.app)
    yesterday = wish.last if what.open is None else what.open - timedelta(days=1)
    over = now.until(yesterday) if yesterday >= wish.first else now
    span = wish.before()
    before = series(snapshot, *span, wish.app) if span else None
    if before is None or what.first is None or before.last < what.first:
        return Told(what, now, over, None, None)
    alike = before.until(over.last - (now.first - before.first))
    return Told(what, now, over, before, (over, alike) if what.first <= before.first else None)


def _toolbar(parts: Parts, apps: dict[str, str], ask: Ask) -> Component:
    def days(key: str, first: date, last: date) -> str:
        words = (formats.full_day(day, ask.language) for day in (first, last))
        return ask.text(key, **dict(zip(("first", "last"), words, strict=True)))

    span = ask.wish.before()
    said = [days("span", ask.wish.first, ask.wish.last), *([days("span_before", *span)] if span else [])]
    return html.Div(
        [
            range_control(parts, ask, RANGES),
            compare_control(parts, ask),
            app_control(parts, ask, apps),
            parts(html.Span, "span", {"children": " · ".join([*said, ask.text("daily_note")])}, className="note"),
        ],
        className="toolbar",
        role="group",
        **aria(label=ask.text("controls")),
    )


def _tiles(told: Told, ask: Ask) -> list[Component]:
    now = told.now
    busy = max(1, sum(1 for n in told.over.daily("signins") if n))
    mean = round(sum(told.over.daily("people")) / busy)
    found = [
        _tile("signins", ask.number(now.total("signins")), _versus(told, "signins", ask), ask),
        _tile("people_mean", ask.number(mean), html.Span(ask.text("people_mean_note", n=busy)), ask),
    ]
    month, sticky = now.latest("people_30"), stickiness(told.over)
    if not ask.wish.app:
        active = ask.number(month[0]) if month else "—"
        at = ask.text("as_of", day=formats.day(month[1], ask.language)) if month else ""
        found.append(_tile("people_30", active, html.Span(at), ask))
        words = html.Span(ask.text("stickiness_note"))
        found.append(_tile("stickiness", "—" if sticky is None else formats.percent(sticky, ask.language), words, ask))
    found.append(_tile("refused_sum", ask.number(now.total("refusals")), _versus(told, "refusals", ask), ask))
    return found


def _tile(key: str, value: str, more: Component, ask: Ask) -> Component:
    return tile(ask.text(key), *figure_of(value, more))


def _versus(told: Told, figure_: str, ask: Ask) -> Component:
    if ask.wish.compare == "none":
        return html.Span("")
    if told.pair is None:
        return html.Span(ask.text("compare_nothing"))
    counted, earlier = (one.total(figure_) for one in told.pair)
    change = formats.change(counted, earlier, ask.language) if earlier else "—"
    key = "compared" if told.over is told.now else "compared_over"
    return html.Span(ask.text(key, n=ask.number(earlier), change=change))


def _signins(parts: Parts, told: Told, ask: Ask) -> Component:
    now, before = told.now, told.before
    labels = {"signins": ask.text("signins")}
    numbers: dict[str, list[int | None]] = {"signins": list(now.daily("signins"))}
    if before is not None:
        labels[BEFORE] = ask.text(f"compare_{ask.wish.compare}")
        pairs = zip(before.days, before.daily("signins"), strict=True)
        numbers[BEFORE] = [number if told.known.has(day) else None for day, number in pairs]
    chart_ = lines(now.days, labels, numbers, told.known, ask)
    chart_.series[0]["type"] = "area"
    body = chart(
        parts,
        "signins",
        dmc.CompositeChart,
        chart_,
        ask,
        Said(
            _signins_in_words(now, now.daily("signins"), ask),
            day_table(ask.text("daily_signins"), now.days, labels, numbers, told.known, ask),
        ),
        xAxisProps=axis(now.days, ask),
        dataKey="day",
        **LINES,
    )
    named = [keys(parts, "signins", chart_, "line")] if before is not None else []
    return card("signins", ask.text("daily_signins"), [*named, *body])


def _signins_in_words(now: Series, counts: list[int], ask: Ask) -> str:
    top = max(range(len(counts)), key=counts.__getitem__)
    return ask.text(
        "overview_label",
        signins=ask.number(sum(counts)),
        peak=formats.full_day(now.days[top], ask.language),
        most=ask.number(counts[top]),
    )


def _people(parts: Parts, told: Told, ask: Ask) -> Component:
    now = told.now
    names = ("people",) if ask.wish.app else ("people", "people_7", "people_30")
    labels, numbers = {key: ask.text(key) for key in names}, {key: now.daily(key) for key in names}
    tops = "; ".join(f"{labels[key]}: {ask.number(max(numbers[key], default=0))}" for key in names)
    chart_ = lines(now.days, labels, numbers, told.known, ask)
    body = chart(
        parts,
        "active",
        dmc.LineChart,
        chart_,
        ask,
        Said(ask.text("highest", what=tops), day_table(ask.text("active"), now.days, labels, numbers, told.known, ask)),
        xAxisProps=axis(now.days, ask),
        dataKey="day",
        **LINES,
    )
    named = [keys(parts, "active", chart_, "line")] if len(names) > 1 else []
    note = ask.text("app_note" if ask.wish.app else "active_note")
    return card("active", ask.text("active"), [*named, *body], note=note)


def _lifecycle(parts: Parts, told: Told, ask: Ask) -> Component:
    """Who is active, by what they were before, above the line; who fell asleep below it: they are not active."""
    now = told.now
    daily = len(now.days) <= _LONG
    names = [key for key in _LIFE if daily or key != "returning"]  # a person may return on each day of a week
    numbers = {key: now.daily(key) for key in names}
    days = now.days
    if not daily:
        weeks = {key: by_week(now.days, numbers[key]) for key in names}
        days = [week for week, _ in weeks["new"]]
        numbers = {key: [number for _, number in weeks[key]] for key in names}
    parts.shape += f":{daily}"
    labels = {key: ask.text(key) for key in names}
    below = {**numbers, "dormant": [-number for number in numbers["dormant"]]}
    sums = "; ".join(f"{labels[key]}: {ask.number(sum(numbers[key]))}" for key in names if key != "returning")
    chart_ = stacked(days, labels, below, [_LIFE[key] for key in names], told.known if daily else Known(), ask)
    body = chart(
        parts,
        "lifecycle",
        dmc.BarChart,
        chart_,
        ask,
        Said(
            ask.text("in_all", what=sums),
            day_table(ask.text("lifecycle"), days, labels, numbers, told.known if daily else Known(), ask),
        ),
        inner={"stackOffset": "sign"},
        xAxisProps=axis(days, ask),
        yAxisProps=_SIZES,
        referenceLines=[{"y": 0, "color": "var(--ll-muted)"}],
        dataKey="day",
        **STACKED,
    )
    note = ask.text("lifecycle_note" if daily else "lifecycle_weeks")
    return card("lifecycle", ask.text("lifecycle"), [keys(parts, "lifecycle", chart_, "bar"), *body], note=note)


def _heat(parts: Parts, now: Series, ask: Ask) -> Component:
    found = now.heat(ask.shown.zone)
    highest = max(map(max, found)) or 1
    head = html.Tr([html.Td(""), *(html.Th(f"{hour:02d}", scope="col") for hour in range(24))])
    body = []
    for at, of_day in enumerate(found):
        name = formats.weekday_name(at, ask.language)
        cells: list[Component] = [
            heat(Tree(["span", _NUMBER, words]), f"{name} {hour:02d}:00: {words}", number, highest)
            for hour, (number, words) in enumerate(zip(of_day, map(ask.number, of_day), strict=True))
        ]
        body.append(html.Tr([html.Th(name, scope="row"), *cells]))
    caption = html.Caption(ask.text("heat"), className="unseen")
    live = html.Table([caption, html.Thead(head), html.Tbody(body)], className="heat")
    zone = ask.text("heat_note", zone=formats.zone_words(ask.shown.zone, ask.language))
    box = parts.scroll("heat", live, "heat-card", "wide")
    return card("heat-card", ask.text("heat"), [box], note=zone)


def _lists(parts: Parts, told: Told, ask: Ask) -> list[Component]:
    def device(name: str) -> str:
        return ask.text(f"device_{name}") if name in {"desktop", "mobile", "tablet", "bot"} else name

    kinds: list[tuple[str, Callable[[str], str]]] = [
        ("by_source", host),
        ("by_method", lambda name: method_words(name, ask)),
        ("by_device", device),
        ("by_browser", str),
        ("by_system", str),
        ("by_domain", str),
        ("refused_by_reason", lambda name: refused_words(name, ask)),
    ]
    skipped = {"by_source"} if ask.wish.app else set()
    return [
        card(field, ask.text(field), [bar_list(parts, field, told.now, told.pair, ask, words=words)])
        for field, words in kinds
        if field not in skipped
    ]
