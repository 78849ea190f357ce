"""The run's Apache Kafka: one broker with a plain, a SASL and a TLS door; a topic a test.

LOGINLAKE_TEST_LOG_URL (kafka://HOST:PORT/PREFIX, with LOGINLAKE_KAFKA_* for its security) points the contract suite at
a real cluster: every test makes topics of its own there, and removes them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from fakes.certificates import make_authority

from loginlake.stream.kafka import KafkaLog
from loginlake.stream.kafka_admin import KafkaAdmin
from loginlake.stream.kafka_client import PLAINTEXT, Limits, Mechanism, Protocol, Security, parse_url
from loginlake.stream.topic import Topic, ensure_topic
from services import kafka
from services.child import free_port

LOG_URL = "LOGINLAKE_TEST_LOG_URL"
USER, PASSWORD = "loginlake", "correct-horse"
LIMITS = Limits(session_s=6.0, call_s=60.0, delivery_s=120.0)  # of a machine that does much else
_JAAS = "org.apache.kafka.common.security"
_PROTOCOLS = {
    **dict.fromkeys(("PLAINTEXT", "PROXIED", "CONTROLLER"), "PLAINTEXT"),
    "LOGIN": "SASL_PLAINTEXT",
    "SECURE": "SASL_SSL",
}


@dataclass
class Topics:
    """Makes topics on one cluster, and logs on them."""

    bootstrap: str
    security: Security = PLAINTEXT
    replication: int = 1
    prefix: str = "t"
    made: list[str] = field(default_factory=list)
    logs: list[KafkaLog] = field(default_factory=list)

    @property
    def admin(self) -> KafkaAdmin:
        """What makes them."""
        return KafkaAdmin(self.bootstrap, self.security, LIMITS)

    def new(self, partitions: int = 4, max_message_bytes: int = 1_000_000) -> KafkaLog:
        """A log on a new, empty topic."""
        name = f"{self.prefix}-{uuid.uuid4().hex}"
        self.made.append(name)
        self.make(name, partitions, max_message_bytes)
        return self.again(name, replace(LIMITS, max_message_bytes=max_message_bytes))

    def make(self, name: str, partitions: int, max_message_bytes: int = 1_000_000) -> None:
        """A topic of that name."""
        wanted = Topic(name, partitions, self.replication, 1, max_message_bytes=max_message_bytes)
        report = ensure_topic(self.admin, wanted)
        assert report.created
        assert not report.differences

    def again(self, name: str, limits: Limits = LIMITS) -> KafkaLog:
        """Another client of a topic."""
        self.logs.append(KafkaLog(self.bootstrap, name, self.security, limits))
        return self.logs[-1]

    def remove(self) -> None:
        """Close every log; delete the topics of a real cluster."""
        for log in self.logs:
            log.close()
        if os.environ.get(LOG_URL):
            for name in self.made:
                self.admin.delete(name)


@dataclass(frozen=True)
class Doors:
    """The broker's ways in: plain, with a login, with a login behind TLS; and the authority to trust for TLS.

    One more is for a fault proxy: it listens on port `proxied`, and leads to port `behind_proxy`.
    """

    server: kafka.Kafka
    login: str
    secure: str
    ca: Path
    proxied: int
    behind_proxy: int


@pytest.fixture(scope="session")
def kafka_doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """The run's broker."""
    with open_doors(tmp_path_factory.mktemp("kafka")) as doors:
        yield doors


@contextmanager
def open_doors(folder: Path) -> Iterator[Doors]:
    """A broker with all its doors, its data below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ca, identity = make_authority(folder)
    login, secure, proxied, behind = (free_port() for _ in range(4))
    server = kafka.start(
        folder / "data",
        properties=_doors(login, secure, identity, (proxied, behind)),
        scram=[f"{name}=[name={USER},password={PASSWORD}]" for name in ("SCRAM-SHA-256", "SCRAM-SHA-512")],
    )
    try:
        yield Doors(server, f"127.0.0.1:{login}", f"127.0.0.1:{secure}", ca, proxied, behind)
    finally:
        server.stop()


def _doors(login: int, secure: int, identity: Path, proxied: tuple[int, int]) -> dict[str, str]:
    plain = f'{_JAAS}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    doors = f"PLAINTEXT://127.0.0.1:${{port}},LOGIN://127.0.0.1:{login},SECURE://127.0.0.1:{secure}"
    told, behind = (f"PROXIED://127.0.0.1:{port}" for port in proxied)
    properties = {
        "listeners": f"{doors},{behind},CONTROLLER://127.0.0.1:${{controller}}",
        "advertised.listeners": f"{doors},{told}",
        "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in _PROTOCOLS.items()),
        "group.min.session.timeout.ms": "1000",
        # What a topic's ACLs name is all that may be done with it; without any, everything.
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(identity),
    }
    for door in ("login", "secure"):
        of = f"listener.name.{door}"
        properties |= {
            f"{of}.plain.sasl.jaas.config": plain,
            f"{of}.scram-sha-256.sasl.jaas.config": f"{_JAAS}.scram.ScramLoginModule required;",
            f"{of}.scram-sha-512.sasl.jaas.config": f"{_JAAS}.scram.ScramLoginModule required;",
            f"{of}.oauthbearer.sasl.jaas.config": (
                f'{_JAAS}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
            ),
        }
    return properties


@pytest.fixture
def topics(request: pytest.FixtureRequest) -> Iterator[Topics]:
    """Topics on the run's broker, or on the cluster that the environment names."""
    if real := os.environ.get(LOG_URL):
        bootstrap, prefix = parse_url(real)
        made = Topics(bootstrap, _real_security(), int(os.environ.get("LOGINLAKE_TOPIC_REPLICATION", "3")), prefix)
    else:
        made = Topics(request.getfixturevalue("kafka_doors").server.bootstrap)
    yield made
    made.remove()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[kafka.Kafka]:
    """A broker of the test's own, to be killed."""
    server = kafka.start(tmp_path / "kafka" / "data")
    yield server
    server.stop()


def _real_security() -> Security:
    def setting(name: str, default: str = "") -> str:
        return os.environ.get(f"LOGINLAKE_KAFKA_{name}", default)

    return Security(
        cast("Protocol", setting("SECURITY", "PLAINTEXT")),
        cast("Mechanism", setting("MECHANISM", "PLAIN")),
        setting("USERNAME"),
        setting("PASSWORD"),
        Path(setting("CA")) if setting("CA") else None,
        setting("TOKEN_URL"),
        setting("SCOPE"),
    )
