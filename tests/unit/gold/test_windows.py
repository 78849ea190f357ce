from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from loginlake.gold.windows import slide

FIRST = date(2026, 1, 1)


def day(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.integers(0, 150), st.sets(st.sampled_from("abcdefgh"), min_size=1), max_size=30),
    st.sets(st.integers(0, 180), min_size=1, max_size=40),
)
def test_windows_are_those_of_plain_sets(active: dict[int, set[str]], asked: set[int]) -> None:
    def during(last: int, number: int) -> set[str]:
        return set().union(*(active.get(last - back, set()) for back in range(number)))

    windows = list(slide([day(at) for at in sorted(asked)], lambda name: sorted(active.get(number_of(name), set()))))
    for at, window in zip(sorted(asked), windows, strict=True):
        today, month = active.get(at, set()), during(at - 1, 30)
        assert window.day == day(at)
        assert (window.people, window.people_7, window.people_30) == tuple(len(during(at, n)) for n in (1, 7, 30))
        assert window.returning == len(today & month)
        assert set(window.others) == today - month
        assert window.dormant == len(active.get(at - 30, set()) - during(at, 30))


def number_of(name: str) -> int:
    return (date.fromisoformat(name) - FIRST).days


def test_only_the_days_that_matter_are_read_and_none_twice() -> None:
    read: list[str] = []

    def people_of(name: str) -> list[str]:
        read.append(name)
        return ["a"]

    list(slide([day(100), day(101), day(140), day(400)], people_of))
    assert read == [day(n) for n in (*range(70, 102), *range(110, 141), *range(370, 401))]
