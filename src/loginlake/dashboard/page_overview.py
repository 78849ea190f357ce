"""The overview: one range, one application and one comparison for everything on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash_mantine_components as dmc
from dash import html

from loginlake.dashboard import formats
from loginlake.dashboard.ask import Ask, Sources, series
from loginlake.dashboard.charts import COLOURS, COUNTS, DASHES, LINES, axis, by_day, chart, legend
from loginlake.dashboard.controls import app_control, compare_control, range_control
from loginlake.dashboard.drawn import Tree, drawn
from loginlake.dashboard.figures import host
from loginlake.dashboard.lists import bar_list, refused_words
from loginlake.dashboard.parts import Parts, aria, card, figure_of, heat, tile
from loginlake.dashboard.series import Series, by_week, stickiness
from loginlake.dashboard.source import Answers
from loginlake.dashboard.wish import RANGES
from loginlake.gold.months import app_key

Component = Any
_LONG = 92  # days: beyond, lifecycles are shown by week
_LIFE = ("new", "resurrected", "dormant")
_NUMBER = {"class": "heat-number"}


def page(parts: Parts, snapshot: Answers, sources: Sources, ask: Ask) -> list[Component]:
    """The page."""
    del sources
    wish = ask.wish
    now = series(snapshot, wish.first, wish.last, wish.app)
    whole = series(snapshot, wish.first, wish.last) if wish.app else now
    span = wish.before()
    before = series(snapshot, *span, wish.app) if span else None
    parts.shape += f":{bool(wish.app)}:{before is not None}"
    apps = {app_key(name): name for name in whole.names("by_source") if name != "*"}
    return [
        _toolbar(parts, apps, ask),
        html.Section(
            parts(html.Dl, "sums", drawn(_tiles(now, before, ask)), className="tiles tiles-4"),
            **aria(label=ask.text("figures")),
        ),
        _signins(parts, now, before, ask),
        _people(parts, now, ask),
        _lifecycle(parts, now, ask) if not wish.app else None,
        _heat(parts, now, ask),
        html.Div(_lists(parts, (now, before), ask), className="row row-bars"),
    ]


def _toolbar(parts: Parts, apps: dict[str, str], ask: Ask) -> Component:
    days = ask.text(
        "span", first=formats.full_day(ask.wish.first, ask.language), last=formats.full_day(ask.wish.last, ask.language)
    )
    return html.Div(
        [
            range_control(parts, ask, RANGES),
            compare_control(parts, ask),
            app_control(parts, ask, apps),
            parts(html.Span, "span", {"children": f"{days} · {ask.text('daily_note')}"}, className="note"),
        ],
        className="toolbar",
        role="group",
        **aria(label=ask.text("controls")),
    )


def _tiles(now: Series, before: Series | None, ask: Ask) -> list[Component]:
    busy = max(1, sum(1 for n in now.daily("signins") if n))
    mean = round(sum(now.daily("people")) / busy)
    found = [
        _tile("signins", ask.number(now.total("signins")), _versus(now, before, "signins", ask), ask),
        _tile("people_mean", ask.number(mean), html.Span(ask.text("people_mean_note", n=busy)), ask),
    ]
    month, sticky = now.latest("people_30"), stickiness(now)
    if not ask.wish.app:
        active = ask.number(month[0]) if month else "—"
        at = ask.text("as_of", day=formats.day(month[1], ask.language)) if month else ""
        found.append(_tile("people_30", active, html.Span(at), ask))
        words = html.Span(ask.text("stickiness_note"))
        found.append(_tile("stickiness", "—" if sticky is None else f"{sticky}{formats.NBSP}%", words, ask))
    found.append(_tile("refused_sum", ask.number(now.total("refusals")), _versus(now, before, "refusals", ask), ask))
    return found


def _tile(key: str, value: str, more: Component, ask: Ask) -> Component:
    return tile(ask.text(key), *figure_of(value, more))


def _versus(now: Series, before: Series | None, figure_: str, ask: Ask) -> Component:
    if before is None:
        return html.Span("")
    earlier, counted = before.total(figure_), now.total(figure_)
    if not before.known:
        return html.Span(ask.text("compare_nothing"))
    change = formats.change(counted, earlier, ask.language) if earlier else "—"
    return html.Span(ask.text("compared", n=ask.number(earlier), change=change))


def _signins(parts: Parts, now: Series, before: Series | None, ask: Ask) -> Component:
    labels, numbers = {"signins": ask.text("signins")}, {"signins": now.daily("signins")}
    lines = [{"name": "signins", "label": labels["signins"], "color": COLOURS[0], "type": "area"}]
    if before is not None:
        labels["before"], numbers["before"] = ask.text(f"compare_{ask.wish.compare}"), before.daily("signins")
        lines.append({"name": "before", "label": labels["before"], "color": COLOURS[1], "type": "line"})
    points, listed = by_day(ask.text("daily_signins"), now.days, labels, numbers, ask)
    body = chart(
        parts,
        "signins",
        dmc.CompositeChart,
        {"data": points, "xAxisProps": axis(now.days, ask)},
        ask,
        label=_signins_in_words(now, numbers["signins"], ask),
        numbers=listed,
        dataKey="day",
        series=lines,
        lineProps={"strokeDasharray": DASHES[1]},
        **LINES,
        **COUNTS,
        **legend(shown=len(lines) > 1),
    )
    return card("signins", ask.text("daily_signins"), body)


def _signins_in_words(now: Series, counts: list[int], ask: Ask) -> str:
    top = max(range(len(counts)), key=counts.__getitem__)
    return ask.text(
        "overview_label",
        signins=ask.number(sum(counts)),
        peak=formats.full_day(now.days[top], ask.language),
        most=ask.number(counts[top]),
    )


def _people(parts: Parts, now: Series, ask: Ask) -> Component:
    keys = ("people",) if ask.wish.app else ("people", "people_7", "people_30")
    labels, numbers = {key: ask.text(key) for key in keys}, {key: now.daily(key) for key in keys}
    points, listed = by_day(ask.text("active"), now.days, labels, numbers, ask)
    tops = "; ".join(f"{labels[key]}: {ask.number(max(numbers[key], default=0))}" for key in keys)
    body = chart(
        parts,
        "active",
        dmc.LineChart,
        {"data": points, "xAxisProps": axis(now.days, ask)},
        ask,
        label=ask.text("highest", what=tops),
        numbers=listed,
        dataKey="day",
        series=[
            {"name": key, "label": labels[key], "color": COLOURS[at], "strokeDasharray": DASHES[at]}
            for at, key in enumerate(keys)
        ],
        **LINES,
        **COUNTS,
        **legend(shown=len(keys) > 1),
    )
    return card("active", ask.text("active"), body, note=ask.text("app_note" if ask.wish.app else "active_note"))


def _lifecycle(parts: Parts, now: Series, ask: Ask) -> Component:
    daily = len(now.days) <= _LONG
    keys = ("new", "returning", "resurrected", "dormant") if daily else _LIFE
    if daily:
        days = now.days
        numbers = {key: now.daily(key) for key in keys}
    else:
        weeks = {key: by_week(now.days, now.daily(key)) for key in keys}
        days = [week for week, _ in weeks["new"]]
        numbers = {key: [number for _, number in weeks[key]] for key in keys}
    parts.shape += f":{daily}"
    labels = {key: ask.text(key) for key in keys}
    points, listed = by_day(ask.text("lifecycle"), days, labels, numbers, ask)
    sums = "; ".join(f"{labels[key]}: {ask.number(sum(numbers[key]))}" for key in _LIFE)
    body = chart(
        parts,
        "lifecycle",
        dmc.BarChart,
        {"data": points},
        ask,
        label=ask.text("in_all", what=sums),
        numbers=listed,
        dataKey="day",
        type="stacked",
        series=[{"name": key, "label": labels[key], "color": COLOURS[at]} for at, key in enumerate(keys)],
        xAxisProps={"minTickGap": 12, "tickMargin": 8},
        **COUNTS,
        **legend(),
    )
    note = ask.text("lifecycle_note" if daily else "lifecycle_weeks")
    return card("lifecycle", ask.text("lifecycle"), body, note=note)


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


def _lists(parts: Parts, pair: tuple[Series, Series | None], ask: Ask) -> list[Component]:
    def device(name: str) -> str:
        return ask.text(f"device_{name}") if name in {"desktop", "mobile", "tablet", "bot"} else name

    kinds: list[tuple[str, Callable[[str], str]]] = [
        ("by_source", host),
        ("by_method", str),
        ("by_device", device),
        ("by_browser", str),
        ("by_system", str),
        ("by_domain", str),
        ("refused_by_reason", lambda name: refused_words(name, ask)),
    ]
    skipped = {"by_source"} if ask.wish.app else set()
    return [
        card(field, ask.text(field), [bar_list(parts, field, pair, ask, words=words)])
        for field, words in kinds
        if field not in skipped
    ]
