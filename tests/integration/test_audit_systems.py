"""The audit on every pair of lake and gold: an undisturbed path passes; each sabotage is named, and nothing else."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fakes import whole_path
from fakes.memory_log import MemoryLog
from fakes.silver_messages import RULES, signin, value
from services_azurite_mongo import Golds, Lakes

from loginlake.audit import run
from loginlake.audit.finding import Report
from loginlake.audit.scope import Scope
from loginlake.bronze.land import GROUP
from loginlake.errors import Denied
from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.store import GoldStore
from loginlake.lake import lines
from loginlake.lake.by_url import open_store
from loginlake.lake.store import ObjectStore, Stored
from loginlake.stream.spool_check import counts
from loginlake.stream.spool_file import Content, make

EVENTS = 240
DEEP, SHALLOW = Scope(deep=True), Scope()


class System(NamedTuple):
    """A path that is filled, landed, cleaned and published."""

    log: MemoryLog
    store: ObjectStore
    gold: GoldStore

    def audit(self, scope: Scope = DEEP, spools: Path | None = None) -> Report:
        path = run.Path(
            log=self.log,
            log_number=0,
            group=GROUP,
            store=self.store,
            gold=self.gold,
            rules=RULES,
            shards=lambda _: 1,
            spools=lambda: counts(spools) if spools else ([], []),
        )
        return run.audit(path, scope)

    def named(self, scope: Scope = DEEP) -> list[tuple[str, str]]:
        return [(found.fault, found.where) for found in self.audit(scope).faults]

    def keys(self, folder: str) -> list[str]:
        return [entry.key for entry in self.store.list(folder)]

    def rewrite(self, key: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
        self.store.put(key, lines.encode(change(lines.split(lines.decode(self.store.get(key).data)))))


@pytest.fixture(params=["folder", pytest.param("services", marks=pytest.mark.services)])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[System]:
    log = whole_path.filled(EVENTS)
    if request.param == "folder":
        store: ObjectStore = open_store(f"file:{tmp_path / 'lake'}")
        gold: GoldStore = EmbeddedGold(tmp_path / "gold.db")
    else:
        lakes: Lakes = request.getfixturevalue("lakes")
        golds: Golds = request.getfixturevalue("golds")
        store, gold = lakes.new(), golds.new()
    whole_path.pass_through(log, store, gold)
    yield System(log, store, gold)
    gold.close()


def delete_an_object(system: System) -> tuple[str, str]:
    key = system.keys("bronze/")[1]
    system.store.delete(key)
    return "object_lost", key


def truncate_an_object(system: System) -> tuple[str, str]:
    key = system.keys("bronze/")[0]
    system.store.put(key, system.store.get(key).data[:-12])
    return "object_unreadable", key


def skip_an_offset(system: System) -> tuple[str, str]:
    """On a log with legal gaps it is the receipt that knows of the line."""
    key = system.keys("bronze/")[0]
    system.rewrite(key, lambda rows: rows[:2] + rows[3:])
    return "object_cut", key


def duplicate_a_row(system: System) -> tuple[str, str]:
    key = system.keys("silver/signins/")[0]
    system.rewrite(key, lambda rows: [rows[0], *rows])
    return "row_twice", key


def edit_a_receipt(system: System) -> tuple[str, str]:
    key = system.keys("receipts/")[0]
    receipt = json.loads(system.store.get(key).data)
    system.store.put(key, json.dumps(receipt | {"lines": receipt["lines"] - 1}).encode())
    return "receipt_differs", key


def change_a_count(system: System) -> tuple[str, str]:
    pointer: Any = system.gold.read("pointer", ["current"])["current"]
    key, generation = next(pair for pair in pointer["keys"] if pair[0].startswith("day:"))
    name = f"{generation}:{key}"
    row = dict(system.gold.read("rows", [name])[name])
    system.gold.replace("rows", [row | {"people_30": row["people_30"] + 1}])
    return "gold_differs", f"rows {key}"


def change_a_person(system: System) -> tuple[str, str]:
    name = "google|0001"
    person = dict(system.gold.read("users", [name])[name])
    system.gold.replace("users", [person | {"email": "other@example.com"}])
    return "users_differ", "users"


def test_an_undisturbed_path_passes_deep_and_shallow(system: System) -> None:
    for scope in (DEEP, SHALLOW, SHALLOW):
        report = system.audit(scope)
        assert (report.findings, report.moving) == ([], False)
        assert report.account["accepted"] == report.account["landed"] == EVENTS
        assert min(report.account[name] for name in ("clean", "repeated", "rejected", "gold")) > 0
    assert report.checked == {"objects": 0, "hours": 0, "rows": 0}


@pytest.mark.parametrize(
    "break_it",
    [
        delete_an_object,
        truncate_an_object,
        skip_an_offset,
        duplicate_a_row,
        edit_a_receipt,
        change_a_count,
        change_a_person,
    ],
    ids=lambda function: function.__name__,
)
def test_each_sabotage_is_named_and_nothing_else(system: System, break_it: Callable[[System], tuple[str, str]]) -> None:
    wrong = break_it(system)
    assert system.named() == [wrong]


class ReadOnly:
    """A lake that this user may only read."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.get, self.list = store.get, store.list

    def _denied(self, *_: object) -> None:
        raise Denied("Cannot write.", "This user may only read.", "")

    create = replace = put = delete = _denied

    def lock(self, name: str) -> AbstractContextManager[None]:
        raise Denied("Cannot lock.", "This user may only read.", "")


