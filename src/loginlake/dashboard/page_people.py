"""People: a list that is searched, ordered and paged by the store, and one person's page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from loginlake.dashboard import figures, formats, views
from loginlake.dashboard.ask import Ask, Sources
from loginlake.dashboard.drawn import drawn
from loginlake.dashboard.lists import nothing
from loginlake.dashboard.parts import Parts, aria, card, table, tile
from loginlake.dashboard.photos import photo
from loginlake.dashboard.source import Answers, Document, People
from loginlake.dashboard.wish import Wish, address
from loginlake.gold.agents import DEVICE_DAYS
from loginlake.gold.search import ORDERS as INDEXES
from loginlake.gold.search import Page

Component = Any
PAGE = 50
_MOST_DEVICES = 20
_COLUMNS = ("name", "email", "first", "last", "signins", "active_days")


def found(people: People, ask: Ask) -> Page:
    """The people that an address asks for: one page."""
    wish = ask.wish
    if not wish.words:
        return people.page(wish.order, descending=wish.descending, after=_place(wish), limit=PAGE)
    hits = people.search(wish.words, emails=ask.sees_addresses)
    field = INDEXES[wish.order].fields[0]
    ordered = sorted(hits.people, key=lambda one: (one.get(field, ""), one["_id"]), reverse=wish.descending)
    return Page(ordered[:PAGE], more=False, cut=hits.cut or len(ordered) > PAGE)


def _place(wish: Wish) -> tuple[Any, str] | None:
    """Where the page before ended; numbers as numbers."""
    if wish.after is None:
        return None
    value, key = wish.after
    if wish.order not in {"signins", "active_days"}:
        return value, key
    return (int(value), key) if value.isascii() and value.isdigit() and len(value) < 12 else None


def page(parts: Parts, snapshot: Answers, sources: Sources, ask: Ask) -> list[Component]:
    """The list."""
    wish, hits = ask.wish, found(sources.people, ask)
    box = parts(
        dmc.TextInput,
        "q",
        {"value": wish.words},
        placeholder=ask.text("search_hint"),
        debounce=300,
        className="search",
        **aria(label=ask.text("search")),
    )
    exports = [
        html.A(name, href=f"/dashboard/export.{name.lower()}{_query(wish, wish.after)}", className="more", download="")
        for name in ("CSV", "JSON")
    ]
    everybody = ask.number(int(snapshot.pipeline()["people"]))
    note = (
        ask.text("people_found", n=ask.number(len(hits.people))) if wish.words else ask.text("people_all", n=everybody)
    )
    note += f" {ask.text('people_cut', n=PAGE)}" if hits.cut else ""
    rows = _table(hits.people, ask) if hits.people else nothing(ask)
    listed = parts.scroll("people-list", rows, "people", "wide")
    tools = [box, parts(html.Span, "exports", {"children": exports}, className="exports")]
    said = parts(html.Span, "people-note", {"children": note})
    return [card("people", ask.text("people"), [listed, parts.div("pager", _pager(hits, ask))], note=said, tools=tools)]


def _query(wish: Wish, after: tuple[Any, str] | None, **change: object) -> str:
    values: dict[str, object] = {
        "q": wish.words,
        "order": wish.order,
        "dir": "desc" if wish.descending else "asc",
        **change,
    }
    if after is not None:
        values |= {"after": after[0], "at": after[1]}
    return address(**values)


def _pager(hits: Page, ask: Ask) -> list[Component]:
    links: list[Component] = []
    if ask.wish.after is not None:
        links.append(
            dcc.Link(ask.text("first_page"), href=f"/dashboard/people{_query(ask.wish, None)}", className="more")
        )
    if hits.more:
        end = hits.people[-1]
        place = end.get(INDEXES[ask.wish.order].fields[0], ""), end["_id"]
        links.append(
            dcc.Link(ask.text("next_page"), href=f"/dashboard/people{_query(ask.wish, place)}", className="more")
        )
    return [html.Nav(links, className="pager", **aria(label=ask.text("pages")))] if links else []


def _table(people: Sequence[Document], ask: Ask) -> Component:
    head = [_heading(column, ask) for column in _COLUMNS]
    rows = [html.Tr(_cells(one, ask)) for one in people]
    caption = html.Caption(ask.text("people"), className="unseen")
    return html.Table([caption, html.Thead(html.Tr(head)), html.Tbody(rows)], className="numbers people")


def _heading(column: str, ask: Ask) -> Component:
    if column == "email" and not ask.sees_addresses:
        return html.Th(ask.text("column_email"), scope="col", className="p-email")
    chosen = ask.wish.order == column
    descending = not ask.wish.descending if chosen else column not in {"name", "email"}
    arrow = ("↓" if ask.wish.descending else "↑") if chosen else ""
    way = _query(ask.wish, None, order=column, dir="desc" if descending else "asc")
    link = dcc.Link(f"{ask.text(f'column_{column}')}{formats.NBSP}{arrow}".strip(), href=f"/dashboard/people{way}")
    sorted_ = aria(sort="descending" if ask.wish.descending else "ascending") if chosen else {}
    return html.Th(link, scope="col", className=f"p-{column}", **sorted_)


def _cells(one: Document, ask: Ask) -> list[Component]:
    name = formats.person_name(one.get("username"), ask.language)
    link = dcc.Link(html.Bdi(name), href=f"/dashboard/person{address(id=one['_id'])}", className="who-name", title=name)
    who = html.Span([views.avatar(name, photo(one.get("picture"), ask.shown.photos)), link], className="who")
    return [
        html.Th(who, scope="row", className="p-name"),
        html.Td(html.Bdi(ask.email(one.get("email"))), className="p-email"),
        html.Td(_moment(one["first"], ask), className="p-first"),
        html.Td(_moment(one["last"], ask), className="p-last"),
        html.Td(ask.number(one["signins"]), className="p-signins"),
        html.Td(ask.number(one["active_days"]), className="p-active_days"),
    ]


def _moment(value: str, ask: Ask) -> Component:
    return html.Time(formats.minute(value, ask.shown.zone, ask.language), dateTime=value)


def person(parts: Parts, snapshot: Answers, sources: Sources, ask: Ask) -> list[Component]:
    """One person's page."""
    del snapshot
    one = sources.people.person(ask.wish.person) if ask.wish.person else None
    back = dcc.Link(ask.text("all_people"), href="/dashboard/people", className="more")
    if one is None:
        parts.shape += ":none"
        return [card("person", ask.text("person"), [html.P(ask.text("person_none"), className="nothing"), back])]
    name = formats.person_name(one.get("username"), ask.language)
    face = views.avatar(name, photo(one.get("picture"), ask.shown.photos), 56)
    words = html.Div(
        [html.H2(html.Bdi(name), id="person-title"), html.Div(html.Bdi(ask.email(one.get("email"))), className="note")]
    )
    tiles = [
        _fact("column_signins", ask.number(one["signins"]), ask),
        _fact("column_active_days", ask.number(one["active_days"]), ask),
        _fact("column_first", _moment(one["first"], ask), ask),
        _fact("column_last", _moment(one["last"], ask), ask),
    ]
    head = html.Section(
        [
            html.Div([face, words, html.Span(back, className="card-tools")], className="person-head"),
            parts(html.Dl, "facts", drawn(tiles), className="tiles"),
        ],
        className="card card-person",
        **aria(labelledby="person-title"),
    )
    days = figures.days_of(one)
    return [head, _strip(parts, days, ask), _devices(parts, one, ask), _history(parts, days, ask)]


