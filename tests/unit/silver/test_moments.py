from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loginlake.silver import moments

GOOD = [
    ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00.000000Z"),
    ("2026-11-24t10:00:00z", "2026-11-24T10:00:00.000000Z"),
    ("2026-11-24T10:00:00.5Z", "2026-11-24T10:00:00.500000Z"),
    ("2026-11-24T10:00:00.123456999Z", "2026-11-24T10:00:00.123456Z"),
    ("2026-11-24T00:30:00+02:00", "2026-11-23T22:30:00.000000Z"),
    ("2026-11-24T23:30:00-05:30", "2026-11-25T05:00:00.000000Z"),
    ("2026-11-24T10:00:00-00:00", "2026-11-24T10:00:00.000000Z"),
    ("2024-02-29T10:00:00Z", "2024-02-29T10:00:00.000000Z"),
    ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
    ("2017-01-01T00:59:60.25+01:00", "2016-12-31T23:59:59.999999Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"),
]
BAD = [
    "", " ", "yesterday", "1764000000", "2026-11-24", "2026-11-24T10:00:00", "2026-11-24 10:00:00Z", "20261124T100000Z",
    "2026-11-24T10:00Z", "2026-11-24T10:00:00+0200", "2026-11-24T10:00:00+02", "2026-11-24T10:00:00 +02:00",
    "2026-11-24T24:00:00.000000Z", "2026-11-24T10:60:00Z", "2026-11-24T10:00:61Z", "2026-11-24T10:00:60Z",
    "2026-11-24T23:59:60Z", "2026-02-29T10:00:00Z", "2026-13-01T10:00:00Z", "2026-00-10T10:00:00Z",
    "2026-01-32T10:00:00Z",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "10000-01-01T00:00:00Z",
    "-2026-11-24T10:00:00Z", "+2026-11-24T10:00:00Z", "2026-11-24T10:00:00,5Z", "2026-11-24T10:00:00.Z",
    "2026-W48-2T10:00:00Z", "2026-W48-2T10:00:00.000000Z", "2026-11-24T10:00:00+24:00", "2026-11-24T10:00:00+02:60",
    "2026-11-24T10:00:00Z\n", " 2026-11-24T10:00:00Z", "２０２６-11-24T10:00:00Z", "2026-11-24T10:00:00.000000z ",
]  # fmt: skip


@pytest.mark.parametrize(("text", "kept"), GOOD)
def test_rfc_3339_is_kept_in_utc(text: str, kept: str) -> None:
    when = moments.moment(text)
    assert when is not None
    assert moments.text(when) == kept


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_no_moment(text: str) -> None:
    assert moments.moment(text) is None
    assert not moments.is_canonical(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_silver_writes_is_canonical_and_stays(when: datetime) -> None:
    text = moments.text(when)
    assert moments.is_canonical(text)
    assert moments.moment(text) == when


@given(
    st.sampled_from(["2026-11-24T10:00:00.123456Z", "2024-02-29T23:59:59.999999Z"]),
    st.lists(st.tuples(st.integers(0, 26), st.sampled_from("0123456789-:.,TtZzW+ é")), max_size=4),
)
def test_canonical_is_exactly_what_silver_would_write(text: str, changes: list[tuple[int, str]]) -> None:
    for place, character in changes:
        text = text[:place] + character + text[place + 1 :]
    when = moments.moment(text)
    assert moments.is_canonical(text) == (when is not None and moments.text(when) == text)


@given(
    st.datetimes(),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
    st.text("0123456789+-:Zz. \u0661", max_size=8),
)
def test_the_common_forms_are_made_canonical_as_the_slow_way_does(when: datetime, precision: str, end: str) -> None:
    for text in (when.isoformat(timespec=precision) + mark for mark in ("Z", "+00:00", end)):
        made = moments.canonical(text)
        if made is not None:
            slow = moments.moment(text)
            assert slow is not None
            assert made == moments.text(slow)


@pytest.mark.parametrize("end", ["Z", "+00:00", ".5Z", ".123+00:00", ".123456Z", ".123456789Z"])
def test_common_forms_go_the_fast_way(end: str) -> None:
    assert moments.canonical(f"2026-11-24T10:29:59{end}") is not None
