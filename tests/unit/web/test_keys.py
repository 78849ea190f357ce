"""API keys: shown once, kept as hashes, revoked at once, in one small file."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from loginlake.errors import Corrupt, Misconfigured, Unavailable
from loginlake.web.keys import ApiKeys

NOW, LATER = "2026-11-24T12:00:00.000000Z", "2026-11-25T12:00:00.000000Z"
SHOP = "https://shop.example"


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    return ApiKeys(tmp_path / "keys.json")


def test_a_key_finds_its_source(keys: ApiKeys) -> None:
    made, key = keys.add(SHOP, NOW)
    assert keys.find(key) == made
    assert (made.source, made.made, made.revoked) == (SHOP, NOW, None)
    assert keys.all() == [made]


def test_the_file_has_the_hash_alone_and_is_private(keys: ApiKeys, tmp_path: Path) -> None:
    _, key = keys.add(SHOP, NOW)
    path = tmp_path / "keys.json"
    assert key not in path.read_text()
    assert key.removeprefix("ll_") not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert set(json.loads(path.read_text())[0]) == {"id", "source", "sha256", "made", "revoked"}


def test_a_revoked_key_ends_at_once_in_every_reader(keys: ApiKeys, tmp_path: Path) -> None:
    made, key = keys.add(SHOP, NOW)
    other = ApiKeys(tmp_path / "keys.json")
    assert other.find(key) == made
    assert keys.revoke(made.id, LATER).revoked == LATER
    assert other.find(key) is None
    assert keys.revoke(made.id, "2027-01-01T00:00:00Z").revoked == LATER, "again changes nothing"


def test_a_source_may_have_two_keys_while_one_is_replaced(keys: ApiKeys) -> None:
    first, old = keys.add(SHOP, NOW)
    second, new = keys.add(SHOP, LATER)
    keys.revoke(first.id, LATER)
    assert keys.find(old) is None
    assert keys.find(new) == second


@pytest.mark.parametrize("text", ["", "ll_", "ll_" + "x" * 43, "x" * 46, "ll_" + "ñ" * 43, "ll_" + "x" * 10_000, "\n"])
def test_what_is_no_key_finds_nothing(keys: ApiKeys, text: str) -> None:
    assert keys.find(text) is None
    keys.add(SHOP, NOW)
    assert keys.find(text) is None


@pytest.mark.parametrize(
    "source", ["", "shop", "https://a b", "https:", "urn:x\n", "https://a\x1b", "https://" + "x" * 600]
)
def test_a_source_that_is_no_uri(keys: ApiKeys, source: str) -> None:
    with pytest.raises(Misconfigured):
        keys.add(source, NOW)
    assert keys.all() == []


def test_an_unknown_id(keys: ApiKeys) -> None:
    with pytest.raises(Misconfigured):
        keys.revoke("00000000", NOW)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("{")
    with pytest.raises(Corrupt):
        ApiKeys(path).find("ll_" + "x" * 43)
    path.unlink()
    path.mkdir()
    with pytest.raises(Unavailable):
        ApiKeys(path).all()


def test_two_who_add_at_once_lose_none(tmp_path: Path) -> None:
    def add() -> None:
        for _ in range(20):
            ApiKeys(tmp_path / "keys.json").add(SHOP, NOW)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({key.id for key in ApiKeys(tmp_path / "keys.json").all()}) == 80
