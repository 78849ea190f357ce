"""What every page has around it: header, menu, the states of loading, error and empty, and the place of its content."""

from __future__ import annotations

from typing import Any, NamedTuple

import dash_mantine_components as dmc
from dash import dcc, html

from loginlake.dashboard import formats, views
from loginlake.dashboard.pages import PAGES
from loginlake.dashboard.parts import aria
from loginlake.dashboard.photos import Photos, photo
from loginlake.dashboard.source import Visit
from loginlake.dashboard.texts import text
from loginlake.web.texts import Language

Component = Any


class Look(NamedTuple):
    """What every visit's page shares."""

    prefix: str
    photos: Photos
    theme: dict[str, Any]
    refresh_ms: int


def page(visit: Visit, look: Look) -> Component:
    """The whole page, in the visitor's language, its content still to come."""
    lang = visit.language
    return dmc.MantineProvider(
        [
            dcc.Location(id="url", refresh=False),
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
                    html.Div(_blank(), id="view", className="view"),
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
            html.H1(text(lang, "title"), id="title", className="unseen"),
            _menu(lang, look),
            html.Div(id="clock", className="clock", role="status"),
            html.Nav([language, scheme, *_viewer(visit, look)], className="prefs", **aria(label=text(lang, "nav"))),
        ],
        className="top",
    )


def _menu(lang: Language, look: Look) -> Component:
    links: list[Component] = [
        dcc.Link(text(lang, found.title), href=f"{look.prefix}{name}", className=f"nav-link to-{name or 'simple'}")
        for name, found in PAGES.items()
        if found.listed
    ]
    links.append(html.A(text(lang, "me"), href="/me", className="nav-link to-me"))
    return html.Nav(links, id="nav", className="nav", **aria(label=text(lang, "menu")))


def _viewer(visit: Visit, look: Look) -> list[Component]:
    if visit.viewer is None:
        return []
    name = formats.person_name(visit.viewer.name, visit.language)
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


def _blank() -> list[Component]:
    """Grey places of the first page's shape, until the first answer."""
    tiles = [html.Div(html.Div("\u00a0"), className="tile tile-blank") for _ in range(5)]
    cards = [html.Div(html.Div("\u00a0", className="card-body"), className="card") for _ in range(2)]
    return [html.Div(tiles, className="tiles"), html.Div(cards, className="row row-charts")]
