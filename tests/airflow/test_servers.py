"""dagEtl on Azurite and the MongoDB wire server leaves what the command line leaves on a folder and SQLite."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import CommandLine
from fakes.whole_path import copy_lake, left_to_do, outcomes
from services_azurite_mongo import Golds, Lakes

from loginlake.gold.read import Snapshot
from loginlake.gold.store import GoldStore
from loginlake.lake.by_url import open_store
from loginlake.settings import Settings
from loginlake.wiring import open_gold

pytestmark = pytest.mark.services


def days(gold: GoldStore) -> list[dict[str, Any]]:
    found = Snapshot.open(gold).all_days()
    return [{key: value for key, value in day.items() if key not in {"_id", "generation"}} for day in found]


def test_a_run_on_azure_and_mongodb(
    etl: Any, tmp_path: Path, lakes: Lakes, golds: Golds, settings_of: Callable[..., None]
) -> None:
    line = CommandLine(tmp_path / "data", LOGINLAKE_LAND_MAX_RECORDS="10")
    line("demo", "--people", "20", "--days", "2", "--until", "2026-11-20", "--seed", "3")
    line("land", "--once")
    store, gold_url = lakes.new(), golds.url()
    folder = open_store(f"file:{line.data / 'lake'}")
    copy_lake(folder, store)
    shutil.copytree(line.data, tmp_path / "there")
    shutil.rmtree(tmp_path / "there" / "lake")
    line("clean", "--once")
    line("publish", "--once")
    settings_of(tmp_path / "there", LAKE_URL=lakes.made[-1], GOLD_URL=gold_url)
    state, tasks = etl.run()
    assert (state, {name for found in tasks.values() for name in found}) == ("success", {"success"})
    assert outcomes(store) == outcomes(folder)
    assert left_to_do(store) == []
    with closing(open_gold(Settings())) as there, closing(open_gold(Settings(data=line.data, gold_url=""))) as here:
        assert days(there) == days(here) != []
