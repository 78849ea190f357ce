"""The page before it has data: header, empty places for the figures and charts, and what makes them fill themselves."""

from __future__ import annotations

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import dash_mantine_components as dmc
from dash import dcc, html

from loginlake.dashboard import formats, views
from loginlake.dashboard.figures import RANGES
from loginlake.dashboard.photos import Photos, photo
from loginlake.dashboard.source import Visit
from loginlake.dashboard.texts import Language, text
from loginlake.dashboard.views import aria

Component = Any
DEFAULT_RANGE = 30
_NUMBERS = {"function": "number"}


class Look(NamedTuple):
    """What every visit's page shares."""

    zone: ZoneInfo
    photos: Photos
    theme: dict[str, Any]
    refresh_ms: int


def page(visit: Visit, look: Look) -> Component:
    """The whole page, in the visitor's language."""
    lang = visit.language
    return dmc.MantineProvider(
        [
            dcc.Interval(id="tick", interval=look.refresh_ms),
            dcc.Store(id="stamp"),
            dcc.Store(id="beat"),
            dcc.Store(id="ask"),
            html.A(text(lang, "skip"), href="#page", className="skip"),
            _header(visit, look),
            html.Main(
                [
                    _offline(lang),
                    _note("error", lang),
                    _note("empty", lang),
                    html.Section(
                        html.Dl(_blank_tiles(), id="totals", className="tiles"), **aria(label=text(lang, "figures"))
                    ),
                    html.Div([_daily(lang), _hourly(lang)], className="row row-charts"),
                    html.Div([_latest(lang), _path(lang)], className="row row-lists"),
                ],
                id="page",
                className="page is-loading",
                tabIndex="-1",
            ),
        ],
        theme=look.theme,
        defaultColorScheme="auto",
    )


def _header(visit: Visit, look: Look) -> Component:
    lang = visit.language
    other = "en" if lang == "es" else "es"
    brand = html.A(
        [html.Img(src="/static/logo.svg", alt="", width="30", height="30"), html.Span("loginlake")],
        href="/",
        className="brand",
        title=text(lang, "back"),
        **aria(label=f"loginlake: {text(lang, 'back')}"),
    )
    language = html.A(
        text(lang, "other_language_short"),
        href=f"?lang={other}",
        lang=other,
        className="chip",
        title=text(lang, "other_language"),
        **aria(label=text(lang, "other_language")),
    )
    scheme = dmc.ColorSchemeToggle(
        lightIcon=html.Span(className="icon icon-moon"),
        darkIcon=html.Span(className="icon icon-sun"),
        className="chip",
        unstyled=True,
        **aria(label=text(lang, "scheme")),
    )
    return html.Header(
        [
            brand,
            html.H1(text(lang, "title")),
            html.Div(id="clock", className="clock", role="status"),
            html.Nav([language, scheme, *_viewer(visit, look)], className="prefs", **aria(label=text(lang, "nav"))),
        ],
        className="top",
    )


def _viewer(visit: Visit, look: Look) -> list[Component]:
    if visit.viewer is None:
        return []
    name = visit.viewer.name.strip() or text(visit.language, "nameless")
    picture = photo(visit.viewer.picture, look.photos)
    words = text(visit.language, "viewer", name=name)
    face = views.avatar(name, picture, 30)
    return [html.Span([face, html.Span(words, className="unseen")], className="viewer", title=words)]


def _offline(lang: Language) -> Component:
    return html.Div(
        [html.Span(text(lang, "offline")), html.A(text(lang, "reload"), href="")],
        id="offline",
        className="banner",
        role="alert",
        hidden=True,
    )


def _note(state: str, lang: Language) -> Component:
    parts: list[Component] = [
        html.Span(className=f"icon icon-{state}"),
        html.H2(text(lang, f"{state}_title")),
        html.P(text(lang, f"{state}_text")),
    ]
    if state == "empty":
        parts.append(html.A(text(lang, "empty_link"), href="/", className="button"))
    return html.Div(parts, className=f"card notice notice-{state}")


def _blank_tiles() -> list[Component]:
    return [html.Div([html.Dt("\u00a0"), html.Dd("\u00a0")], className="tile tile-blank") for _ in range(5)]


def _choice(name: str, label: str, options: list[tuple[str, str]], value: str) -> Component:
    return dmc.SegmentedControl(
        id=name,
        data=[{"value": key, "label": words} for key, words in options],
        value=value,
        size="xs",
        persistence=True,
        persistence_type="session",
        transitionDuration=120,
        className="choice",
        **aria(label=label),
    )


