"""Every page: its name in the address, its title, and what draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from loginlake.dashboard import (
    page_overview,
    page_people,
    page_pipeline,
    page_retention,
    page_security,
    page_simple,
)
from loginlake.dashboard.ask import Ask, Sources
from loginlake.dashboard.parts import Parts
from loginlake.dashboard.source import Answers

Draw = Callable[[Parts, Answers, Sources, Ask], list[Any]]


class Page(NamedTuple):
    """One page. `title` is the key of its words; `listed`: whether the menu has it."""

    title: str
    draw: Draw
    listed: bool = True


PAGES: Mapping[str, Page] = {
    "": Page("nav_simple", page_simple.page),
    "overview": Page("nav_overview", page_overview.page),
    "people": Page("nav_people", page_people.page),
    "person": Page("nav_person", page_people.person, listed=False),
    "retention": Page("nav_retention", page_retention.page),
    "security": Page("nav_security", page_security.page),
    "pipeline": Page("nav_pipeline", page_pipeline.page),
}
