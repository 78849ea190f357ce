"""Sabotage: whatever is done to a lake, the audit names just that; an undisturbed lake passes."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fakes.command_line import CommandLine, content
from fakes.silver_messages import numbered

from loginlake.stream.spool_file import Content, make

DEMO = ("demo", "--people", "60", "--days", "3", "--until", "2026-11-20", "--repeats", "0.1", "--nulls", "0.1")


class Done(NamedTuple):
    """What was done: the fault that the audit must name, where, and the (partition, first, end) it must say."""

    fault: str
    where: str
    places: list[tuple[int, int, int]]


def filled(line: CommandLine) -> CommandLine:
    line(*DEMO)
    line.pass_through()
    return line


def key_of(line: CommandLine, path: Path) -> str:
    return str(path.relative_to(line.data / "lake"))


def offsets(path: Path) -> list[int]:
    return [json.loads(row)["offset"] for row in content(path).splitlines()]


def partition(path: Path) -> int:
    return int(path.parent.name.removeprefix("partition="))


def bronze(line: CommandLine) -> list[Path]:
    return sorted(line.files("bronze"), key=lambda path: -len(offsets(path)))


def rewrite(path: Path, rows: list[bytes]) -> None:
    path.write_bytes(gzip.compress(b"".join(rows)))


def rows(path: Path) -> list[bytes]:
    return content(path).splitlines(keepends=True)


def delete_a_bronze_object(line: CommandLine) -> Done:
    path = bronze(line)[0]
    place = (partition(path), 0, len(offsets(path)))
    path.unlink()
    return Done("object_lost", key_of(line, path), [place])


def truncate_a_bronze_object(line: CommandLine) -> Done:
    path = bronze(line)[0]
    place = (partition(path), 0, len(offsets(path)))
    path.write_bytes(path.read_bytes()[:-20])
    return Done("object_unreadable", key_of(line, path), [place])


def cut_the_last_lines_of_an_object(line: CommandLine) -> Done:
    path = bronze(line)[0]
    end = len(offsets(path))
    rewrite(path, rows(path)[:-2])
    return Done("object_cut", key_of(line, path), [(partition(path), end - 2, end)])


def skip_an_offset(line: CommandLine) -> Done:
    path = bronze(line)[0]
    rewrite(path, rows(path)[:3] + rows(path)[4:])
    return Done("offsets_missing", key_of(line, path), [(partition(path), 3, 4)])


def change_a_line_of_bronze(line: CommandLine) -> Done:
    path = bronze(line)[0]
    every = rows(path)
    every[2] = every[2].replace(b'"method":"btn"', b'"method":"bad"').replace(b'"headers":{', b'"headers":{"x":"y",')
    rewrite(path, every)
    return Done("object_altered", key_of(line, path), [(partition(path), 0, len(every))])


def duplicate_a_silver_row(line: CommandLine) -> Done:
    path = line.files("silver/signins")[0]
    first = rows(path)[0]
    row = json.loads(first)
    rewrite(path, [first, *rows(path)])
    return Done("row_twice", key_of(line, path), [(row["partition"], row["offset"], row["offset"] + 1)])


def drop_a_silver_row(line: CommandLine) -> Done:
    path = line.files("silver/signins")[0]
    row = json.loads(rows(path)[0])
    rewrite(path, rows(path)[1:])
    return Done("row_missing", key_of(line, path), [(row["partition"], row["offset"], row["offset"] + 1)])


def change_a_silver_row(line: CommandLine) -> Done:
    path = line.files("silver/signins")[0]
    every = rows(path)
    row = json.loads(every[0])
    every[0] = every[0].replace(row["username"].encode(), b"Somebody")
    rewrite(path, every)
    return Done("row_differs", key_of(line, path), [(row["partition"], row["offset"], row["offset"] + 1)])


def turn_an_hour_around(line: CommandLine) -> Done:
    path = max(line.files("silver/signins"), key=lambda found: len(rows(found)))
    every = rows(path)
    assert len(every) > 1
    row = json.loads(every[-2])
    rewrite(path, [*every[:-2], every[-1], every[-2]])
    return Done("order", key_of(line, path), [(row["partition"], row["offset"], row["offset"] + 1)])


def invent_a_silver_row(line: CommandLine) -> Done:
    path = line.files("silver/signins")[0]
    row = json.loads(rows(path)[0])
    row |= {"offset": 999_999, "id": "invented"}
    every = rows(path)
    rewrite(path, [every[0], json.dumps(row, separators=(",", ":")).encode() + b"\n", *every[1:]])
    return Done("row_without_origin", key_of(line, path), [(row["partition"], 999_999, 1_000_000)])


def lose_a_repeat(line: CommandLine) -> Done:
    path = line.files("repeated")[0]
    row = json.loads(rows(path)[0])
    slot = key_of(line, path).removeprefix("repeated/")
    rewrite(path, rows(path)[1:])
    return Done("row_missing", f"silver/signins/{slot}", [(row["partition"], row["offset"], row["offset"] + 1)])


def name_another_winner(line: CommandLine) -> Done:
    path = line.files("repeated")[0]
    every = rows(path)
    row = json.loads(every[0])
    place = (row["partition"], row["offset"], row["offset"] + 1)
    row["winner_offset"] += 500
    rewrite(path, [json.dumps(row).encode() + b"\n", *every[1:]])
    return Done("winner", key_of(line, path), [place])


def change_a_reason(line: CommandLine) -> Done:
    path = line.files("rejected")[0]
    row = json.loads(rows(path)[0])
    rewrite(path, [json.dumps(row | {"reason": "future"}).encode() + b"\n", *rows(path)[1:]])
    return Done("rejected_differs", key_of(line, path), [(row["partition"], row["offset"], row["offset"] + 1)])


def edit_a_receipt(line: CommandLine) -> Done:
    path = line.files("receipts")[0]
    receipt = json.loads(path.read_bytes())
    path.write_bytes(json.dumps(receipt | {"lines": receipt["lines"] + 1}).encode())
    return Done("receipt_differs", key_of(line, path), [(partition(path), 0, receipt["lines"])])


def take_an_object_off_the_work_list(line: CommandLine) -> Done:
    path = line.files("receipts")[0]
    lines = json.loads(path.read_bytes())["lines"]
    path.unlink()
    key = key_of(line, path).replace("receipts/", "bronze/").replace(".json", ".jsonl.gz")
    return Done("not_on_list", key, [(partition(path), 0, lines)])


def _gold(line: CommandLine, statement: str, *bound: Any) -> list[Any]:
    with closing(sqlite3.connect(line.data / "gold.db")) as gold, gold:
        return gold.execute(statement, bound).fetchall()


def change_one_count_in_gold(line: CommandLine) -> Done:
    query = "SELECT id, body FROM documents_rows WHERE id LIKE '%:day:%' ORDER BY id"
    name, body = _gold(line, query)[0]
    document = json.loads(body)
    document["people_7"] += 1
    _gold(line, "UPDATE documents_rows SET body = ? WHERE id = ?", json.dumps(document), name)
    return Done("gold_differs", f"rows {name.split(':', 1)[1]}", [])


def change_a_person_in_gold(line: CommandLine) -> Done:
    name, body = _gold(line, "SELECT id, body FROM documents_users ORDER BY id")[0]
    document = json.loads(body)
    document["username"] = "Somebody"
    _gold(line, "UPDATE documents_users SET body = ? WHERE id = ?", json.dumps(document), name)
    return Done("users_differ", "users", [])


def lose_a_person_in_gold(line: CommandLine) -> Done:
    _gold(line, "DELETE FROM documents_users WHERE id = (SELECT min(id) FROM documents_users)")
    return Done("users_differ", "users", [])


def put_the_watermark_ahead(line: CommandLine) -> Done:
    path = line.data / "lake" / "watermarks" / "clean.json"
    path.write_bytes(b'{"complete_until":"2999-01-01T00:00:00.000000Z"}')
    return Done("watermark", "watermarks/clean.json", [])


SABOTAGE = [
    delete_a_bronze_object,
    truncate_a_bronze_object,
    cut_the_last_lines_of_an_object,
    skip_an_offset,
    change_a_line_of_bronze,
    duplicate_a_silver_row,
    drop_a_silver_row,
    change_a_silver_row,
    turn_an_hour_around,
    invent_a_silver_row,
    lose_a_repeat,
    name_another_winner,
    change_a_reason,
    edit_a_receipt,
    take_an_object_off_the_work_list,
    change_one_count_in_gold,
    change_a_person_in_gold,
    lose_a_person_in_gold,
    put_the_watermark_ahead,
]
ONLY_DEEP = {change_one_count_in_gold, change_a_person_in_gold, lose_a_person_in_gold}


def faults(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [finding for finding in report["findings"] if not finding["notice"]]


def said(finding: dict[str, Any]) -> Done:
    places = [(place["partition"], place["first"], place["end"]) for place in finding["places"]]
    return Done(finding["fault"], finding["where"], places)


@pytest.mark.parametrize("break_it", SABOTAGE, ids=lambda function: function.__name__)
def test_the_deep_audit_names_exactly_what_was_done(line: CommandLine, break_it: Callable[[CommandLine], Done]) -> None:
    done = break_it(filled(line))
    report = line.json("audit", "--deep", code=1)
    assert not report["balanced"]
    found = [said(finding) for finding in faults(report)]
    assert [(fault, where) for fault, where, _ in found] == [(done.fault, done.where)]
    if done.places:
        assert found[0].places == done.places
    shown = line("audit", "--deep", code=1)
    assert f"WRONG {done.fault}" in shown
    assert "1 wrong." in shown


@pytest.mark.parametrize(
    "break_it", [f for f in SABOTAGE if f not in ONLY_DEEP], ids=lambda function: function.__name__
)
def test_a_shallow_audit_names_it_too_when_it_came_since_the_last_one(
    line: CommandLine, break_it: Callable[[CommandLine], Done]
) -> None:
    filled(line)
    assert line.json("audit")["checked"]["objects"] > 0
    done = break_it(line)
    found = [said(finding) for finding in faults(line.json("audit", code=1))]
    assert [(fault, where) for fault, where, _ in found] == [(done.fault, done.where)]
    again = [said(finding) for finding in faults(line.json("audit", code=1))]
    assert again == found  # what is wrong is never believed


@pytest.mark.parametrize("depth", [(), ("--deep",)])
def test_an_undisturbed_lake_passes(line: CommandLine, depth: tuple[str, ...]) -> None:
    report = filled(line).json("audit", *depth)
    assert (report["balanced"], report["findings"]) == (True, [])
    assert report["account"]["accepted"] == report["account"]["landed"] > 0
    assert report["account"]["repeated"] > 0
    assert "Everything is accounted for." in line("audit", *depth)


def test_two_swapped_objects_are_both_named(line: CommandLine) -> None:
    filled(line)
    one, other = bronze(line)[:2]
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    found = faults(line.json("audit", "--deep", code=1))
    assert [finding["fault"] for finding in found] == ["object_misplaced"] * 2
    assert sorted(finding["where"] for finding in found) == sorted([key_of(line, one), key_of(line, other)])


def test_a_recompressed_object_passes(line: CommandLine) -> None:
    filled(line)
    line("audit")
    for path in (bronze(line)[0], line.files("silver/signins")[0]):
        path.write_bytes(gzip.compress(content(path), 9))
    assert line.json("audit")["checked"]["objects"] >= 1
    assert line.json("audit", "--deep")["balanced"]


def test_a_rewound_group_is_named_and_nothing_is_lost(line: CommandLine) -> None:
    filled(line)
    with closing(sqlite3.connect(line.data / "log.db")) as log, log:
        log.execute(f"UPDATE {_commits(log)} SET next = 0 WHERE partition = 1")
    report = line.json("audit", "--deep")
    assert [(found["fault"], found["where"], found["notice"]) for found in report["findings"]] == [
        ("group_behind", "group, partition 1", True)
    ]


def test_a_row_removed_from_a_spool_is_named(line: CommandLine) -> None:
    filled(line)
    spool = make(line.data / "spool")
    spool.append([Content(b"k", b"{}", None), Content(b"k", b"{}", None)], 1_764_010_800_000)
    report = line.json("audit", "--deep")
    assert (report["balanced"], report["account"]["waiting"]) == (True, 2)
    with closing(sqlite3.connect(spool.path)) as db, db:
        db.execute("DELETE FROM entries WHERE seq = (SELECT min(seq) FROM entries)")
    (wrong,) = faults(line.json("audit", code=1))
    assert (wrong["fault"], wrong["where"]) == ("spool_differs", f"spool/{spool.path.name}")
    assert wrong["what"] == "It says 2 entries of 6 bytes; 1 of 3 are there."
    spool.close()


def _commits(log: sqlite3.Connection) -> str:
    names = [name for (name,) in log.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return str(next(name for name in names if "commit" in name))


def test_every_moment_of_the_path_passes(line: CommandLine) -> None:
    line(*DEMO)
    for stage in ("land", "clean", "publish"):
        for depth in ((), ("--deep",)):
            assert line.json("audit", *depth)["balanced"]
        line(stage, "--once")
    assert line.json("audit", "--deep")["balanced"]


def test_a_pass_cut_before_its_receipts_passes(line: CommandLine) -> None:
    """Killed between silver and receipt: the rows are in silver already, and the objects are still on the list."""
    filled(line)
    for path in line.files("receipts"):
        todo = Path(str(path).replace("/receipts/", "/todo/").replace(".json", ".jsonl.gz"))
        todo.parent.mkdir(parents=True, exist_ok=True)
        todo.touch()
        path.unlink()
    report = line.json("audit", "--deep")
    assert (report["balanced"], report["account"]["to_clean"]) == (True, 0)


def test_the_cost_of_a_shallow_audit_follows_the_new_data(line: CommandLine) -> None:
    filled(line)
    line("audit")
    assert line.json("audit")["checked"] == {"objects": 0, "hours": 0, "rows": 0}
    line.send(b"not json")
    line.pass_through()
    report = line.json("audit")
    assert (report["balanced"], report["checked"]["objects"], report["checked"]["hours"]) == (True, 1, 0)


def test_one_day_is_audited_alone(line: CommandLine) -> None:
    filled(line)
    dates = sorted({path.parts[-3].removeprefix("date=") for path in line.files("silver/signins")})
    report = line.json("audit", "--deep", "--from", dates[1], "--to", dates[1])
    assert (report["balanced"], report["account"]) == (True, {})
    broken = drop_a_silver_row(line)
    assert dates[0] in broken.where
    assert line.json("audit", "--from", dates[1])["balanced"]
    found = faults(line.json("audit", "--to", dates[0], code=1))
    assert [(finding["fault"], finding["date"]) for finding in found] == [("row_missing", dates[0])]


def test_an_id_that_comes_in_two_hours_is_counted_not_hidden(line: CommandLine) -> None:
    times = ("2026-11-20T09:30:00.000000Z", "2026-11-20T10:30:00.000000Z")
    line.send(*(numbered(1, time) for time in times))
    line.pass_through()
    report = line.json("audit", "--deep")
    assert (report["balanced"], report["id_reused"]) == (True, 1)


def test_the_table_fits_a_screen_whatever_is_wrong(line: CommandLine) -> None:
    filled(line)
    for path in line.files("silver/signins"):
        path.unlink()
    shown = line("audit", "--deep", code=1).splitlines()
    assert len(shown) <= 24
    assert max(map(len, shown)) <= 100
    assert any("more: --json has them all." in row for row in shown)
