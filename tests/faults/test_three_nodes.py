"""Three Kafka brokers, three replicas, two in sync: one is lost with -9, and everything goes on; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.client import Client
from faults.drill import PEOPLE
from faults.judge import judge
from faults.stage import Trap
from faults.world import World

from loginlake.stream.kafka_admin import KafkaAdmin
from loginlake.stream.topic import Topic, ensure_topic
from services import kafka

pytestmark = [pytest.mark.services, pytest.mark.drill, pytest.mark.kill]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[kafka.Kafka]]:
    made = kafka.start_cluster(tmp_path / "kafka", {"group.min.session.timeout.ms": "1000"})
    yield made
    for node in made:
        node.child.kill()


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_losing_one_of_three_brokers_loses_nothing(nodes: list[kafka.Kafka], tmp_path: Path, lost: int) -> None:
    bootstrap = ",".join(node.bootstrap for node in nodes)
    assert ensure_topic(KafkaAdmin(bootstrap), Topic("signins", 6, 3, 2)).differences == []
    data = tmp_path / "data"
    data.mkdir()
    world = World(data, {"log_url": f"kafka://{bootstrap}/signins"}, None)
    try:
        client = Client(world.port, world.key, PEOPLE, lost)
        with client.running():
            client.more(60)
            lander = world.start("land", Trap("put", 1, "after", "say"))
            assert lander.until_sprung()
            nodes[lost].child.kill()
            client.more(100)
            world.until_logged(100)  # two of three take records, and tell the landers' offsets
            lander.end()
            world.land()
            nodes[lost].child.start_again()
            nodes[lost].child.wait_until(lambda: kafka.ready(nodes[lost].port))
            client.more(60)
        world.settle()
        verdict = judge(world.log, world.store, world.gold, client)
    finally:
        world.close()
    print(f"node {lost} lost: answered {len(client.answered)}, lost {verdict.lost}, double {verdict.double}")
    assert (verdict.lost, verdict.double, verdict.wrong) == (0, 0, [])