def test_rights_to_read_suffice(system: System) -> None:
    reader = system._replace(store=ReadOnly(system.store))
    for scope in (DEEP, SHALLOW):
        assert reader.audit(scope).findings == []
    assert system.keys("audit/") == []
    duplicate_a_row(system)
    assert [fault for fault, _ in reader.named()] == ["row_twice"]


def test_an_audit_beside_a_working_pipeline_finds_nothing(system: System) -> None:
    """Between two looks at the lake everything moves on: what came later is not missed, and not taken for strange."""
    for number in range(40):
        message = value(signin(id=f"later {number}", time="2025-11-25T03:10:00.000000Z"))
        system.log.append(message, timestamp_ms=1_764_040_500_000, partition=number % 3)
    moved: list[str] = []

    class Moving(ReadOnly):
        def __init__(self, store: ObjectStore) -> None:
            super().__init__(store)
            self.get = self._get

        def _get(self, key: str) -> Stored:
            if key.startswith("silver/") and not moved:
                moved.append(key)
                whole_path.pass_through(system.log, system.store, system.gold)
            return system.store.get(key)

    report = system._replace(store=Moving(system.store)).audit()
    assert moved
    assert report.faults == []


def test_swapped_objects_are_both_named(system: System) -> None:
    one, other = system.keys("bronze/")[:2]
    first, second = system.store.get(one).data, system.store.get(other).data
    system.store.put(one, second)
    system.store.put(other, first)
    assert system.named() == [("object_misplaced", one), ("object_misplaced", other)]


def test_a_rewound_group_is_a_notice(system: System) -> None:
    system.log.commits[GROUP][1] = 0
    report = system.audit()
    assert [(found.fault, found.notice) for found in report.findings] == [("group_behind", True)]


def test_a_row_removed_from_a_spool_is_named(system: System, tmp_path: Path) -> None:
    spool = make(tmp_path / "spool")
    spool.append([Content(b"k", b"{}", None), Content(b"k", b"{}", None)], 1_764_010_800_000)
    assert system.audit(spools=tmp_path / "spool").findings == []
    with closing(sqlite3.connect(spool.path)) as db, db:
        db.execute("DELETE FROM entries WHERE seq = (SELECT min(seq) FROM entries)")
    (wrong,) = system.audit(spools=tmp_path / "spool").faults
    assert (wrong.fault, wrong.where) == ("spool_differs", f"spool/{spool.path.name}")
    spool.close()


def test_a_recompressed_object_passes(system: System) -> None:
    for key in (system.keys("bronze/")[0], system.keys("silver/")[0]):
        system.store.put(key, gzip.compress(lines.decode(system.store.get(key).data), 9))
    assert system.named() == []


def test_legal_gaps_of_the_log_pass(system: System) -> None:
    system.log.skip(3)
    for number in range(3):
        message = value(signin(id=f"after the gap {number}", time="2025-11-25T03:10:00.000000Z"))
        system.log.append(message, timestamp_ms=1_764_040_500_000)
    whole_path.pass_through(system.log, system.store, system.gold)
    report = system.audit()
    assert report.findings == []
    assert report.account["accepted"] == report.account["landed"] == EVENTS + 3
