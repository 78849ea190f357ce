"""A pointer that is no pointer: a named condition, whatever is wrong with it, with the next move."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.gold_store import FakeGold

from loginlake.errors import Corrupt
from loginlake.gold import pointer
from loginlake.gold.embedded import EmbeddedGold


def test_without_one_nothing_was_published() -> None:
    assert pointer.read(FakeGold()) == pointer.Pointer()


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"version": 1},
        {"version": 1, "generation": 1, "published_at": None, "complete_until": None, "keys": 5, "claims": []},
        {"version": 1, "generation": 1, "published_at": None, "complete_until": None, "keys": [["x"]], "claims": []},
    ],
)
def test_a_pointer_that_lacks_something_is_named(document: dict[str, Any]) -> None:
    gold = FakeGold()
    gold.replace(pointer.COLLECTION, [{"_id": "current", **document}])
    with pytest.raises(Corrupt, match="publish fills it from silver"):
        pointer.read(gold)


def test_a_pointer_that_is_no_json_is_named(tmp_path: Path) -> None:
    with closing(EmbeddedGold(tmp_path / "gold.db")) as gold:
        gold.replace(pointer.COLLECTION, [{"_id": "current", "version": 1}])
        with closing(sqlite3.connect(tmp_path / "gold.db")) as database, database:
            database.execute("UPDATE documents_pointer SET body = '{\"_id\":'")
        with pytest.raises(Corrupt, match="Gold's pointer cannot be read"):
            pointer.read(gold)
