"""One person's document: which days' devices it tells, and which days have to be read again for it."""

from __future__ import annotations

from datetime import date, timedelta

from loginlake.gold import persons
from loginlake.gold.agents import DEVICE_DAYS
from loginlake.gold.persons import Change

LAST = date(2026, 11, 24)
PHONE, LAPTOP = "mobile|Safari|iOS", "desktop|Chrome|Windows"


def back(days: int) -> str:
    return (LAST - timedelta(days=days)).isoformat()


def change(devices: dict[str, str | None], gone: tuple[str, ...] = ()) -> Change:
    there = sorted(devices)
    days = sorted((*there, *gone))
    return Change(
        person="google|1",
        days=days,
        signins=[int(day in devices) for day in days],
        devices=[devices.get(day) for day in days],
        came=days,
        earliest=there[0] if there else None,
        first=f"{there[0]}T08:00:00.000000Z" if there else None,
        latest=there[-1] if there else None,
        last=f"{there[-1]}T08:00:00.000000Z" if there else None,
        provider="google",
        user_id="1",
        username="Ana",
        email="ana@example.com",
        email_verified=True,
        picture="https://example.com/1.png",
        hosted_domain=None,
    )


def made(stored: dict[str, object] | None, now: Change) -> dict[str, object]:
    return persons.document(stored, now, persons.days_after(stored, now), 1)


def test_devices_are_told_of_the_days_up_to_the_last_sign_in() -> None:
    devices: dict[str, str | None] = {back(DEVICE_DAYS): PHONE, back(DEVICE_DAYS - 1): PHONE, back(0): LAPTOP}
    assert made(None, change(devices))["devices"] == {back(DEVICE_DAYS - 1): PHONE, back(0): LAPTOP}


def test_a_later_day_puts_the_earliest_out() -> None:
    stored = made(None, change({back(DEVICE_DAYS): PHONE, back(5): PHONE}))
    assert stored["devices"] == {back(DEVICE_DAYS): PHONE, back(5): PHONE}
    assert made(stored, change({back(0): LAPTOP}))["devices"] == {back(5): PHONE, back(0): LAPTOP}


def test_the_last_day_taken_away_has_earlier_ones_read_again() -> None:
    whole = change({back(DEVICE_DAYS): PHONE, back(30): LAPTOP, back(0): LAPTOP})
    stored = made(None, whole)
    taken = change({}, gone=(back(0),))
    days = persons.days_after(stored, taken)
    assert persons.days_to_look_up(stored, taken, days) == {back(DEVICE_DAYS), back(30)}
    known = taken.plus(change({back(DEVICE_DAYS): PHONE, back(30): LAPTOP}))
    assert persons.days_to_look_up(stored, known, persons.days_after(stored, known)) == set()
    assert made(stored, known)["devices"] == {back(DEVICE_DAYS): PHONE, back(30): LAPTOP}


def test_a_day_of_another_device_replaces_what_was_told_of_it() -> None:
    stored = made(None, change({back(1): PHONE}))
    assert made(stored, change({back(1): f"{LAPTOP}\n{PHONE}"}))["devices"] == {back(1): f"{LAPTOP}\n{PHONE}"}
