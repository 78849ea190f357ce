"""What a page is asked to show, as its address says it: a link shows the same view. Pure."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qs, urlencode

Compare = Literal["none", "previous", "year"]
RANGES: Final = (7, 30, 90, 365)
DEFAULT_RANGE: Final = 30
COMPARES: Final[tuple[Compare, ...]] = ("none", "previous", "year")
PAGES: Final = ("", "overview", "people", "person", "retention", "security", "pipeline")
FILES: Final = ("export.csv", "export.json")
ORDERS: Final = ("last", "name", "email", "first", "signins", "active_days")
_APP = re.compile(r"[0-9a-f]{12}").fullmatch
_LONGEST = 2_000
_MOST_DAYS = 1_100


class Wish(NamedTuple):
    """One view. `page` is one of PAGES; `first` and `last` are its days, inclusive; `app` is an app key, or none."""

    page: str
    first: date
    last: date
    days: int = DEFAULT_RANGE
    app: str = ""
    compare: Compare = "previous"
    person: str = ""
    words: str = ""
    order: str = "last"
    descending: bool = True
    after: tuple[str, str] | None = None
    day: str = ""
    object: str = ""

    def before(self) -> tuple[date, date] | None:
        """The days that these are compared with: whole weeks earlier, so that Mondays stand beside Mondays."""
        weeks = -(-((self.last - self.first).days + 1) // 7)
        if self.compare == "none":
            return None
        back = timedelta(weeks=weeks if self.compare == "previous" else 52)
        return self.first - back, self.last - back


def parse(page: str, search: str, today: date) -> Wish:
    """The wish of an address. What is not offered is the default: no address is an error."""
    given = {name: values[-1][:_LONGEST] for name, values in _query(search).items()}
    days = int(given["range"]) if given.get("range") in {str(days) for days in RANGES} else DEFAULT_RANGE
    first, last = today - timedelta(days=days - 1), today
    chosen = _date(given.get("from")), _date(given.get("to"))
    if chosen[0] and chosen[1] and chosen[0] <= chosen[1] <= today and (chosen[1] - chosen[0]).days < _MOST_DAYS:
        first, last, days = chosen[0], chosen[1], 0
    compare: Compare = next((name for name in COMPARES if name == given.get("compare")), "previous")
    order = given["order"] if given.get("order") in ORDERS else "last"
    day = _date(given.get("day"))
    return Wish(
        page=page if page in PAGES else "",
        first=first,
        last=last,
        days=days,
        app=given["app"] if _APP(given.get("app", "")) else "",
        compare=compare,
        person=given.get("id", ""),
        words=given.get("q", "").strip(),
        order=order,
        descending=given.get("dir", "asc" if order in {"name", "email"} else "desc") == "desc",
        after=(given["after"], given["at"]) if "after" in given and "at" in given else None,
        day=day.isoformat() if day else "",
        object=given.get("object", ""),
    )


def address(**values: object) -> str:
    """The query of an address, without what is empty."""
    found = urlencode({name: str(value) for name, value in values.items() if value not in (None, "")})
    return f"?{found}" if found else ""


def _query(search: str) -> dict[str, list[str]]:
    try:
        return parse_qs(search.removeprefix("?")[: 2 * _LONGEST], max_num_fields=20)
    except ValueError:
        return {}


def _date(value: str | None) -> date | None:
    try:
        found = date.fromisoformat(value or "")
    except ValueError:
        return None
    return found if date(2000, 1, 1) <= found <= date(9998, 1, 1) else None