def _fact(key: str, value: Component, ask: Ask) -> Component:
    return tile(ask.text(key), html.Span(value, className="tile-value tile-small"))


def _strip(parts: Parts, days: dict[date, int], ask: Ask) -> Component:
    found = figures.year(days, ask.today)
    highest = max(days.values(), default=1)
    cells = []
    for at, count in found.cells:
        style = {"--heat": f"{25 + 75 * count / highest:.0f}%" if count else "0%"}
        cells.append(html.Span(style=style, title=f"{formats.full_day(at, ask.language)}: {ask.number(count)}"))
    label = ask.text("strip_label", n=ask.number(found.signins), days=ask.number(found.active_days))
    live = html.Div(cells, className="strip", role="img", **aria(label=label))
    box = parts.scroll("strip", live, "strip-card", "wide")
    return card("strip-card", ask.text("strip"), [box], note=ask.text("daily_note"))


def _devices(parts: Parts, one: Document, ask: Ask) -> Component:
    rows = [
        [views.device_words(name.split("|", 2), ask.language), ask.number(days), formats.full_day(last, ask.language)]
        for name, days, last in figures.devices_of(one)[:_MOST_DEVICES]
    ]
    live = table(ask.text("devices"), [ask.text("device"), ask.text("column_active_days"), ask.text("last_used")], rows)
    box = parts.scroll("devices", live, "devices-card", "wide")
    return card("devices-card", ask.text("devices"), [box], note=ask.text("devices_note", n=ask.number(DEVICE_DAYS)))


def _history(parts: Parts, days: dict[date, int], ask: Ask) -> Component:
    rows = [[formats.full_day(at, ask.language), ask.number(count)] for at, count in sorted(days.items(), reverse=True)]
    live = table(ask.text("history"), [ask.text("day"), ask.text("signins")], rows[:400])
    box = parts.scroll("history", live, "history-card", "wide scrolls")
    return card("history-card", ask.text("history"), [box])
