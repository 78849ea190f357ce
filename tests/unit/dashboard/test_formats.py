from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loginlake.dashboard import formats
from loginlake.dashboard.formats import NBSP

MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize(
    ("value", "spanish", "english"),
    [(0, "0", "0"), (1234, "1234", "1,234"), (12_345, "12.345", "12,345"), (-98_765_432, "-98.765.432", "-98,765,432")],
)
def test_numbers(value: int, spanish: str, english: str) -> None:
    assert (formats.number(value, "es"), formats.number(value, "en")) == (spanish, english)


@given(st.integers(-(10**15), 10**15))
def test_a_number_keeps_its_digits(value: int) -> None:
    assert int(formats.number(value, "es").replace(".", "")) == value
    assert int(formats.number(value, "en").replace(",", "")) == value


@pytest.mark.parametrize(
    ("now", "before", "spanish", "english"),
    [
        (110, 100, f"+10{NBSP}%", "+10%"),
        (90, 100, f"−10{NBSP}%", "−10%"),
        (100, 100, f"±0{NBSP}%", "±0%"),
        (1_000_000, 1, f"+99.999.900{NBSP}%", "+99,999,900%"),
        (0, 5, f"−100{NBSP}%", "−100%"),
    ],
)
def test_changes(now: int, before: int, spanish: str, english: str) -> None:
    assert formats.change(now, before, "es") == spanish
    assert formats.change(now, before, "en") == english


def test_days() -> None:
    at = date(2026, 9, 6)
    assert formats.weekday(at, "es").replace(NBSP, " ") == "dom 6 sept"
    assert formats.weekday(at, "en").replace(NBSP, " ") == "Sun 6 Sep"
    assert formats.full_day(at, "es").replace(NBSP, " ") == "6 sept 2026"


def test_times_are_of_the_zone_shown() -> None:
    now = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert formats.clock(now, MADRID) == "00:30"
    assert formats.when(now - timedelta(minutes=20), now, MADRID, "es") == "00:10:00"
    assert formats.when(now - timedelta(hours=2), now, MADRID, "es").replace(NBSP, " ") == "24 nov 22:30"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (172_799, "47 h"),
        (172_800, "2 días"),
    ],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert formats.ago(seconds, "es") == words


def test_zones_in_words() -> None:
    assert formats.zone_words(MADRID, "es") == "hora de Madrid"
    assert formats.zone_words(ZoneInfo("America/Argentina/Buenos_Aires"), "en") == "Buenos Aires time"
    assert formats.zone_words(ZoneInfo("UTC"), "es") == "hora UTC"


def test_a_time_without_an_offset_is_utc() -> None:
    assert formats.moment("2026-11-24T10:00:00") == formats.moment("2026-11-24T10:00:00Z")


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("lucia@example.com", "l•••@example.com"),
        ("@example.com", "•••"),
        ("nobody", "•••"),
        ("", "•••"),
        ("a@b@c", "a•••@c"),
    ],
)
def test_addresses_are_masked(email: str, shown: str) -> None:
    assert formats.masked(email) == shown


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Lucía Martín García", "LG"), ("ana", "A"), ("<b>", "B"), ("👩🏽‍🚀 🌊", "·"), ("", "·"), ("ليلى حداد", "لح")],
)
def test_initials(name: str, letters: str) -> None:
    assert formats.initials(name) == letters
