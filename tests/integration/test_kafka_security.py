"""Kafka behind a login and TLS: every mechanism gets in, and every wrong setting gets what, why and the next move."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fakes.certificates import make_authority
from services_kafka import PASSWORD, USER, Doors, Topics

from loginlake.errors import Denied, LoginlakeError, Misconfigured, Unavailable
from loginlake.stream.kafka import KafkaLog
from loginlake.stream.kafka_client import PLAINTEXT, Limits, Mechanism, Security

pytestmark = [pytest.mark.services, pytest.mark.drill]
ANSWER_S = 15.0
LONG_S = 30.0
LOGIN = Security("SASL_PLAINTEXT", "SCRAM-SHA-256", USER, PASSWORD)


class _Tokens(BaseHTTPRequestHandler):
    """Gives the client of the right secret an unsigned token, which a broker for tests takes."""

    def do_POST(self) -> None:
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        right = self.headers.get("Authorization") == f"Basic {wanted}"
        now = int(time.time())
        parts = [{"alg": "none"}, {"sub": USER, "iat": now, "exp": now + 3600}]
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        body = json.dumps({"access_token": f"{token}."} if right else {"error": "invalid_client"}).encode()
        self.send_response(200 if right else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def token_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/token"
    server.shutdown()
    server.server_close()
    thread.join()


def topic(doors: Doors) -> str:
    topics = Topics(doors.server.bootstrap)
    log = topics.new(1)
    topics.remove()
    return log.topic


def passes(log: KafkaLog) -> None:
    """A record goes there and back, by every kind of client."""
    position = log.send(b"k", b"v").result(LONG_S)
    assert log.read(position) is not None
    reader = log.subscribe("g", lambda _: 0)
    while not (records := reader.poll(10, 1.0)):
        pass
    reader.commit({0: 1})
    assert [record.value for record in records] == [b"v"]
    assert dict(log.committed("g")) == {0: 1}
    log.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_login_behind_tls_passes(kafka_doors: Doors, mechanism: Mechanism) -> None:
    security = Security("SASL_SSL", mechanism, USER, PASSWORD, kafka_doors.ca)
    passes(KafkaLog(kafka_doors.secure, topic(kafka_doors), security))


def test_a_token_passes(kafka_doors: Doors, token_url: str) -> None:
    security = Security("SASL_SSL", "OAUTHBEARER", USER, PASSWORD, kafka_doors.ca, token_url, scope="logs")
    passes(KafkaLog(kafka_doors.secure, topic(kafka_doors), security))


def test_a_login_without_tls_passes(kafka_doors: Doors) -> None:
    passes(KafkaLog(kafka_doors.login, topic(kafka_doors), LOGIN))


Wrong = Callable[[Doors, Path], KafkaLog]


def _other_ca(doors: Doors, folder: Path) -> KafkaLog:
    (folder / "other").mkdir()
    other, _ = make_authority(folder / "other")
    return KafkaLog(doors.secure, "t", Security("SASL_SSL", "PLAIN", USER, PASSWORD, other))


# Who speaks TLS or a login to a door without it is cut off, as by a broker that stops: Retry, with the hint.
WRONG: dict[str, tuple[type[LoginlakeError], str, Wrong]] = {
    "password": (Denied, "password", lambda d, _: KafkaLog(d.login, "t", replace(LOGIN, password="battery-staple"))),
    "plain password": (
        Denied,
        "password",
        lambda d, _: KafkaLog(d.login, "t", replace(LOGIN, mechanism="PLAIN", password="battery-staple")),
    ),
    "user": (Denied, "user", lambda d, _: KafkaLog(d.login, "t", replace(LOGIN, username="nobody"))),
    "ca": (Misconfigured, "certificate", _other_ca),
    "system's ca": (
        Misconfigured,
        "certificate",
        lambda d, _: KafkaLog(d.secure, "t", Security("SASL_SSL", "PLAIN", USER, PASSWORD)),
    ),
    "tls to a plain door": (
        Unavailable,
        "SSL",
        lambda d, _: KafkaLog(d.server.bootstrap, "t", Security("SSL", ca=d.ca)),
    ),
    "plain to a tls door": (Unavailable, "TLS", lambda d, _: KafkaLog(d.secure, "t", PLAINTEXT)),
    "plain to a login door": (Unavailable, "login", lambda d, _: KafkaLog(d.login, "t", PLAINTEXT)),
    "login at a plain door": (Denied, "mechanism", lambda d, _: KafkaLog(d.server.bootstrap, "t", LOGIN)),
    "host": (Unavailable, "nowhere.invalid", lambda _d, _: KafkaLog("nowhere.invalid:9092", "t")),
    "port": (Unavailable, "refused", lambda _d, _: KafkaLog("127.0.0.1:1", "t")),
    "topic": (Misconfigured, "loginlake topic", lambda d, _: KafkaLog(d.server.bootstrap, "no-such-topic")),
}
CALLS: dict[str, Callable[[KafkaLog], object]] = {
    "identity": lambda log: log.identity(),
    "poll": lambda log: log.subscribe("g", lambda _: 0).poll(1, 0.0),
    "ranges": lambda log: log.ranges(),
    "committed": lambda log: log.committed("g"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_is_named_in_time(
    kafka_doors: Doors, tmp_path: Path, wrong: str, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    family, word, make = WRONG[wrong]
    log = make(kafka_doors, tmp_path)
    began = time.monotonic()
    with pytest.raises(family) as caught:
        CALLS[call](log)
    log.close()
    assert time.monotonic() - began < ANSWER_S
    assert word.lower() in str(caught.value).lower()
    assert caught.value.what
    assert caught.value.next_move
    for said in (str(caught.value), repr(caught.value), caplog.text):
        assert PASSWORD not in said
        assert "battery-staple" not in said


@pytest.mark.parametrize("wrong", ["password", "port", "topic", "ca"])
def test_a_record_that_cannot_go_says_why(kafka_doors: Doors, tmp_path: Path, wrong: str) -> None:
    """The web is to go on by its spool: whatever is wrong, the future ends with a reason to try again."""
    _, word, make = WRONG[wrong]
    made = make(kafka_doors, tmp_path)
    log = KafkaLog(made.bootstrap, made.topic, made.security, Limits(delivery_s=4.0))
    with pytest.raises(Unavailable, match=f"(?i){word}"):
        log.send(b"k", b"v").result(LONG_S)
    log.close()


def test_a_wrong_oauth_secret_is_named(kafka_doors: Doors, token_url: str) -> None:
    security = Security("SASL_SSL", "OAUTHBEARER", USER, "battery-staple", kafka_doors.ca, token_url)
    log = KafkaLog(kafka_doors.secure, "t", security)
    with pytest.raises(Denied):
        log.identity()
    log.close()


def test_a_broker_that_says_nothing_is_unavailable_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        log = KafkaLog(f"127.0.0.1:{silent.getsockname()[1]}", "t")
        began = time.monotonic()
        with pytest.raises(Unavailable):
            log.identity()
        assert time.monotonic() - began < ANSWER_S
        log.close()