def _view(name: str, lang: Language, what: str) -> Component:
    options = [("chart", text(lang, "view_chart")), ("table", text(lang, "view_table"))]
    return _choice(f"{name}-view", text(lang, "view", what=what), options, "chart")


def _card(name: str, title: Component, tools: list[Component], body: list[Component]) -> Component:
    parts = [html.Div(title, className="card-title"), html.Div(tools, className="card-tools")]
    head = html.Div(parts, className="card-head")
    return html.Section(
        [head, html.Div(body, id=f"{name}-body", className="card-body")],
        className=f"card card-{name}",
        **aria(labelledby=f"{name}-title"),
    )


def _titled(name: str, words: str, note: Component | None = None) -> list[Component]:
    title: list[Component] = [html.H2(words, id=f"{name}-title")]
    return [*title, html.Div(note, id=f"{name}-note", className="note")] if note is not None else title


def _figure(name: str, chart: Component) -> list[Component]:
    """A chart as one picture with a sentence, and beside it the same as a table; one of the two is shown."""
    picture = html.Div(chart, role="img", className="chart", **aria(labelledby=f"{name}-label"))
    named = aria(labelledby=f"{name}-title")
    table = html.Div(id=f"{name}-table", className="as-table", tabIndex="0", role="group", **named)
    return [picture, html.Span(id=f"{name}-label", className="unseen"), table]


def _daily(lang: Language) -> Component:
    chart = dmc.CompositeChart(
        id="daily-chart",
        data=[],
        dataKey="day",
        h="100%",
        series=[
            {"name": "signins", "label": text(lang, "signins"), "color": "var(--ll-accent)", "type": "area"},
            {"name": "people", "label": text(lang, "people"), "color": "var(--ll-gold)", "type": "line"},
        ],
        curveType="monotone",
        withDots=False,
        strokeWidth=2,
        lineProps={"strokeDasharray": "6 4"},
        gridAxis="x",
        tickLine="none",
        valueFormatter=_NUMBERS,
        yAxisProps={"width": 46, "allowDecimals": False},
        xAxisProps=views.DAILY_AXIS,
        composedChartProps={"accessibilityLayer": False, "margin": {"left": 0, "right": 8, "top": 8}},
    )
    ranges = [(str(days), text(lang, f"range_{days}")) for days in RANGES]
    words = text(lang, "daily")
    tools = [_choice("range", text(lang, "range"), ranges, str(DEFAULT_RANGE)), _view("daily", lang, words)]
    return _card("daily", _titled("daily", words, _legend(lang)), tools, _figure("daily", chart))


def _legend(lang: Language) -> Component:
    """The two series by their line as well as by their colour, and what a day is."""
    keys = [
        html.Span([html.Span(className=f"key key-{name}"), text(lang, name)], className="series")
        for name in ("signins", "people")
    ]
    return [*keys, html.Span(text(lang, "daily_note"))]


def _hourly(lang: Language) -> Component:
    chart = dmc.BarChart(
        id="hourly-chart",
        data=[],
        dataKey="hour",
        h="100%",
        series=[{"name": "signins", "label": text(lang, "signins"), "color": "var(--ll-accent)"}],
        gridAxis="x",
        tickLine="none",
        valueFormatter=_NUMBERS,
        barProps={"radius": [3, 3, 0, 0]},
        yAxisProps={"width": 46, "allowDecimals": False},
        xAxisProps={
            "ticks": [f"{hour:02d}:00" for hour in range(0, 24, 4)],
            "interval": "equidistantPreserveStart",
            "tickMargin": 8,
        },
        barChartProps={"accessibilityLayer": False, "margin": {"left": 0, "right": 8, "top": 8}},
    )
    words = text(lang, "hourly")
    tools = [_view("hourly", lang, words)]
    return _card("hourly", _titled("hourly", words, "\u00a0"), tools, _figure("hourly", chart))


def _latest(lang: Language) -> Component:
    named = aria(labelledby="latest-title")
    table = html.Div(id="latest", className="scroll", tabIndex="0", role="group", **named)
    return _card("latest", _titled("latest", text(lang, "latest")), [], [table])


def _path(lang: Language) -> Component:
    named = aria(labelledby="path-title")
    path = html.Div(id="path", className="path", role="group", **named)
    return _card("path", _titled("path", text(lang, "pipeline")), [html.Span(id="path-note", className="note")], [path])


def hourly_note(zone: ZoneInfo, days: int, lang: Language) -> str:
    """The zone of the hours, and the days that they count."""
    return text(lang, "hourly_note", zone=formats.zone_words(zone, lang), days=days)
