"""A bad day: rows are rejected, the operator finds the rule, fixes, replays; silver and gold are made anew in place."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from fakes.command_line import CommandLine, content
from fakes.silver_messages import numbered

DEMO = ("demo", "--people", "60", "--days", "3", "--until", "2026-11-20", "--repeats", "0.1", "--nulls", "0.1")


def filled(line: CommandLine) -> CommandLine:
    line(*DEMO)
    line.pass_through()
    return line


def balanced(line: CommandLine) -> bool:
    return bool(line.json("audit", "--deep")["balanced"])


def relaxed(line: CommandLine) -> CommandLine:
    """The same lake, with a rule less: a sign-in without a picture is good."""
    return CommandLine(line.data, LOGINLAKE_REQUIRED="id,source,time,user_id,username,email")


def test_rejected_rows_are_listed_shown_and_explained(line: CommandLine) -> None:
    line.send(numbered(1), numbered(2, picture=None), b"not json")
    line.pass_through()
    (counts,) = line.json("rejected", "list").values()
    assert counts == {"not_json": 1, "null_picture": 1}
    (shown,) = [json.loads(row) for row in line("rejected", "show", "--reason", "null_picture", "--json").splitlines()]
    assert (shown["reason"], json.loads(shown["line"])["value"]["id"]) == ("null_picture", "e2")
    said = line.json("rejected", "explain", shown["place"])
    assert (said["now"], said["rule"]) == ("null_picture", "A required field is missing, null, empty or blank.")
    assert relaxed(line).json("rejected", "explain", shown["place"])["now"] == "accepted"
    assert line.json("rejected", "list", "--to", "2020-01-01") == {}
    assert max(map(len, line("rejected", "explain", shown["place"]).splitlines())) <= 100


def test_after_a_rule_is_relaxed_a_replay_puts_the_rows_in_silver_and_gold(line: CommandLine) -> None:
    line.send(numbered(1), numbered(2, picture=None), numbered(2, picture=None), numbered(3, email=None))
    line.pass_through()
    assert [row["user_id"] for row in line.rows("silver/signins")] == ["1"]
    fixed = relaxed(line)
    report = fixed.json("rejected", "replay", "--reason", "null_picture")
    assert (report["rejected_before"], report["rejected"]) == (2, 0)
    assert [row["user_id"] for row in line.rows("silver/signins")] == ["1", "2"]
    assert [row["reason"] for row in line.rows("rejected")] == ["null_email"]
    assert len(line.rows("repeated")) == 1
    fixed("publish", "--once")
    account = fixed.json("status", "--check")
    assert (account["clean"], account["repeated"], account["rejected"], account["gold"]) == (2, 1, 1, 2)
    assert balanced(fixed)


def test_after_a_rule_is_tightened_a_replay_takes_rows_out_again(line: CommandLine) -> None:
    fixed = relaxed(line)
    line.send(numbered(1), numbered(2, picture=None), numbered(2))
    fixed.pass_through()
    assert len(line.rows("silver/signins")) == 2
    line.json(
        "rejected", "replay", "--object", *[str(p.relative_to(line.data / "lake")) for p in line.files("bronze")[:1]]
    )
    for path in line.files("bronze"):
        line("rejected", "replay", "--object", str(path.relative_to(line.data / "lake")))
    kept = {row["user_id"]: row["picture"] for row in line.rows("silver/signins")}
    assert kept == {"1": "/p", "2": "/p"}  # the repeat came up in its winner's place
    assert (line.rows("repeated"), len(line.rows("rejected"))) == ([], 1)
    line("publish", "--once")
    assert balanced(line)


def test_a_repeat_in_another_object_comes_up_when_its_winner_goes(line: CommandLine) -> None:
    fixed = relaxed(line)
    for picture in (None, "/p"):
        line.send(numbered(2, picture=picture))
        fixed.pass_through()
    (winner, _) = sorted(line.files("bronze"))
    assert len(line.rows("repeated")) == 1
    line("rejected", "replay", "--object", str(winner.relative_to(line.data / "lake")))
    assert [row["picture"] for row in line.rows("silver/signins")] == ["/p"]
    assert line.rows("repeated") == []
    line("publish", "--once")
    assert balanced(line)


def test_a_replay_by_unchanged_rules_writes_nothing(line: CommandLine) -> None:
    before = filled(line).lake()
    report = line.json("rejected", "replay")
    assert (report["hours_changed"], report["receipts_changed"]) == (0, 0)
    assert report["objects"] > 0
    assert line.lake() == before


def test_a_replay_that_was_cut_is_ended_by_the_next(line: CommandLine) -> None:
    line.send(numbered(2, picture=None))
    line.pass_through()
    (path,) = line.files("bronze")
    begun = line.data / "lake" / "replay" / path.relative_to(line.data / "lake" / "bronze")
    begun.parent.mkdir(parents=True)
    begun.touch()
    report = relaxed(line).json("rejected", "replay", "--reason", "none_such")
    assert (report["objects"], report["rejected"]) == (1, 0)
    assert line.files("replay") == []


def test_an_object_on_no_list_is_put_on_the_list_of_clean(line: CommandLine) -> None:
    filled(line)
    receipt = line.files("receipts")[0]
    receipt.unlink()
    (wrong,) = line.json("audit", code=1)["findings"]
    report = line.json(*wrong["next_move"].removeprefix("loginlake ").split())
    assert report["left"] == [wrong["where"]]
    line("clean", "--once")
    line("publish", "--once")
    assert balanced(line)


@pytest.mark.parametrize("name", ["bronze/typed wrongly", "nonsense", "{bronze}.x", "{other}"])
def test_a_replay_of_an_object_that_is_not_there_writes_nothing(line: CommandLine, name: str) -> None:
    line.send(numbered(1))
    line.pass_through()
    before = line.lake()
    bronze = str(line.files("bronze")[0].relative_to(line.data / "lake"))
    other = bronze.replace("/log=0/", "/log=7/")
    result = line.run("rejected", "replay", "--object", name.format(bronze=bronze, other=other))
    assert (result.exit_code, "Bronze has no object" in result.output) == (1, True)
    assert line.lake() == before


def _lose(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _double(path: Path) -> None:
    path.write_bytes(gzip.compress(content(path) * 2))


def _invent(path: Path) -> None:
    row = json.loads(content(path).splitlines()[0])
    other = {**row, "offset": 999_999, "id": "zzz"}
    path.write_bytes(gzip.compress(content(path) + json.dumps(other).encode() + b"\n"))


@pytest.mark.parametrize("damage", [_lose, _empty, _double, _invent])
def test_silver_is_made_anew_from_bronze_with_equal_content(line: CommandLine, damage: Callable[[Path], None]) -> None:
    before = filled(line).lake()
    documents = line.documents()
    damage(line.files("silver/signins")[0])
    damage(line.files("silver/signins")[-1])
    assert not line.json("audit", "--deep", code=1)["balanced"]
    assert line.json("rebuild", "silver")["hours_changed"] == 2
    line("publish", "--once")
    assert line.lake() == before
    assert line.documents() == documents
    assert balanced(line)


def test_one_day_of_silver_is_made_anew(line: CommandLine) -> None:
    before = filled(line).lake()
    first = line.files("silver/signins")[0]
    day = first.parts[-3].removeprefix("date=")
    _double(first)
    line("rebuild", "silver", "--from", day, "--to", day)
    line("publish", "--once")
    assert line.lake() == before


def test_what_audit_says_to_do_heals_the_lake(line: CommandLine) -> None:
    before = filled(line).lake()
    _double(line.files("silver/signins")[0])
    wrong = line.json("audit", "--deep", code=1)["findings"][0]
    for command in wrong["next_move"].split("; then "):
        line(*command.removeprefix("loginlake ").split())
    assert line.lake() == before


def test_rebuilding_an_untouched_lake_changes_nothing(line: CommandLine) -> None:
    before, documents = filled(line).lake(), line.documents()
    line("rebuild", "silver")
    assert line.lake() == before
    line("rebuild", "gold")
    assert line.lake() == before
    assert line.documents() == documents


def test_gold_is_made_anew_from_silver(line: CommandLine) -> None:
    documents = filled(line).documents()
    with closing(sqlite3.connect(line.data / "gold.db")) as gold, gold:
        gold.execute(
            "UPDATE documents_rows SET body = replace(body, '\"signins\":', '\"signins\":1') WHERE id LIKE '%:day:%'"
        )
        gold.execute("DELETE FROM documents_users WHERE id = (SELECT min(id) FROM documents_users)")
        (body,) = gold.execute("SELECT body FROM documents_users LIMIT 1").fetchone()
        stranger = json.dumps(json.loads(body) | {"_id": "google|0", "user_id": "0"})
        gold.execute("INSERT INTO documents_users (id, generation, body) VALUES ('google|0', 1, ?)", (stranger,))
    line.json("audit", "--deep", code=1)
    line("rebuild", "gold")
    healed = line.documents()
    assert healed["users"].keys() - documents["users"].keys() == set()
    assert healed == documents
    assert balanced(line)


def test_a_sign_in_is_followed_from_its_id_its_place_and_its_email(line: CommandLine) -> None:
    line.send(numbered(1), numbered(1), numbered(2, picture=None))
    line.pass_through()
    ways = line.json("trace", "e1")["found"]
    assert [way["end"] for way in ways] == ["gold", "repeated"]
    assert [step["name"] for step in ways[0]["steps"]] == ["topic", "bronze", "silver", "gold"]
    assert all(step["done"] for step in ways[0]["steps"])
    _, partition, offset = ways[0]["origin"]
    assert line.json("trace", f"{partition}:{offset}")["found"] == ways[:1]
    assert line.json("trace", "X@example.com")["found"] == ways[:1]
    (lost,) = line.json("trace", "e2")["found"]
    assert (lost["end"], lost["steps"][-1]["content"]["reason"]) == ("rejected", "null_picture")
    shown = line("trace", "e1")
    assert "@" not in shown
    assert "silver/signins/date=2026-11-20/hour=09/shard=00.jsonl.gz" in shown
    assert line("trace", "nobody@example.com", code=1) == ""


def test_a_sign_in_on_its_way_says_how_far_it_is(line: CommandLine) -> None:
    line.send(numbered(1))
    (place,) = [f"{number}:0" for number in range(4) if line.run("trace", f"{number}:0").exit_code == 0]
    ends = [line.json("trace", place)["found"][0]["end"]]
    for stage in ("land", "clean", "publish"):
        line(stage, "--once")
        ends.append(line.json("trace", place)["found"][0]["end"])
    assert ends == ["in the log", "to clean", "to publish", "gold"]


def test_clear_lines_for_what_is_not_there(line: CommandLine) -> None:
    for words in (("rejected", "explain", "x"), ("rejected", "explain", "0:5"), ("trace", "0:999999")):
        result = line.run(*words)
        assert result.exit_code == 1
        assert "Traceback" not in result.output


@pytest.mark.parametrize("verb", ["list", "show"])
def test_a_reason_that_no_rule_has_is_refused_and_the_reasons_are_named(line: CommandLine, verb: str) -> None:
    line.send(numbered(1))
    line.pass_through()
    for reason in ("too_old", "null_picture", "wrong_type_data", "wrong_type_email"):
        assert line("rejected", verb, "--reason", reason) == ""
    for reason in ("nonsense", "null_nonsense"):
        result = line.run("rejected", verb, "--reason", reason)
        assert result.exit_code == 1
        assert reason in result.output
        assert "too_old" in result.output
