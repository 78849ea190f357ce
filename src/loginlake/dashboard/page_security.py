"""Security: what was refused and why, replayed tokens, silent accounts, and people by number of sign-ins."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from loginlake.dashboard import formats
from loginlake.dashboard.ask import Ask, Known, Sources, known, series
from loginlake.dashboard.charts import COLOURS, STACKED, Said, axis, chart, day_table, keys, stacked
from loginlake.dashboard.controls import range_control
from loginlake.dashboard.drawn import drawn
from loginlake.dashboard.lists import bar_rows, nothing, refused_words
from loginlake.dashboard.parts import Parts, aria, card, figure_of, tile
from loginlake.dashboard.series import OTHERS, Bar, Series, bars
from loginlake.dashboard.source import Answers
from loginlake.dashboard.wish import RANGES

Component = Any
REASONS = 5
REPLAYED = "replayed_nonce"


def page(parts: Parts, snapshot: Answers, sources: Sources, ask: Ask) -> list[Component]:
    """The page."""
    del sources
    now, census = series(snapshot, ask.wish.first, ask.wish.last), snapshot.census()
    tools = html.Div(
        [range_control(parts, ask, RANGES)], className="toolbar", role="group", **aria(label=ask.text("controls"))
    )
    replayed = now.names("refused_by_reason")[REPLAYED]
    silent = dict(census["silent"])
    tiles = [
        _tile("refused_sum", now.total("refusals"), ask.text("in_range"), ask),
        _tile("replayed", replayed, ask.text("replayed_note"), ask),
        *(_silent(days, silent.get(days, 0), census["people"], ask) for days in (30, 60, 90)),
    ]
    rows = html.Section(parts(html.Dl, "threats", drawn(tiles), className="tiles"), **aria(label=ask.text("figures")))
    return [
        tools,
        rows,
        _refused(parts, now, known(snapshot), ask),
        html.Div([_reasons(parts, now, ask), _counts(parts, census, ask)], className="row row-half"),
    ]


def _tile(key: str, value: int, more: str, ask: Ask) -> Component:
    return tile(ask.text(key), *figure_of(ask.number(value), more))


def _silent(days: int, number: int, people: int, ask: Ask) -> Component:
    share = formats.share(number, people, ask.language)
    more: list[Component] = [html.Span(ask.text("silent_note", share=share)), " "]
    if number:
        more.append(dcc.Link(ask.text("silent_who"), href="/dashboard/people?order=last&dir=asc"))
    return tile(ask.text("silent", n=days), *figure_of(ask.number(number), more))


def _refused(parts: Parts, now: Series, told: Known, ask: Ask) -> Component:
    names = [bar.name for bar in bars(now, "refused_by_reason", REASONS) if bar.name != OTHERS]
    counted = now.by_name("refused_by_reason", names)
    words = [refused_words(name, ask) for name in names]
    if any(of_day[-1] for of_day in counted):
        words.append(ask.text("others_names"))
    labels = {f"r{at}": word for at, word in enumerate(words)}
    numbers = {key: [of_day[at] for of_day in counted] for at, key in enumerate(labels)}
    drawn = stacked(now.days, labels, numbers, COLOURS, told, ask)
    body = chart(
        parts,
        "refused",
        dmc.BarChart,
        drawn,
        ask,
        Said(
            ask.text("refused_label", n=ask.number(now.total("refusals"))),
            day_table(ask.text("refused_over"), now.days, labels, numbers, told, ask),
        ),
        xAxisProps=axis(now.days, ask),
        dataKey="day",
        **STACKED,
    )
    named = [keys(parts, "refused", drawn, "bar"), *body]
    return card("refused", ask.text("refused_over"), named, note=ask.text("daily_note"))


def _reasons(parts: Parts, now: Series, ask: Ask) -> Component:
    found = bars(now, "refused_by_reason", 12)
    body = bar_rows(found, ask, lambda name: refused_words(name, ask)) if found else nothing(ask)
    return card("reasons", ask.text("refused_by_reason"), [parts.div("reasons-list", body)])


def _counts(parts: Parts, census: Any, ask: Ask) -> Component:
    edges = [least for least, _ in census["by_signins"]]
    above = {low: high - 1 for low, high in pairwise(edges)}

    def words(least: str) -> str:
        low = int(least)
        if low not in above:
            return ask.text("signins_from", n=low)
        return ask.number(low) if above[low] == low else f"{low}–{above[low]}"

    found = [Bar(str(least), number) for least, number in census["by_signins"]]
    body = bar_rows(found, ask, words) if census["people"] else nothing(ask)
    note = ask.text("census_note", people=ask.number(census["people"]))
    return card("census", ask.text("by_signins"), [parts.div("census-list", body)], note=note)
