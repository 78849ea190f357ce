"""Topics as code: what the log's topic must be, made where it is missing, compared where it is there.

Nothing is ever changed on a topic that is there: what differs is named, setting by setting, and a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from loginlake.errors import Denied, Misconfigured

_DAY_MS = 86_400_000
# What a broker adds to a record on its way: a client that sends the most it may must still be let in.
_OVERHEAD = 48_576


class Difference(NamedTuple):
    """A setting of a topic that is not as wanted."""

    setting: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.setting} is {self.found}, wanted {self.wanted}"


@dataclass(frozen=True, slots=True)
class Topic:
    """What a topic must be. `max_message_bytes` is what a client may send in one record."""

    name: str
    partitions: int = 12
    replication: int = 3
    min_insync: int = 2
    retention_days: int = 7
    max_message_bytes: int = 1_000_000

    def settings(self) -> dict[str, str]:
        """As Kafka calls them. LogAppendTime: the arrival is the broker's word, not the producer's."""
        return {
            "cleanup.policy": "delete",
            "max.message.bytes": str(self.max_message_bytes + _OVERHEAD),
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": str(self.min_insync),
            "retention.ms": str(self.retention_days * _DAY_MS),
        }

    def check(self) -> None:
        """Misconfigured for a topic that could not take a record, or lose it with one broker."""
        if self.min_insync > self.replication:
            raise Misconfigured(
                f"The topic {self.name} could take no record.",
                f"min.insync.replicas ({self.min_insync}) is more than the replicas ({self.replication}).",
                "Ask for more replicas, or for fewer in sync.",
            )


class Found(Protocol):
    """A topic as it is."""

    @property
    def partitions(self) -> int:
        """How many."""
        ...

    @property
    def replication(self) -> int:
        """The fewest replicas of a partition."""
        ...


class TopicAdmin(Protocol):
    """What is asked of the cluster (stream/kafka_admin.py)."""

    def describe(self, topic: str) -> Found | None:
        """The topic; None when there is none."""
        ...

    def settings(self, topic: str) -> dict[str, str]:
        """Its settings, defaults included."""
        ...

    def lacking(self, topic: str) -> list[str]:
        """What this user may not do with it, of what the stages do: "read", "write"."""
        ...

    def create(self, topic: str, partitions: int, replication: int, settings: Mapping[str, str]) -> bool:
        """Make it; False when somebody else did."""
        ...


class TopicReport(NamedTuple):
    """What `ensure_topic` did and found. The topic is right when it exists without differences.

    `lacking`: what this user may not do with it, of "read" and "write".
    """

    exists: bool
    created: bool
    differences: list[Difference]
    lacking: list[str]


def differences(wanted: Topic, found: Found, settings: Mapping[str, str]) -> list[Difference]:
    """Every setting that is not as wanted, in a fixed order."""
    pairs = [
        ("partitions", str(found.partitions), str(wanted.partitions)),
        ("replication", str(found.replication), str(wanted.replication)),
        *((name, settings.get(name, "unknown"), value) for name, value in wanted.settings().items()),
    ]
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def ensure_topic(admin: TopicAdmin, wanted: Topic, *, create: bool = True) -> TopicReport:
    """Make the topic where it is missing (unless told only to look), and compare it with what is wanted. Idempotent.

    Raises Misconfigured for what the cluster does not take, and what the cluster's calls raise.
    """
    wanted.check()
    found = admin.describe(wanted.name)
    created = False
    if found is None:
        if not create:
            return TopicReport(exists=False, created=False, differences=[], lacking=[])
        created = admin.create(wanted.name, wanted.partitions, wanted.replication, wanted.settings())
        found = admin.describe(wanted.name)
    if found is None:
        return TopicReport(True, created, [], [])  # made, and not yet told to every broker
    lacking = admin.lacking(wanted.name)
    try:
        settings = admin.settings(wanted.name)
    except Denied:
        if not lacking:
            raise
        return TopicReport(True, created, [], lacking)  # the graver of two missing rights is told
    return TopicReport(True, created, differences(wanted, found, settings), lacking)
