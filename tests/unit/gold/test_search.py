from __future__ import annotations

from typing import Any

import pytest
from fakes.gold_store import FakeGold

from loginlake.gold import search

NAMES = ("Lucía Ferrer", "Luca Ferri", "Ñandú Pérez", "ليلى حداد", "ana  maría   ferrer", "=cmd|' /C calc'!A0")


def filled(names: tuple[str, ...] = NAMES) -> FakeGold:
    gold = FakeGold()
    gold.replace(
        "users",
        [
            {
                "_id": f"google|{n}",
                "signins": n % 3,
                "last": f"2026-11-{n % 28 + 1:02d}",
                **search.keys(name, f"P{n}@Example.com"),
            }
            for n, name in enumerate(names)
        ],
    )
    return gold


def found(words: str) -> set[str]:
    return {document["_id"] for document in search.search(filled(), words).people}


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ("luc", {"google|0", "google|1"}),
        ("  LUCIA  ferrer ", {"google|0"}),
        ("ferr", {"google|0", "google|1"}),
        ("maria fer", {"google|4"}),
        ("perez", {"google|2"}),
        ("p5@", {"google|5"}),
        ("ليلى", {"google|3"}),
        ("nobody", set()),
    ],
)
def test_people_are_found_by_name_surname_and_email(words: str, who: set[str]) -> None:
    assert found(words) == who


def test_a_search_that_finds_too_many_says_so() -> None:
    many = filled(tuple(f"Ana {n}" for n in range(250)))
    page = search.search(many, "ana")
    assert (len(page.people), page.cut) == (200, True)


@pytest.mark.parametrize("order", search.ORDERS)
@pytest.mark.parametrize("descending", [False, True])
def test_pages_hold_everybody_once_in_order(order: str, *, descending: bool) -> None:
    gold = filled(tuple(f"N{n % 5}" for n in range(23)))
    gold.replace("users", [{**d, "first": d["last"], "active_days": 1} for d in gold.collections["users"].values()])
    field = search.ORDERS[order].fields[0]
    seen: list[Any] = []
    after = None
    while True:
        page = search.page(gold, order, descending=descending, after=after, limit=4)
        seen += [(document[field], document["_id"]) for document in page.people]
        after = seen[-1]
        if not page.more:
            break
    assert seen == sorted(seen, reverse=descending)
    assert len(set(seen)) == 23


def test_what_is_searched_by_is_bounded() -> None:
    assert len(search.plain("x" * 10_000)) == 120
    assert search.plain("a\x00b\u202e\n c") == "ab c"
