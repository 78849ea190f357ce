"""Four seeded schedules on the run's Kafka, Azurite and MongoDB server, behind a fault proxy: every fault of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.drill import HEAD, run, schedules, too_few, totals
from faults.servers import Servers, behind_proxies
from services_kafka import Doors

from services.azurite import Azurite
from services.mongo import MongoServer

COUNT = 4


@pytest.fixture
def servers(
    kafka_doors: Doors, azurite_server: Azurite, mongo_server: MongoServer, tmp_path: Path
) -> Iterator[Servers]:
    with behind_proxies(kafka_doors, azurite_server, mongo_server, tmp_path, long=False) as made:
        yield made


@pytest.mark.kill
@pytest.mark.services
@pytest.mark.timeout(1800)  # the fault proxy is built first, once
def test_whatever_was_answered_is_there_once(servers: Servers, tmp_path: Path) -> None:
    rows = [run(plan, tmp_path / str(plan.seed), servers) for plan in schedules(COUNT, 0, "real")]
    print(HEAD, *rows, totals(rows), sep="\n")
    assert [str(row) for row in rows if not row.good] == []
    assert too_few(rows) == []
