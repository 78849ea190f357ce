"""One hour of silver is damaged: the others go on, everything says which and what to do, and that heals it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from fakes.command_line import CommandLine, content
from fakes.silver_messages import numbered


def pointer(line: CommandLine) -> dict[str, Any]:
    with closing(sqlite3.connect(line.data / "gold.db")) as gold:
        (body,) = gold.execute("SELECT body FROM documents_pointer").fetchone()
    found: dict[str, Any] = json.loads(body)
    return found


def sign_in(number: int, hour: int) -> bytes:
    """A sign-in of an hour after midnight of the 20th."""
    return numbered(number, f"2026-11-{20 + hour // 24}T{hour % 24:02d}:30:00.000000Z")


@pytest.mark.parametrize("layer", ["silver/signins", "repeated"])
def test_a_damaged_hour_stops_itself_alone_and_is_healed_by_what_status_says(line: CommandLine, layer: str) -> None:
    first = [sign_in(number, number % 48) for number in range(96)]
    line.send(*first, *first[:50])
    line.pass_through()
    damaged = line.files(layer)[0]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    name = str(damaged.relative_to(line.data / "lake"))
    line.send(*(sign_in(number, number % 48) for number in range(100, 200)), *first[:10])
    line("land", "--once")
    report = line.json("clean", "--once", code=1)
    assert report["corrupt"] == [name]
    others = [path for path in line.files("silver/signins") if path != damaged]
    kept = {json.loads(row)["id"] for path in others for row in content(path).splitlines()}
    assert {f"e{number}" for number in range(100, 200) if number % 48} <= kept
    published = line.json("publish", "--once", code=1 if layer == "silver/signins" else 0)
    assert published["corrupt"] == ([name] if layer == "silver/signins" else [])
    assert published["days"] == (1 if layer == "silver/signins" else 2)
    account = line.json("status", "--check", code=1)
    assert [fault.partition(" ")[0] for fault in account["damaged"]] == [name]
    assert not line.json("audit", "--deep", code=1)["balanced"]
    for command in account["damaged"][0].partition(": ")[2].replace("; then", ",").split(", "):
        line(*command.removeprefix("loginlake ").split())
    assert line.json("audit", "--deep")["balanced"]
    healed = line.json("status", "--check")
    assert (healed["to_clean"], healed["to_publish"], healed["clean"]) == (0, 0, 196)
    assert line.json("clean", "--once")["corrupt"] == []


def test_the_rest_of_gold_is_published_and_nothing_piles_up_while_a_day_cannot_be_read(line: CommandLine) -> None:
    line.send(*(sign_in(number, number) for number in range(48)))
    line.pass_through()
    before = line.documents()["rows"]["pipeline"]
    path = line.files("silver/signins")[0]
    whole = path.read_bytes()
    path.write_bytes(b"")
    for number in range(3):
        line.send(sign_in(100 + number, 30))
        line("land", "--once")
        line("clean", "--once")
        (line.data / "lake" / "dirty").mkdir(exist_ok=True)
        (line.data / "lake" / "dirty" / "day=2026-11-20").write_text(str(number))
        assert line.json("publish", "--once", code=1)["days"] == 1
        assert line.json("publish", "--once", code=1)["days"] == 0
    assert line.documents()["rows"]["pipeline"]["signins"] == before["signins"] + 3
    assert len(pointer(line)["claims"]) <= 1
    until = pointer(line)["complete_until"]
    path.write_bytes(whole)
    assert line.json("publish", "--once")["corrupt"] == []
    assert pointer(line)["complete_until"] >= until
    assert line.json("audit", "--deep")["balanced"]
