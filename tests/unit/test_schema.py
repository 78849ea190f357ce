"""The published schema says what the rules say: the same required fields, the same types, and it is in docs/schema."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes.command_line import CommandLine

from loginlake import demo, schema
from loginlake.event import CONTENT_TYPE, REFUSED, SIGNIN
from loginlake.silver import reasons
from loginlake.silver.reasons import Rules
from loginlake.silver.rules import Rejection, judge

ROOT = Path(__file__).parents[2]
FILES = {"signin": "signin.v1.json", "asyncapi": "asyncapi.json"}
RULES = Rules(secret=b"x" * 32)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TYPES = {"string": str, "boolean": bool, "null": type(None), "object": dict}


def breaches(value: Any, wanted: dict[str, Any], path: str = "") -> list[str]:
    """Where a value breaks a schema, of the words that ours use (and no others)."""
    known = {"$schema", "$id", "title", "description", "type", "const", "pattern", "format", "maxLength", "properties"}
    assert set(wanted) <= known | {"required"}
    found = []
    types = wanted.get("type", list(TYPES))
    if not isinstance(value, tuple(TYPES[name] for name in ([types] if isinstance(types, str) else types))):
        return [f"{path}: type"]
    if "const" in wanted and value != wanted["const"]:
        found.append(f"{path}: const")
    if isinstance(value, str) and not re.search(wanted.get("pattern", ""), value):
        found.append(f"{path}: pattern")
    if isinstance(value, str) and len(value) > wanted.get("maxLength", len(value)):
        found.append(f"{path}: maxLength")
    if isinstance(value, dict):
        found += [f"{path}/{name}: required" for name in wanted.get("required", []) if name not in value]
        for name, inner in wanted.get("properties", {}).items():
            if name in value:
                found += breaches(value[name], inner, f"{path}/{name}")
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_committed_file_is_what_the_program_prints(name: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "schema" / FILES[name]).read_text()
    assert text == schema.text(name), f"make it again: loginlake schema {name} > docs/schema/{FILES[name]}"
    assert CommandLine(tmp_path / "data")("schema", name) == text


@pytest.mark.parametrize(("document", "kind"), [(schema.signin(), SIGNIN), (schema.refusal(), REFUSED)])
def test_required_is_what_the_rules_require(document: dict[str, Any], kind: str) -> None:
    required = {*document["required"], *document["properties"]["data"]["required"]}
    assert required == {*RULES.required_of(kind), "type", "data"}
    assert len(document["required"]) + len(document["properties"]["data"]["required"]) == len(required)
    assert document["properties"]["type"] == {"const": kind, "description": "what happened"}
    data = document["properties"]["data"]["properties"]
    assert set(data) == {*reasons.DATA[kind], *reasons.BOOLEANS[kind]}


def test_demo_events_are_valid_where_the_rules_accept_them() -> None:
    made = list(
        demo.messages(
            people=120,
            days=5,
            seed=3,
            until=NOW,
            source="https://app.example",
            photo_base="https://app.example/",
            rates=demo.Rates(0.02, 0.2, 0.0, 0.1),
        )
    )
    schemas = {SIGNIN: schema.signin(), REFUSED: schema.refusal()}
    seen = {True: 0, False: 0}
    for message in made:
        value = msgspec.json.decode(message.value)
        verdict = judge(message.value, (0, 0, 0), NOW + timedelta(minutes=1), RULES)
        good = not isinstance(verdict, Rejection)
        assert good == (breaches(value, schemas[value["type"]]) == []), verdict
        seen[good] += 1
    assert seen[True] > 50
    assert seen[False] > 5


@pytest.mark.parametrize("name", [*RULES.required_of(SIGNIN), "type"])
@pytest.mark.parametrize("value", [..., None, "", "  ", 7])
def test_without_a_required_field_both_say_no(name: str, value: Any) -> None:
    event: dict[str, Any] = {
        "id": "1",
        "source": "s:a",
        "type": SIGNIN,
        "time": "2026-11-24T11:00:00Z",
        "data": {"provider": "p", "user_id": "1", "username": "a", "email": "a@b.cd", "picture": "https://p"},
    }
    assert breaches(event, schema.signin()) == []
    holder = event["data"] if name in event["data"] else event
    if value is ...:
        del holder[name]
    else:
        holder[name] = value
    assert breaches(event, schema.signin()) != []
    assert isinstance(judge(msgspec.json.encode(event), (0, 0, 0), NOW, RULES), Rejection)


def test_asyncapi_points_at_what_is_there() -> None:
    document = json.loads(schema.text("asyncapi"))
    assert document["asyncapi"] == "3.0.0"
    pointers = re.findall(r'"#/([^"]+)"', json.dumps(document))
    assert pointers
    for pointer in pointers:
        at: Any = document
        for part in pointer.split("/"):
            at = at[part]
    for message in document["components"]["messages"].values():
        assert message["headers"]["properties"]["content-type"]["const"] == CONTENT_TYPE
    assert document["components"]["messages"]["signin"]["payload"]["schema"] == schema.signin()
