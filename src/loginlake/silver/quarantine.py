"""Rejected rows, read: how many by rule and day, which ones, the message itself, and what the rules say of it now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from loginlake.errors import Misconfigured, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.silver import reasons
from loginlake.silver.check import Checker
from loginlake.silver.rows import RejectedRow

_row = msgspec.json.Decoder(RejectedRow).decode
_FUNCTIONS = {
    function.__name__: function for function in (*reasons.ORDER, reasons.unknown_type, reasons.wrong_type_data)
}


_FIELDS = dict.fromkeys((*reasons.ATTRIBUTES, *chain.from_iterable(reasons.DATA.values())))
_OF_A_FIELD = ("wrong_type", "null")
_KNOWN = ("not_json", "not_object", *(name for name in _FUNCTIONS if name not in _OF_A_FIELD))


class Which(NamedTuple):
    """Rejected rows that arrived on days `first` to `last` (None: any), of a reason (None: any)."""

    first: str | None = None
    last: str | None = None
    reason: str | None = None


class Found(NamedTuple):
    """A rejected row and the bronze object that it came in."""

    object: str
    row: RejectedRow


class Explained(msgspec.Struct, frozen=True):
    """What the rules say of a line of bronze: `now` is a reason, or "accepted", or "erased"."""

    now: str
    detail: str
    rule: str


def rows(store: ObjectStore, which: Which) -> Iterator[Found]:
    """The rejected rows, by day and object."""
    for key, content in _objects(store, which):
        for line in lines.split(content):
            row = _row(line)
            if which.reason in (None, row.reason):
                yield Found(key, row)


def counts(store: ObjectStore, which: Which) -> dict[str, Counter[str]]:
    """The number of rejected rows by day of arrival and reason."""
    found: dict[str, Counter[str]] = {}
    for key, row in rows(store, which):
        found.setdefault(keys.parse_bronze(key).date, Counter())[row.reason] += 1
    return found


def objects(store: ObjectStore, which: Which) -> list[str]:
    """The bronze objects that have such rows."""
    return sorted({key for key, _ in rows(store, which)})


def explain(checker: Checker, line: bytes) -> Explained:
    """What the rules say of a line of bronze now."""
    outcome = checker.reference(line)
    if outcome is None:
        return Explained("erased", "", "The message was erased; nothing of it is left.")
    if isinstance(outcome, RejectedRow):
        return Explained(outcome.reason, outcome.detail, rule(outcome.reason))
    return Explained("accepted", "", "No rule finds anything: a replay puts it in silver.")


def rule(reason: str) -> str:
    """What a reason means, from the rule's own text."""
    names = [name for name in _FUNCTIONS if reason == name or reason.startswith(f"{name}_")]
    if names:
        return " ".join((_FUNCTIONS[max(names, key=len)].__doc__ or "").split())
    return {"not_json": "The message is no JSON text.", "not_object": "The message is JSON, but no object."}.get(
        reason, "A rule that these rules do not know."
    )


def check_reason(reason: str) -> None:
    """Misconfigured, which names the reasons, when these rules reject for no such reason."""
    if reason in _KNOWN or reason in {f"{name}_{field}" for name in _OF_A_FIELD for field in _FIELDS}:
        return
    known = ", ".join((*_KNOWN, *(f"{name}_FIELD" for name in _OF_A_FIELD)))
    raise Misconfigured(f"No row is rejected for {reason!r}.", "", f"The reasons are {known}.")


def bronze_line(store: ObjectStore, key: str, offset: int) -> bytes | None:
    """The line of an offset in a bronze object."""
    try:
        content = lines.decode(store.get(key).data)
    except ObjectNotFound:
        return None
    return next((line for line in lines.split(content) if _offset(line) == offset), None)


class _Offset(msgspec.Struct):
    offset: int


_decode_offset = msgspec.json.Decoder(_Offset).decode


def _offset(line: bytes) -> int:
    return _decode_offset(line).offset


def _objects(store: ObjectStore, which: Which) -> Iterator[tuple[str, bytes]]:
    for entry in list(store.list("rejected/")):
        key = keys.bronze_of_rejected(entry.key)
        if keys.is_bronze(key) and (which.first or "") <= keys.parse_bronze(key).date <= (which.last or "~"):
            yield key, lines.decode(store.get(entry.key).data)


def shown(found: Found, line: bytes | None) -> dict[str, Any]:
    """A rejected row with its message, for a person or a machine."""
    row = found.row
    return {
        "day": keys.parse_bronze(found.object).date,
        "place": f"{row.partition}:{row.offset}" if row.log == 0 else f"{row.log}:{row.partition}:{row.offset}",
        "reason": row.reason,
        "detail": row.detail,
        "object": found.object,
        "line": None if line is None else line.decode("utf-8", "backslashreplace"),
    }
