"""Times as silver keeps them: RFC 3339 in, UTC with microseconds and Z out. Pure. Silver rewrites nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]((?:[01][0-9]|2[0-3]):[0-5][0-9]):([0-5][0-9]|60)(\.[0-9]+)?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_LEAP_DAYS = {(6, 30), (12, 31)}


def is_canonical(text: str) -> bool:
    """Whether a text is a time just as silver writes it; False for any other text, good or bad."""
    # fromisoformat takes more than RFC 3339 (weeks, commas, 24:00), but nothing else of this length with these marks.
    if len(text) != 27 or text[7] != "-" or text[10] != "T" or text[19] != "." or text[26] != "Z":
        return False
    if text[11] == "2" and text[12] == "4":
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def canonical(text: str) -> str | None:
    """A UTC time in one of the common forms, as silver writes it; None for any other text, good or bad.

    The forms: Z or +00:00, any fraction of a second or none. A fraction past microseconds is cut.
    """
    if is_canonical(text):
        return text
    if text.endswith("+00:00"):
        text = text[:-6] + "Z"
    digits = text[20:-1]
    if len(text) == 20 or (text[19:20] == "." and digits.isascii() and digits.isdigit()):
        full = f"{text[:19]}.{digits[:6]:0<6}Z"
        return full if text[-1] == "Z" and is_canonical(full) else None
    return None


@lru_cache(maxsize=64)  # each time of a message is asked for more than once
def moment(text: str) -> datetime | None:
    """The moment of an RFC 3339 date-time, in UTC; None when it is none, or not within the years 1 to 9999.

    A fraction past microseconds is cut. A leap second (23:59:60 UTC at the end of June or December, the only places
    where one can be) is the last microsecond of its day, so that it stays in its day and hour.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    date, minutes, seconds, fraction, offset = found.groups()
    leap = seconds == "60"
    micros = (fraction or ".")[1:7].ljust(6, "0")
    zone = "+00:00" if offset in "Zz" else offset
    try:
        parsed = datetime.fromisoformat(f"{date}T{minutes}:{'59' if leap else seconds}.{micros}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if not leap:
        return parsed
    last = (parsed.month, parsed.day) in _LEAP_DAYS and (parsed.hour, parsed.minute) == (23, 59)
    return parsed.replace(microsecond=999_999) if last else None


def text(when: datetime) -> str:
    """A moment (UTC) as silver writes it."""
    return when.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
