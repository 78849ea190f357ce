"""Names with their numbers, as bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dash import html

from loginlake.dashboard import formats
from loginlake.dashboard.ask import Ask
from loginlake.dashboard.drawn import Tree
from loginlake.dashboard.parts import Parts
from loginlake.dashboard.series import OTHERS, Bar, Series, bars
from loginlake.dashboard.texts import TEXTS

Component = Any
MOST = 8


def bar_list(
    parts: Parts,
    field: str,
    now: Series,
    pair: tuple[Series, Series] | None,
    ask: Ask,
    *,
    words: Callable[[str], str] = str,
) -> Component:
    """The largest names of a field, and how they changed over the `pair` of days that is compared."""
    found = bars(now, field, MOST, pair)
    return parts.div(f"{field}-list", bar_rows(found, ask, words) if found else nothing(ask))


def nothing(ask: Ask) -> Component:
    """What is said where there is nothing to show."""
    return html.P(ask.text("nothing"), className="nothing")


def bar_rows(found: list[Bar], ask: Ask, words: Callable[[str], str]) -> Component:
    """Names with their bars, numbers, shares and changes."""
    highest, total = max(bar.number for bar in found), sum(bar.number for bar in found)
    return Tree(["ul", {"class": "bars"}, *(_row(bar, highest, total, ask, words) for bar in found)])


def _row(bar: Bar, highest: int, total: int, ask: Ask, words: Callable[[str], str]) -> list[Any]:
    name = ask.text("others_names") if bar.name == OTHERS else words(bar.name) or ask.text("unknown")
    width = f"{max(1, round(100 * bar.number / highest))}%" if bar.number else "0"
    change = formats.change(*bar.change, ask.language) if bar.change and bar.change[1] else ""
    title = name if name == bar.name else f"{name} ({bar.name})"
    return [
        "li",
        {},
        ["span", {"class": "bar-name", "title": title}, ["bdi", {}, name]],
        ["span", {"class": "bar-change"}, change],
        ["span", {"class": "bar-count"}, ask.number(bar.number)],
        ["span", {"class": "bar-share"}, formats.share(bar.number, total, ask.language)],
        ["span", {"class": "bar-track", "aria-hidden": "true"}, ["span", {"style": {"width": width}}]],
    ]


def method_words(code: str, ask: Ask) -> str:
    """How somebody signed in (Google's select_by), in words; a method that nobody wrote words for as it is."""
    key = f"method_{code}"
    return ask.text(key) if key in TEXTS[ask.language] else code


def refused_words(code: str, ask: Ask) -> str:
    """A reason of a refusal in words; one that nobody wrote words for as it is."""
    key = f"refused_{code}"
    return ask.text(key) if key in TEXTS[ask.language] else code
