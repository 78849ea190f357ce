"""`loginlake keys`: made once, listed without the secret, revoked."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.command_line import CommandLine

from loginlake.web.keys import ApiKeys

SHOP = "https://shop.example"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "data")


def test_a_key_is_printed_once_and_listed_without_it(line: CommandLine) -> None:
    key = line("keys", "add", SHOP).strip()
    found = ApiKeys(line.data / "keys.json").find(key)
    assert found is not None
    (listed,) = line.json("keys", "list")["keys"]
    assert listed == {"id": found.id, "source": SHOP, "made": found.made, "revoked": None}
    shown = line("keys", "list")
    assert f"{found.id}  {found.made}  good  {SHOP}" in shown
    assert key not in shown
    assert found.sha256 not in shown


def test_a_revoked_key_says_since_when(line: CommandLine) -> None:
    key = line("keys", "add", SHOP).strip()
    (listed,) = line.json("keys", "list")["keys"]
    assert "is revoked" in line("keys", "revoke", listed["id"])
    assert "revoked 2" in line("keys", "list")
    assert ApiKeys(line.data / "keys.json").find(key) is None


def test_no_keys_are_listed_as_none(line: CommandLine) -> None:
    assert line("keys", "list") == ""
    assert line.json("keys", "list") == {"keys": []}


@pytest.mark.parametrize("words", [("add", "shop"), ("add", "http://localhost:8000"), ("revoke", "12345678")])
def test_what_cannot_be_is_one_clear_line(line: CommandLine, words: tuple[str, ...]) -> None:
    result = line.run("keys", *words)
    assert result.exit_code == 1
    assert result.stderr.startswith("loginlake: ")
    assert result.stderr.count("\n") == 1
