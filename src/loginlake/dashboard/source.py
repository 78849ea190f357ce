"""What the dashboard asks for: answers of gold, and who is looking. It opens nothing and checks nobody by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple, Protocol

from loginlake.dashboard.texts import Language

Role = Literal["person", "viewer"]


class Answers(Protocol):
    """One generation of gold, as loginlake.gold.read.Snapshot gives it: what it reads changes all together."""

    @property
    def complete_until(self) -> str | None:
        """The arrival time (RFC 3339) up to which everything is counted; None before the first pass."""
        ...

    @property
    def generation(self) -> int:
        """The number of this refresh; 0 before the first. What is read below changes only with it."""
        ...

    def days(self, first: str, last: str) -> Sequence[Mapping[str, Any]]:
        """The day documents from `first` to `last` (YYYY-MM-DD), in order; days without one are missing."""
        ...

    def recent(self) -> Sequence[Mapping[str, Any]]:
        """The latest sign-ins, newest first."""
        ...

    def pipeline(self) -> Mapping[str, Any]:
        """The totals."""
        ...


class Viewer(NamedTuple):
    """Who is signed in. Only a `viewer` sees the dashboard; a `person` is signed in and not on the list."""

    role: Role
    name: str
    picture: str | None = None


class Visit(NamedTuple):
    """The request that is being answered."""

    language: Language = "es"
    viewer: Viewer | None = None


_NOBODY = Visit()
visit: ContextVar[Visit] = ContextVar("visit", default=_NOBODY)
"""Set by the guard around each request, so that Dash's layout and callbacks know who asks."""
