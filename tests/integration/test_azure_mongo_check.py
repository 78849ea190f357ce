"""check on Azurite and MongoDB: well, missing, closed; and a server ends with the thread that started it."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from fakes.bronze_origins import wait_for
from pydantic import SecretStr
from services_azurite_mongo import Golds, Lakes

from loginlake.check import check, gold_probe, lake_probe
from loginlake.gold.publish import INDEXES
from loginlake.lake.azure import AzureAccount, create_container, place, server_time
from loginlake.lake.by_url import open_store
from services import azurite, child

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[2]


def test_real_systems_that_are_well(lakes: Lakes, golds: Golds) -> None:
    url, gold = lakes.url(), golds.new()
    where = place(url, lakes.account)
    lake = lake_probe(lakes.again(url), clock=partial(server_time, where))
    lines = check({"lake": lake, "gold": gold_probe(gold, INDEXES, clock=gold.server_time)})
    assert [line.well for line in lines] == [True, True], [str(line) for line in lines]
    assert list(lakes.again(url).list("")) == []
    assert gold.count("pointer") == 0


def test_a_container_is_missing_then_created(azurite_server: azurite.Azurite) -> None:
    where = place(f"{azurite_server.endpoint}/checked-lake", AzureAccount())
    store = open_store(f"{azurite_server.endpoint}/checked-lake", AzureAccount())
    (missing,) = check({"lake": lake_probe(store)})
    assert not missing.well
    assert "container" in missing.said
    (made,) = check({"lake": lake_probe(store, create=partial(create_container, where))})
    assert made.well
    assert "container created" in made.said
    stranger = AzureAccount(key=SecretStr("b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI="))
    (closed,) = check({"lake": lake_probe(open_store(f"{azurite_server.endpoint}/checked-lake", stranger))})
    assert not closed.well
    assert "credential" in closed.said


def test_a_server_does_not_outlive_a_crashed_run(tmp_path: Path) -> None:
    """The run is killed with -9; its server is gone with it."""
    program = (
        "import os, sys; from pathlib import Path; from services.child import Child;"
        "c = Child('sleeper', ['sleep', '600'], Path(sys.argv[1])); print(c.pid, flush=True);"
        "c.wait_until(lambda: b'sleep' == Path(f'/proc/{c.pid}/cmdline').read_bytes().split(bytes(1))[0]);"
        "os.kill(os.getpid(), 9)"
    )
    crashed = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "log")], cwd=ROOT, stdout=subprocess.PIPE, check=False
    )
    assert crashed.returncode == -9
    wait_for(lambda: has_ended(int(crashed.stdout)))


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or waits for nothing but to be noted."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_server_that_ends_at_once_says_why(tmp_path: Path) -> None:
    broken = child.Child("It", ["sh", "-c", "echo no luck; exit 3"], tmp_path / "log")
    with pytest.raises(child.NotStarted, match=r"(?s)exit code 3.*no luck"):
        broken.wait_until(lambda: False)
