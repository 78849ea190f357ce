"""A page as parts: what is drawn once, and the properties that a refresh may send anew, part by part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from dash import html

from loginlake.dashboard.drawn import Tree, drawn, tree

Component = Any
Props = dict[str, Any]
_DEEP = 0.6  # of the highest: dashboard.css has the shades on both sides


class Parts:
    """The parts of one page by id. `shape` changes with what is drawn: then the whole page is sent."""

    def __init__(self, shape: str) -> None:
        self.shape = shape
        self.found: dict[str, Props] = {}

    def __call__(self, kind: Any, name: str, live: Props, **still: Any) -> Component:
        """A component with its live properties, which are remembered by its id."""
        self.found[name] = live
        return kind(id=name, **still, **live)

    def div(self, name: str, children: Component, **still: Any) -> Component:
        """A box whose content is live: plain elements, drawn as one."""
        return self(html.Div, name, drawn(children), **still)

    def scroll(self, name: str, children: Component, titled: str, kind: str) -> Component:
        """A box that is scrolled by keyboard too. It is named by the title of the card `titled`."""
        named = aria(labelledby=f"{titled}-title")
        return self.div(name, children, className=kind, tabIndex="0", role="group", **named)

    def digests(self) -> dict[str, str]:
        """What tells one state of each part from another."""
        return {name: digest(props) for name, props in self.found.items()}


def digest(props: object) -> str:
    """A short name of some properties."""
    one = props.get("data-drawn") if isinstance(props, dict) and len(props) == 1 else None
    content = one if isinstance(one, str) else json.dumps(props, default=_plain, sort_keys=True)
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _plain(component: Any) -> Any:
    return component.isoformat() if isinstance(component, date) else component.to_plotly_json()


def aria(**words: str) -> dict[str, Any]:
    """The attributes aria-... of a component."""
    return {f"aria-{name}": value for name, value in words.items()}


def tile(label: Component, *words: Component) -> Component:
    """A figure on top of a page: its name, and what is said of it."""
    return html.Div([html.Dt(label, className="tile-label"), html.Dd(list(words))], className="tile")


def figure_of(value: Component, more: Component) -> tuple[Component, Component]:
    """A tile's words: the figure, and a smaller line."""
    return html.Span(value, className="tile-value"), html.Span(more, className="tile-more")


def heat(words: Component, title: str, part: int, whole: int) -> Tree:
    """A cell coloured for its part of a whole: pale under dark words, or deep under light ones."""
    share = part / whole if whole else 0.0
    looks = {"title": title, "style": {"--heat": f"{100 * share:.0f}%"}, "class": "heat-high" if share > _DEEP else ""}
    return Tree(["td", looks, tree(words)])


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Component]],
    kind: str = "numbers",
    days: Sequence[Sequence[Any]] = (),
) -> Component:
    """Numbers (or words, by `kind`) as a table: the first cell of each row names it.

    `days` are rows that the browser makes, a year having many: the day (none: no link to it), its words, its numbers.
    """
    head: list[Any] = ["tr", {}, *(["th", {"scope": "col"}, column] for column in columns)]
    body: list[Any] = [
        ["tr", {}, ["th", {"scope": "row"}, tree(row[0])], *(["td", {}, tree(cell)] for cell in row[1:])]
        for row in rows
    ]
    if days:
        body.append(["days", {}, *days])
    named: list[Any] = ["caption", {"class": "unseen"}, caption]
    return Tree(["table", {"class": kind}, named, ["thead", {}, head], ["tbody", {}, *body]])


def card(
    name: str,
    title: str,
    body: Sequence[Component],
    *,
    note: Component = None,
    tools: Sequence[Component] = (),
    kind: str = "",
) -> Component:
    """A titled box."""
    heading: list[Component] = [html.H2(title, id=f"{name}-title")]
    if note is not None:
        heading.append(html.Div(note, className="note"))
    head = html.Div(
        [html.Div(heading, className="card-title"), html.Div(list(tools), className="card-tools")],
        className="card-head",
    )
    return html.Section(
        [head, html.Div(list(body), className="card-body")],
        className=f"card card-{name} {kind}".strip(),
        **aria(labelledby=f"{name}-title"),
    )
