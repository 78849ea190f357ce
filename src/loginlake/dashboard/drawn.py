"""Trees of plain elements as one component. Dash keeps a record of every component, which is too slow for big tables.

A tree is [tag, attributes, child, ...] as JSON in the attribute `data-drawn` of a box; assets/drawn.js makes elements
of it: of known tags and attributes alone, and every text as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Component = Any
_NAMES = {"className": "class", "dateTime": "datetime", "tabIndex": "tabindex"}


class Tree(list[Any]):
    """A tree that is one already: tables are made so, their cells being many."""


def tree(component: Component) -> Any:
    """A component of dash.html (or a list, a text, a number, nothing) as a tree; lists become children."""
    if component.__class__ in {str, Tree}:
        return component
    if component is None:
        return ""
    if isinstance(component, str | int | float):
        return str(component)
    if isinstance(component, list | tuple):
        return ["", {}, *map(tree, component)]
    found = component.to_plotly_json()
    props = dict(found["props"])
    children = props.pop("children", None)
    inner = list(children) if isinstance(children, list | tuple) else [] if children is None else [children]
    tag = {"Link": "a", "Avatar": "avatar"}.get(found["type"], found["type"].lower())
    return [tag, _attributes(props), *map(tree, inner)]


def _attributes(props: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _NAMES.get(name, name): value for name, value in props.items() if value is not None and name != "imageProps"
    }


def drawn(component: Component) -> dict[str, str]:
    """The live property of a box that shows a tree."""
    return {"data-drawn": json.dumps(tree(component), ensure_ascii=False, separators=(",", ":"))}
