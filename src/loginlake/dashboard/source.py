"""What the dashboard asks for: answers of gold, and who is looking. It opens nothing and checks nobody by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple, Protocol

from loginlake.gold.search import Page
from loginlake.web.texts import Language

Role = Literal["person", "viewer", "admin"]
Document = Mapping[str, Any]


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

    def months(self, first: str, last: str, app: str = "") -> Sequence[Document]:
        """The rows of the months (YYYY-MM) from `first` to `last`, of one application (app key) or of all."""
        ...

    def cohorts(self) -> Document:
        """Retention by week."""
        ...

    def census(self) -> Document:
        """People by number of sign-ins, and who is silent."""
        ...

    def recent(self) -> Sequence[Mapping[str, Any]]:
        """The latest sign-ins, newest first."""
        ...

    def pipeline(self) -> Mapping[str, Any]:
        """The totals."""
        ...


class People(Protocol):
    """People's documents. Called in threads."""

    def page(self, order: str, *, descending: bool, after: tuple[str, str] | None, limit: int) -> Page:
        """The people after `after` (value of the order and id of the last one seen) in an order of wish.ORDERS."""
        ...

    def search(self, words: str, *, emails: bool) -> Page:
        """Who begins with the words by name, surname or e-mail."""
        ...

    def person(self, key: str) -> Document | None:
        """One person's document by key (provider|user_id)."""
        ...


class Stages(NamedTuple):
    """Where the records are now, counted where each is; None: cannot be told at the moment."""

    accepted: int | None = None
    spooled: int | None = None
    landed: int | None = None
    cleaned_until: str | None = None


class Origin(NamedTuple):
    """Where a row is from: its place in the log, its bronze object, and what was said of it (a rule's reason)."""

    place: str
    object: str
    time: str = ""
    reason: str = ""
    detail: str = ""


class Path(Protocol):
    """The live side of the path, for the page that shows it. Called in threads; may raise errors of errors.py."""

    def stages(self) -> Stages:
        """Where the records are."""
        ...

    def rejected(self, days: Iterable[str], limit: int) -> Sequence[Origin]:
        """The latest rejected rows of these arrival days (the last one first), without their content."""
        ...

    def objects(self, day: str) -> Sequence[tuple[str, int]]:
        """The silver objects of a day, with the rows in each."""
        ...

    def origins(self, key: str, limit: int) -> Sequence[Origin]:
        """The first rows of a silver object: where each one is from."""
        ...


class Viewer(NamedTuple):
    """Who is signed in. A `viewer` or an `admin` sees the dashboard; a `person` sees their own sign-ins alone.

    `key` is their own person key (provider|user_id).
    """

    role: Role
    name: str
    picture: str | None = None
    key: str = ""


class Visit(NamedTuple):
    """The request that is being answered."""

    language: Language = "es"
    viewer: Viewer | None = None


_NOBODY = Visit()
visit: ContextVar[Visit] = ContextVar("visit", default=_NOBODY)
"""Set by the guard around each request, so that Dash's layout and callbacks know who asks."""
