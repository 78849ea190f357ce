"""Numbers, dates and times as each language writes them. Pure; two languages do not need a locale library."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from loginlake.dashboard.texts import text
from loginlake.web.texts import Language

NBSP: Final = "\u00a0"
_MONTHS: Final[Mapping[Language, tuple[str, ...]]] = {
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_WITH_WEEKDAY, _ONE_YEAR = 100, 365
_WEEKDAYS: Final[Mapping[Language, tuple[str, ...]]] = {
    "es": ("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}


def number(value: int, language: Language) -> str:
    """1234567 as 1.234.567 or 1,234,567. Spanish does not group four digits."""
    if language == "es":
        return str(value) if -10_000 < value < 10_000 else f"{value:,}".replace(",", ".")
    return f"{value:,}"


def change(now: int, before: int, language: Language) -> str:
    """How much more or less `now` is than `before`, in per cent, with its sign. `before` is positive."""
    more = round(100 * (now - before) / before)
    sign = "+" if more > 0 else "−" if more < 0 else "±"
    return f"{sign}{percent(abs(more), language)}"


def percent(value: int, language: Language) -> str:
    """A whole number of per cent: 18 %, 18%."""
    return f"{number(value, language)}{NBSP if language == 'es' else ''}%"


def share(part: int, whole: int, language: Language) -> str:
    """A part of a whole in per cent; a dash where there is no whole."""
    return percent(round(100 * part / whole), language) if whole else "—"


@lru_cache(maxsize=4096)
def day(value: date, language: Language) -> str:
    """24 nov, 24 Nov."""
    return f"{value.day}{NBSP}{_MONTHS[language][value.month - 1]}"


@lru_cache(maxsize=4096)
def weekday(value: date, language: Language) -> str:
    """The day with its weekday: mar 24 nov, Tue 24 Nov."""
    return f"{_WEEKDAYS[language][value.weekday()]}{NBSP}{day(value, language)}"


def axis_day(value: date, language: Language, days: int) -> str:
    """A day as a chart of `days` days names it: mar 24 nov; 24 nov; 24 nov 2026 where a day comes twice."""
    if days <= _WITH_WEEKDAY:
        return weekday(value, language)
    return day(value, language) if days <= _ONE_YEAR else full_day(value, language)


def weekday_name(number: int, language: Language) -> str:
    """The weekday, 0 being Monday: lun, Mon."""
    return _WEEKDAYS[language][number]


@lru_cache(maxsize=4096)
def full_day(value: date, language: Language) -> str:
    """24 nov 2026, 24 Nov 2026."""
    return f"{day(value, language)}{NBSP}{value.year}"


def clock(moment: datetime, zone: tzinfo) -> str:
    """18:55, in that zone."""
    return moment.astimezone(zone).strftime("%H:%M")


def when(moment: datetime, now: datetime, zone: tzinfo, language: Language) -> str:
    """18:55:03 for today in that zone, else 24 nov 18:55."""
    local = moment.astimezone(zone)
    if local.date() == now.astimezone(zone).date():
        return local.strftime("%H:%M:%S")
    return f"{day(local.date(), language)}{NBSP}{local:%H:%M}"


def ago(seconds: float, language: Language) -> str:
    """A duration in its largest whole unit: 45 s, 12 min, 3 h, 2 días."""
    for unit, size, largest in (("seconds", 1, 60), ("minutes", 60, 3600), ("hours", 3600, 172_800)):
        if seconds < largest:
            return text(language, f"ago_{unit}", n=int(seconds // size))
    return text(language, "ago_days", n=number(int(seconds // 86_400), language))


def zone_words(zone: ZoneInfo, language: Language) -> str:
    """A time zone in words: hora de Madrid, Madrid time."""
    city = zone.key.rsplit("/", 1)[-1].replace("_", " ")
    return text(language, "zone_utc") if city in {"UTC", "GMT", "Zulu"} else text(language, "zone", city=city)


def moment(value: str) -> datetime:
    """An RFC 3339 time of a gold document. A time without an offset is UTC."""
    found = datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def minute(value: str, zone: tzinfo, language: Language) -> str:
    """An RFC 3339 time of a gold document, to the minute in that zone: 24 nov 2026, 18:55."""
    local = moment(value).astimezone(zone)
    return f"{full_day(local.date(), language)}, {local:%H:%M}"


def masked(email: str) -> str:
    """An e-mail address of which only the first letter and the domain are left: l•••@example.com."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}•••{at}{domain}" if local else "•••"


def person_name(name: object, language: Language) -> str:
    """A person's name; words for one who has none."""
    return str(name or "").strip() or text(language, "nameless")


def initials(name: str) -> str:
    """The first letters of the first and the last word, in upper case; a dot for a name without letters."""
    words = [letters for word in name.split() if (letters := "".join(c for c in word if c.isalnum()))]
    return "".join(word[0] for word in (*words[:1], *words[1:][-1:])).upper() or "·"
