"""A sign-in through `loginlake run` on real servers is seen by clients that share no code with it.

Azure's SDK and MongoDB's driver look in every run; Kafka's own console consumer and mongosh, which have to be
installed, in `make drill`.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from typing import Any, NamedTuple

import httpx
import pytest
from end_to_end.lakes import Lake
from pymongo import MongoClient
from services_kafka import Doors

from services import azurite, look, mongo

pytestmark = pytest.mark.services
VALERIA, NAME = "1002", "Valeria Quiroga"
LONGEST_S = 240.0


class Arrived(NamedTuple):
    """One sign-in that the product says is in gold; where its layers are."""

    event_id: str
    bootstrap: str
    topic: str
    lake: str
    gold: str


@pytest.fixture(scope="module")
def arrived(
    kafka_doors: Doors,
    tmp_path_factory: pytest.TempPathFactory,
    azurite_server: azurite.Azurite,
    mongo_server: mongo.MongoServer,
) -> Arrived:
    """Sign in by HTTP as the page does it, and wait for the end of the journey that the page shows."""
    topic, name = f"seen-{uuid.uuid4().hex}", f"t{uuid.uuid4().hex[:20]}"
    where = {
        "log_url": f"kafka://{kafka_doors.server.bootstrap}/{topic}",
        "lake_url": f"{azurite_server.endpoint}/{name}",
        "gold_url": f"{mongo_server.url}/{name}",
    }
    one_broker = {"topic_partitions": "2", "topic_replication": "1", "topic_min_insync": "1", "land_max_age_s": "1"}
    lake = Lake(tmp_path_factory.mktemp("run"), **where, **one_broker)
    lake.command("check", "--create")
    with lake.running():
        event_id = sign_in(lake.origin)
    return Arrived(event_id, kafka_doors.server.bootstrap, topic, where["lake_url"], where["gold_url"])


def sign_in(origin: str) -> str:
    """The event's id, when every step of its journey is done."""
    with httpx.Client(base_url=origin, headers={"Origin": origin}, timeout=120) as client:
        boot = re.search(r'id="boot">(.*?)</script>', client.get("/").text)
        assert boot is not None
        wish = {"person": VALERIA, "nonce": json.loads(boot[1])["nonce"]["value"]}
        token = client.post("/dev/token", json=wish).raise_for_status().json()["credential"]
        client.post("/api/signin", json={"credential": token, "select_by": "btn"}).raise_for_status()
        pause, until = threading.Event(), time.monotonic() + LONGEST_S
        journey: dict[str, Any] = {"steps": [{"done": False}]}
        while not all(step["done"] for step in journey["steps"]):
            assert time.monotonic() < until, journey
            pause.wait(0.1)
            journey = client.get("/api/journey").json()
        return str(journey["event_id"])


def test_azures_sdk_finds_the_sign_in_in_bronze_and_in_silver(arrived: Arrived) -> None:
    bronze = [line for lines in look.blobs(arrived.lake, "bronze/").values() for line in lines]
    silver = [line for lines in look.blobs(arrived.lake, "silver/signins/").values() for line in lines]
    assert [line["value"]["id"] for line in bronze] == [arrived.event_id]
    assert [(line["id"], line["username"]) for line in silver] == [(arrived.event_id, NAME)]


def test_mongodbs_driver_finds_the_person_in_gold(arrived: Arrived) -> None:
    with MongoClient[dict[str, Any]](arrived.gold) as client:
        (person,) = client.get_default_database()["users"].find()
    assert (person["username"], person["signins"]) == (NAME, 1)


@pytest.mark.drill
def test_kafkas_console_consumer_prints_the_event(arrived: Arrived) -> None:
    (value,) = look.console_consumer(arrived.bootstrap, arrived.topic)
    assert json.loads(value)["id"] == arrived.event_id


@pytest.mark.drill
def test_mongosh_finds_the_person(arrived: Arrived) -> None:
    (person,) = look.mongosh(arrived.gold, "db.users.find().toArray()")
    assert (person["username"], person["signins"]) == (NAME, 1)
