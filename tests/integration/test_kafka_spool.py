"""Kafka is killed, and two web workers answer sign-ins from their spools; all of them reach Kafka, in order."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from fakes.bronze_origins import wait_for
from faults.client import SOURCE
from faults.stage import run_web
from kill.processes import forking
from services_kafka import Topics

from loginlake.stream.kafka import KafkaLog
from loginlake.stream.spool_file import survey
from loginlake.web.keys import ApiKeys
from services.child import free_port
from services.kafka import Kafka, ready

pytestmark = pytest.mark.services
LONG_S = 300.0


class Worker:
    """A web worker: a process on the data folder, which it shares with the others."""

    def __init__(self, name: str, data: Path, key: str, log: KafkaLog) -> None:
        self.name, self.port, self._key, self._sent = name, free_port(), key, 0
        settings = {"DATA": data, "PORT": self.port, "LOG_URL": f"kafka://{log.bootstrap}/{log.topic}"}
        env = {**settings, "SPOOL_AFTER_S": 0.2, "SECRET": "a secret of this test, the same for all workers of it"}
        told = {f"LOGINLAKE_{name}": str(value) for name, value in env.items()}
        self.process: Any = forking().Process(target=run_web, args=(told,), daemon=True)
        self.process.start()
        wait_for(self._answers)

    def send(self, rounds: int) -> list[bool]:
        """Events of five people in turns, one after the other; whether each of them was spooled."""
        return [self._send(f"{self.name}-{person}") for _ in range(rounds) for person in range(5)]

    def send_until_kafka_takes(self) -> None:
        """The first ones may be spooled: Kafka has to be found."""
        wait_for(lambda: not any(self.send(1)))

    def expected(self) -> dict[str, list[int]]:
        """Every person's events, in order."""
        return {f"{self.name}-{person}": list(range(person, self._sent, 5)) for person in range(5)}

    def kill(self) -> None:
        self.process.kill()
        self.process.join(LONG_S)

    def _send(self, user: str) -> bool:
        event = {"specversion": "1.0", "type": "loginlake.signin.v1", "source": SOURCE, "id": f"{user}-{self._sent}"}
        data = {"provider": "shop", "user_id": user, "username": user, "email": "a@b.example", "number": self._sent}
        self._sent += 1
        body = json.dumps({**event, "time": datetime.now(UTC).isoformat(), "data": data})
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/cloudevents+json"}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=LONG_S)) as connection:
            connection.request("POST", "/api/events", body, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        assert answer.status == 202, said
        return bool(said["results"][0].get("spooled"))

    def _answers(self) -> bool:
        try:
            with closing(HTTPConnection("127.0.0.1", self.port, timeout=LONG_S)) as connection:
                connection.request("GET", "/health")
                return connection.getresponse().status == 200
        except OSError:
            return False


@pytest.fixture
def log(own_kafka: Kafka) -> Iterator[KafkaLog]:
    made = Topics(own_kafka.bootstrap).new(4)
    yield made
    made.close()


@pytest.fixture
def workers(log: KafkaLog, tmp_path: Path) -> Iterator[list[Worker]]:
    data = tmp_path / "data"
    data.mkdir()
    _, key = ApiKeys(data / "keys.json").add(SOURCE, "2026-11-24T00:00:00.000000Z")
    made = [Worker(name, data, key, log) for name in ("first", "second")]
    yield made
    for worker in made:
        worker.kill()


def names_in(spool: Path) -> dict[Path, set[str]]:
    """Of each spool file, the workers whose people's entries are in it."""
    found = {}
    for path in spool.glob("*.db"):
        with closing(sqlite3.connect(path)) as db:
            found[path] = {key.decode().split("|")[1].split("-")[0] for (key,) in db.execute("SELECT key FROM entries")}
    return found


def owner(path: Path) -> int:
    """The process that holds the lock of a spool file (Linux tells the locks of all); 0 for none."""
    inode = path.with_suffix(".lock").stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"):
            return int(fields[4])
    return 0


def in_kafka(log: KafkaLog) -> dict[str, list[int]]:
    """The numbers of each person's records in the order of their first copy."""
    reader = log.subscribe("count", lambda _: 0)
    wanted = sum(found.end - found.begin for found in log.ranges().values())
    found: dict[str, dict[int, None]] = defaultdict(dict)
    seen = 0
    while seen < wanted:
        for record in reader.poll(1000, 1.0):
            data = json.loads(record.value or b"")["data"]
            found[data["user_id"]].setdefault(data["number"])
            seen += 1
    reader.close()
    return {user: list(numbers) for user, numbers in found.items()}


def test_sign_ins_wait_in_spools_of_their_own_and_reach_kafka_in_order(
    own_kafka: Kafka, log: KafkaLog, workers: list[Worker], tmp_path: Path
) -> None:
    spool, (first, second) = tmp_path / "data" / "spool", workers
    for worker in workers:
        worker.send_until_kafka_takes()
    own_kafka.child.kill()
    assert all(worker.send(8)[-1] for worker in workers), "answered 202, from the spool"
    held = names_in(spool)
    assert sorted(map(sorted, held.values())) == [["first"], ["second"]], "none shares a file"
    pids = {next(iter(names)): owner(path) for path, names in held.items()}
    assert pids == {"first": first.process.pid, "second": second.process.pid}, "none has stolen one"
    os.kill(first.process.pid, signal.SIGKILL)
    left = next(path for path, names in held.items() if names == {"first"})
    wait_for(lambda: owner(left) == second.process.pid)
    second.send(4)
    assert names_in(spool) == held, "what was picked up stays where it is until Kafka is back"
    own_kafka.child.start_again()
    own_kafka.child.wait_until(lambda: ready(own_kafka.port))
    wait_for(lambda: survey(spool)[0].entries == 0)
    second.send_until_kafka_takes()  # one may still be slow, and is spooled
    assert in_kafka(log) == {**first.expected(), **second.expected()}
