from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loginlake.errors import Corrupt, Denied, Unavailable
from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.store import Index

COUNT_UP = """
import sys
from pathlib import Path
from loginlake.gold.embedded import EmbeddedGold
gold = EmbeddedGold(Path(sys.argv[1]))
done = 0
while done < 50:
    stored = gold.read("pointer", ["n"]).get("n")
    version = stored["version"] if stored else None
    done += gold.compare_and_set("pointer", {"_id": "n", "version": (version or 0) + 1}, version)
gold.close()
"""


def test_no_compare_and_set_of_several_processes_is_lost(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNT_UP, str(tmp_path / "gold.db")]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    gold = EmbeddedGold(tmp_path / "gold.db")
    assert gold.read("pointer", ["n"])["n"]["version"] == 150
    gold.close()


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path) -> None:
    first, second = EmbeddedGold(tmp_path / "gold.db"), EmbeddedGold(tmp_path / "gold.db", busy_timeout_s=0.01)
    second.replace("users", [{"_id": "a"}])

    with first._connection() as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            second.replace("users", [{"_id": "b"}])
        connection.execute("ROLLBACK")
    second.replace("users", [{"_id": "c"}])
    assert first.count("users") == 2
    first.close()
    second.close()


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "gold.db").write_bytes(b"this is not a database at all, by any reading" * 100)
    with pytest.raises(Corrupt, match="publish makes it anew"):
        EmbeddedGold(tmp_path / "gold.db").count("users")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Denied, match="LOGINLAKE_GOLD_URL"):
        EmbeddedGold(tmp_path / "file" / "deep" / "gold.db").count("users")


def test_nothing_is_made_before_the_first_call_and_nothing_works_after_close(tmp_path: Path) -> None:
    gold = EmbeddedGold(tmp_path / "gold.db")
    assert not (tmp_path / "gold.db").exists()
    gold.close()
    with pytest.raises(Unavailable):
        gold.count("users")


@pytest.mark.parametrize("name", ["Users", "a-b", "x; DROP TABLE y", ""])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    gold = EmbeddedGold(tmp_path / "gold.db")
    with pytest.raises(ValueError, match="not a"):
        gold.count(name)
    with pytest.raises(ValueError, match="not a"):
        gold.page(Index("users", (name,)))
    gold.close()


def test_a_page_is_a_range_of_the_index(tmp_path: Path) -> None:
    gold = EmbeddedGold(tmp_path / "gold.db")
    gold.prepare([Index("people", ("town", "last"))])
    with gold._connection() as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT body FROM documents_people WHERE field_town = ? AND (field_last, id) > (?, ?) "
            "ORDER BY field_last, id LIMIT 5",
            ("a", 1, "x"),
        ).fetchall()
    assert [row[3] for row in plan] == [
        "SEARCH documents_people USING INDEX index_people_town_last (field_town=? AND (field_last,id)>(?,?))"
    ]
    gold.close()
