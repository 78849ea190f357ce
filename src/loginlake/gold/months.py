"""A month's rows: its days side by side, so that a year is a dozen documents. Pure: day documents in, rows out.

    "month:2026-11"             of all applications
    "month:2026-11:<app key>"   of one application, which the row names as `app`
    {"month", "days": [day, ...], <figure>: [number a day, ...], "by_hour": [[24 numbers], ...],
     <by ...>: [[name, [number a day, ...]], ...]}

Numbers stand in the order of `days`. Beyond `MOST_NAMES` the smallest names of a month are counted together as "*".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_NAMES = 500
MONTH = "month:"
APP_FIGURES = ("signins", "people", "refusals")
FIGURES = (
    *("signins", "people", "people_7", "people_30", "new", "returning", "resurrected", "dormant"),
    *("refusals", "rejected"),
)
APP_NAMES = ("by_method", "by_device", "by_browser", "by_system", "by_domain", "refused_by_reason")
NAMES = (*APP_NAMES, "by_source", "rejected_by_reason")
_OTHERS = "*"
Document = Mapping[str, Any]


def app_key(source: str) -> str:
    """The short name of an application in rows and addresses."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def month_key(month: str, app: str = "") -> str:
    """The key of a month's row, of one application (its app key) or of all."""
    return f"{MONTH}{month}:{app}" if app else f"{MONTH}{month}"


def rows(month: str, documents: Sequence[Document]) -> dict[str, dict[str, Any]]:
    """Every row of a month by key, from its day documents (ascending)."""
    if not documents:
        return {}
    found = {month_key(month): _row(month, documents, FIGURES, NAMES)}
    by_app: dict[str, list[Document]] = {}
    for document in documents:
        for app in document.get("apps", ()):
            by_app.setdefault(app["name"], []).append({**app, "day": document["day"]})
    for name, of_app in by_app.items():
        row = _row(month, of_app, APP_FIGURES, APP_NAMES)
        found[month_key(month, app_key(name))] = {"app": name, **row}
    return found


def _row(month: str, days: Sequence[Document], figures: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    return {
        "month": month,
        "days": [document["day"] for document in days],
        **{name: [document[name] for document in days] for name in figures},
        "by_hour": [document["by_hour"] for document in days],
        **{name: _by_name([document[name] for document in days]) for name in names},
    }


def _by_name(counts: Sequence[Iterable[Document]]) -> list[list[Any]]:
    table: dict[str, list[int]] = {}
    for at, of_day in enumerate(counts):
        for pair in of_day:
            table.setdefault(pair["name"], [0] * len(counts))[at] += pair["count"]
    rest = table.pop(_OTHERS, [0] * len(counts))
    ordered = sorted(table.items(), key=lambda item: (-sum(item[1]), item[0]))
    for _, numbers in ordered[MOST_NAMES:]:
        rest = [one + other for one, other in zip(rest, numbers, strict=True)]
    shown = [[name, numbers] for name, numbers in ordered[:MOST_NAMES]]
    return [*shown, [_OTHERS, rest]] if any(rest) else shown
