"""One question of a page: who asks, for what, when, and where the answers come from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from loginlake.dashboard import formats
from loginlake.dashboard.photos import Photos
from loginlake.dashboard.series import Series
from loginlake.dashboard.source import Answers, Path, People
from loginlake.dashboard.texts import text
from loginlake.dashboard.wish import Wish
from loginlake.web.texts import Language


class Sources(NamedTuple):
    """Where answers come from. Each is asked in a thread."""

    open_snapshot: Callable[[], Answers]
    people: People
    path: Path


class Shown(NamedTuple):
    """How answers are shown, to everybody alike."""

    zone: ZoneInfo
    photos: Photos
    stale_s: float
    unmask: bool = False


class Ask(NamedTuple):
    """One question."""

    wish: Wish
    language: Language
    now: datetime
    shown: Shown
    admin: bool = False

    def text(self, key: str, **values: object) -> str:
        """Words in the asker's language."""
        return text(self.language, key, **values)

    def number(self, value: int) -> str:
        """A number as the asker writes it."""
        return formats.number(value, self.language)

    @property
    def sees_addresses(self) -> bool:
        """Whether this asker may see e-mail addresses whole, and so find and order people by them."""
        return self.admin or self.shown.unmask

    def within_reach(self) -> Ask:
        """The same question without an order by e-mail where addresses are masked: its pages would tell them."""
        if self.sees_addresses or self.wish.order != "email":
            return self
        return self._replace(wish=self.wish._replace(order="last", descending=True, after=None))

    def email(self, address: object) -> str:
        """An e-mail address as this asker may see it."""
        found = str(address or "")
        return found if self.sees_addresses else formats.masked(found)

    @property
    def today(self) -> date:
        """The UTC day."""
        return self.now.astimezone(UTC).date()


class Known(NamedTuple):
    """The days that gold can speak of: from `first` on, up to `open`, which is not over yet (None: not known)."""

    first: date | None = None
    open: date | None = None

    def has(self, day: date) -> bool:
        """Whether gold knows anything of a day."""
        return (self.first is None or day >= self.first) and (self.open is None or day <= self.open)


def known(snapshot: Answers) -> Known:
    """What a generation can speak of."""
    first, complete = snapshot.pipeline().get("first_day"), snapshot.complete_until
    return Known(
        date.fromisoformat(first) if first else None,
        formats.moment(complete).astimezone(UTC).date() if complete else None,
    )


def series(snapshot: Answers, first: date, last: date, app: str = "") -> Series:
    """The figures of some days, of one application or of all: a document a month."""
    return Series(snapshot.months(f"{first:%Y-%m}", f"{last:%Y-%m}", app), first, last)
