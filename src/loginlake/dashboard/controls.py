"""What a page is steered by: range, application, comparison. Each changes the address; the address is the wish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc

from loginlake.dashboard.ask import Ask
from loginlake.dashboard.figures import host
from loginlake.dashboard.parts import Parts, aria
from loginlake.dashboard.wish import COMPARES

Component = Any
CONTROLS = ("range", "compare", "app")
"""The names of the controls: each is the field of the address that it changes."""


def range_control(parts: Parts, ask: Ask, ranges: Sequence[int]) -> Component:
    """How many days."""
    options = [(str(days), ask.text(f"range_{days}")) for days in ranges]
    return _choice(parts, "range", ask.text("range"), options, str(ask.wish.days))


def compare_control(parts: Parts, ask: Ask) -> Component:
    """What they are compared with."""
    options = [(name, ask.text(f"compare_{name}")) for name in COMPARES]
    return _choice(parts, "compare", ask.text("compare"), options, ask.wish.compare)


def app_control(parts: Parts, ask: Ask, apps: Mapping[str, str]) -> Component:
    """Which application; `apps` are their sources by app key."""
    known = {**apps, **({ask.wish.app: ask.wish.app} if ask.wish.app and ask.wish.app not in apps else {})}
    data = [{"value": "", "label": ask.text("app_all")}]
    data += [{"value": key, "label": host(source)} for key, source in sorted(known.items(), key=lambda pair: pair[1])]
    return parts(
        dmc.Select,
        "app",
        {"data": data, "value": ask.wish.app},
        allowDeselect=False,
        searchable=False,
        size="xs",
        className="app-choice",
        comboboxProps={"withinPortal": False},
        **aria(label=ask.text("application")),
    )


def _choice(parts: Parts, name: str, label: str, options: Sequence[tuple[str, str]], value: str) -> Component:
    data = [{"value": key, "label": words} for key, words in options]
    return parts(
        dmc.SegmentedControl,
        name,
        {"value": value},
        data=data,
        size="xs",
        transitionDuration=120,
        className="choice",
        **aria(label=label),
    )
