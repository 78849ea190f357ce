"""Topics as code, on a cluster that is a dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from loginlake.errors import Denied, Misconfigured
from loginlake.stream.topic import Difference, Topic, ensure_topic

WANTED = Topic("signins", partitions=12, replication=3, min_insync=2)


class Existing(NamedTuple):
    partitions: int
    replication: int
    settings: dict[str, str]


class Cluster:
    """`raced`: somebody else makes the topic between the look and the make. `closed`: its settings are not shown."""

    def __init__(self, *, raced: bool = False, closed: bool = False, lacking: tuple[str, ...] = ()) -> None:
        self.topics: dict[str, Existing] = {}
        self.closed, self.lacks = closed, lacking
        self.made = 0
        self.raced = raced

    def describe(self, topic: str) -> Existing | None:
        return self.topics.get(topic)

    def settings(self, topic: str) -> dict[str, str]:
        if self.closed:
            raise Denied("The settings could not be read.")
        return {"segment.ms": "604800000", **self.topics[topic].settings}

    def lacking(self, topic: str) -> list[str]:
        return list(self.lacks)

    def create(self, topic: str, partitions: int, replication: int, settings: Mapping[str, str]) -> bool:
        self.topics[topic] = Existing(partitions, replication, dict(settings))
        self.made += not self.raced
        return not self.raced


def test_a_missing_topic_is_made_once() -> None:
    cluster = Cluster()
    assert ensure_topic(cluster, WANTED) == (True, True, [], [])
    assert ensure_topic(cluster, WANTED) == (True, False, [], [])
    assert cluster.made == 1


def test_a_topic_that_another_made_meanwhile_is_compared() -> None:
    assert ensure_topic(Cluster(raced=True), WANTED) == (True, False, [], [])


def test_only_looking_makes_nothing() -> None:
    cluster = Cluster()
    assert ensure_topic(cluster, WANTED, create=False) == (False, False, [], [])
    assert not cluster.topics


def test_what_differs_is_named_setting_by_setting_and_left_as_it_is() -> None:
    cluster = Cluster()
    found = {**WANTED.settings(), "message.timestamp.type": "CreateTime", "max.message.bytes": "1000"}
    del found["retention.ms"]
    cluster.topics["signins"] = Existing(4, 1, dict(found))
    report = ensure_topic(cluster, WANTED)
    assert report.differences == [
        Difference("partitions", "4", "12"),
        Difference("replication", "1", "3"),
        Difference("max.message.bytes", "1000", "1048576"),
        Difference("message.timestamp.type", "CreateTime", "LogAppendTime"),
        Difference("retention.ms", "unknown", "604800000"),
    ]
    assert str(report.differences[0]) == "partitions is 4, wanted 12"
    assert cluster.topics["signins"] == (4, 1, found)
    assert cluster.made == 0


def test_a_topic_that_could_take_nothing_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"min\.insync\.replicas"):
        ensure_topic(Cluster(), Topic("t", replication=1, min_insync=2))


def test_what_a_user_may_not_do_is_told_before_that_it_may_not_look() -> None:
    assert ensure_topic(Cluster(lacking=("write",)), WANTED).lacking == ["write"]
    assert ensure_topic(Cluster(lacking=("write",), closed=True), WANTED) == (True, True, [], ["write"])
    with pytest.raises(Denied):
        ensure_topic(Cluster(closed=True), WANTED)
