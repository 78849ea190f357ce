"""How people are found and put in order: what a person's document is searched by, and pages along one index.

`by_name` is the name without accents and in lower case, `by_surname` the same without its first word, `by_email` the
address in lower case. A search finds who begins with the words in any of the three.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from loginlake.gold.census import BY_LAST, BY_SIGNINS
from loginlake.gold.pointer import USERS
from loginlake.gold.store import GoldStore, Index

Document = Mapping[str, Any]
_LONGEST = 120
_FOUND = 200  # documents of each of the three indexes that a search looks at
ORDERS: Mapping[str, Index] = {
    "name": Index(USERS, ("by_name",)),
    "email": Index(USERS, ("by_email",)),
    "first": Index(USERS, ("first",)),
    "last": BY_LAST,
    "signins": BY_SIGNINS,
    "active_days": Index(USERS, ("active_days",)),
}
"""The orders that a list of people can have, and the index of each."""
_SEARCHED = (ORDERS["name"], Index(USERS, ("by_surname",)), ORDERS["email"])
INDEXES = (*ORDERS.values(), _SEARCHED[1])


class Page(NamedTuple):
    """Some people, and whether more come after them. `cut`: a search found more than it looks at."""

    people: Sequence[Document]
    more: bool
    cut: bool = False


def plain(words: str) -> str:
    """Words as they are compared: no accents, lower case, single spaces."""
    letters = unicodedata.normalize("NFKD", words[: 4 * _LONGEST])
    bare = "".join(c for c in letters if not unicodedata.combining(c) and c.isprintable())
    return " ".join(bare.casefold().split())[:_LONGEST]


def keys(username: str | None, email: str | None) -> dict[str, str]:
    """The fields of a person's document that it is found by."""
    name = plain(username or "")
    return {"by_name": name, "by_surname": name.partition(" ")[2], "by_email": plain(email or "")}


def page(
    gold: GoldStore, order: str, *, descending: bool = False, after: tuple[Any, str] | None = None, limit: int = 50
) -> Page:
    """The people after `after` (the ordered value and _id of the last one seen) in one of ORDERS."""
    found = gold.page(ORDERS[order], after=after, limit=limit + 1, descending=descending)
    return Page(list(found[:limit]), len(found) > limit)


def search(gold: GoldStore, words: str, *, emails: bool = True) -> Page:
    """Who begins with the words by name, surname or (`emails`) e-mail; `cut`: an index has more than are looked at."""
    needle = plain(words)
    people: dict[str, Document] = {}
    cut = False
    for index in _SEARCHED if emails else _SEARCHED[:-1]:
        found = gold.page(index, after=(needle, ""), limit=_FOUND + 1)
        matching = _beginning(found, index.fields[0], needle)
        cut = cut or len(matching) > _FOUND
        people.update((document["_id"], document) for document in matching[:_FOUND])
    return Page(list(people.values()), more=False, cut=cut)


def _beginning(found: Sequence[Document], field: str, needle: str) -> list[Document]:
    return [document for document in found if str(document.get(field, "")).startswith(needle)]
