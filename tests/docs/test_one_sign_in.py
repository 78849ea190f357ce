"""What docs/one-sign-in.md shows of each stage has the fields that are stored today, and the account its lines."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fakes.command_line import CommandLine

PAGE = (Path(__file__).parents[2] / "docs" / "one-sign-in.md").read_text()


def shown() -> list[Any]:
    """The JSON of the page, unfolded."""
    blocks = re.findall(r"^    \{.*(?:\n    .*)*", PAGE, re.MULTILINE)
    return [json.loads("".join(line[4:] for line in block.splitlines())) for block in blocks]


def form(value: Any) -> Any:
    """A value's fields and types, whatever the numbers and dates in them; a list is as its first is."""
    if isinstance(value, dict):
        return {re.sub(r"\d", "N", name): form(field) for name, field in value.items()}
    return [form(one) for one in value[:1]] if isinstance(value, list) else type(value).__name__


def documents(line: CommandLine) -> list[Any]:
    """The person, the day and the pointer."""
    with closing(sqlite3.connect(line.data / "gold.db")) as gold:
        found = [gold.execute("SELECT body FROM documents_users")]
        found.append(gold.execute("SELECT body FROM documents_rows WHERE id LIKE '%:day:%'"))
        found.append(gold.execute("SELECT body FROM documents_pointer"))
        return [json.loads(rows.fetchone()[0]) for rows in found]


def test_what_the_page_shows_is_what_is_stored(tmp_path: Path) -> None:
    line, event = CommandLine(tmp_path / "data"), shown()[0]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    event |= {"time": now, "received": now}
    line.send(json.dumps(event).encode())
    line.pass_through()
    (receipt,) = line.files("receipts")
    stored = [*line.rows("bronze"), *line.rows("silver"), json.loads(receipt.read_bytes()), *documents(line)]
    assert [form(found) for found in stored] == [form(found) for found in shown()[1:]]


def account(text: str) -> list[str]:
    """Its lines, but for their numbers."""
    return [re.sub(r" +\d+", " N", row).strip() for row in text.splitlines() if re.match(r" +[a-z ]+  +\d+(  |$)", row)]


def test_the_account_is_the_one_that_status_prints(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    line.send(b"{}")
    assert len(account(PAGE)) == 12
    assert account(PAGE) == account(line("status"))[-12:]
