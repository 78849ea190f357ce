"""The people on screen as CSV or JSON. No cell can start a formula in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

from loginlake.dashboard.source import Document

FIELDS = ("name", "email", "first", "last", "signins", "active_days")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def rows(people: Sequence[Document], email: Callable[[object], str]) -> list[dict[str, object]]:
    """The rows; `email` writes an address as the asker may see it."""
    return [
        {
            "name": one.get("username") or "",
            "email": email(one.get("email")),
            **{name: one[name] for name in FIELDS[2:]},
        }
        for one in people
    ]


def as_json(found: Sequence[dict[str, object]]) -> str:
    """JSON: an array of objects."""
    return json.dumps(found, ensure_ascii=False, indent=1)


def as_csv(found: Sequence[dict[str, object]]) -> str:
    """CSV by RFC 4180, with a byte order mark so that spreadsheets read UTF-8; a text is never a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(FIELDS)
    writer.writerows([safe(row[name]) for name in FIELDS] for row in found)
    return "\ufeff" + out.getvalue()


def safe(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.lstrip().startswith(_FORMULA) else value
