"""What the Kafka clients share: addresses, security, and the meaning of errors. Nothing connects."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import KafkaError

from loginlake.errors import Denied, LoginlakeError, Misconfigured, Overloaded, TooLarge, Unavailable
from loginlake.stream.kafka import KafkaLog
from loginlake.stream.kafka_client import DEFAULT_LIMITS, Causes, Security, common_options, parse_url, translate

SECRET = "correct-horse"


@pytest.mark.parametrize(
    ("url", "bootstrap", "topic"),
    [
        ("kafka://localhost:9092/signins", "localhost:9092", "signins"),
        ("kafka://a.example:9093,b.example:9093/sign.ins_1-x", "a.example:9093,b.example:9093", "sign.ins_1-x"),
        ("kafka://[::1]:9092/t", "[::1]:9092", "t"),
        ("//localhost:9092/t", "localhost:9092", "t"),
    ],
)
def test_a_url_names_brokers_and_topic(url: str, bootstrap: str, topic: str) -> None:
    assert parse_url(url) == (bootstrap, topic)
    log = KafkaLog.from_url(url)
    assert (log.bootstrap, log.topic) == (bootstrap, topic)


@pytest.mark.parametrize(
    "url",
    [
        "kafka://",
        "kafka:localhost:9092/t",
        "kafka://localhost/t",
        "kafka://localhost:9092",
        "kafka://localhost:9092/",
        "kafka://localhost:9092/a/b",
        "kafka://localhost:9092/ä",
        "kafka://:9092/t",
        "kafka://localhost:0/t",
        "kafka://localhost:70000/t",
        "kafka://a:1,,b:1/t",
        f"kafka://user:{SECRET}@localhost:9092/t",
    ],
)
def test_another_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_url(url)
    assert "kafka://HOST:PORT" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_password_is_in_no_repr() -> None:
    assert SECRET not in repr(Security("SASL_SSL", "PLAIN", "user", SECRET))


def test_security_as_librdkafka_calls_it(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("-----BEGIN CERTIFICATE-----\n")
    assert Security().options() == {"security.protocol": "PLAINTEXT"}
    assert Security("SSL", ca=ca).options() == {"security.protocol": "SSL", "ssl.ca.location": str(ca)}
    assert Security("SASL_SSL", "SCRAM-SHA-512", "user", SECRET).options() == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "user",
        "sasl.password": SECRET,
    }
    token = Security("SASL_SSL", "OAUTHBEARER", "client", SECRET, token_url="https://login.example/token").options()
    assert token["sasl.oauthbearer.method"] == "oidc"
    assert token["sasl.oauthbearer.client.secret"] == SECRET
    assert "sasl.oauthbearer.scope" not in token


@pytest.mark.parametrize(
    "security",
    [
        Security("SASL_SSL", "PLAIN", "user"),
        Security("SASL_SSL", "PLAIN", password=SECRET),
        Security("SASL_SSL", "OAUTHBEARER", "client", SECRET),
        Security("SSL", ca=Path("/nowhere/ca.pem")),
        Security("SSL", ca=Path(__file__).parent),
        Security("SSL", ca=Path(__file__).with_name("test_partitioner.py")),
    ],
)
def test_what_is_missing_is_named(security: Security) -> None:
    with pytest.raises(Misconfigured) as caught:
        common_options("localhost:9092", security, DEFAULT_LIMITS, Causes())
    assert caught.value.next_move
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "family"),
    [
        (KafkaError.UNKNOWN_TOPIC_OR_PART, Misconfigured),
        (KafkaError._UNKNOWN_TOPIC, Misconfigured),
        (KafkaError._SSL, Misconfigured),
        (KafkaError._AUTHENTICATION, Denied),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Denied),
        (KafkaError.MSG_SIZE_TOO_LARGE, TooLarge),
        (KafkaError._QUEUE_FULL, Overloaded),
        (KafkaError._MSG_TIMED_OUT, Unavailable),
        (KafkaError.NOT_ENOUGH_REPLICAS, Unavailable),
        (KafkaError.NETWORK_EXCEPTION, Unavailable),
    ],
)
def test_an_error_has_a_family_and_a_next_move(code: int, family: type[LoginlakeError]) -> None:
    found = translate("It failed.", KafkaError(code))
    assert type(found) is family
    assert found.what == "It failed."
    assert found.why
    assert found.next_move


def test_no_answer_is_explained_by_the_trouble_before_it() -> None:
    causes = Causes()
    causes.note(KafkaError(KafkaError._AUTHENTICATION, "Authentication failed"))
    causes.note(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert isinstance(causes.error("x", KafkaError(KafkaError._TIMED_OUT)), Denied)
    assert isinstance(causes.error("x"), Denied)
    assert isinstance(causes.error("x", KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)), TooLarge)
    causes.clear()
    assert isinstance(causes.error("x", KafkaError(KafkaError._TIMED_OUT)), Unavailable)


def test_waiting_ends_early_only_for_news() -> None:
    causes = Causes()
    assert causes.hopeless("x", 0.0) is None
    causes.note(KafkaError(KafkaError._TRANSPORT, "Connection refused"))
    assert causes.hopeless("x", 0.0) is None  # another broker may answer
    causes.note(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert isinstance(causes.hopeless("x", 0.0), Unavailable)
    assert causes.hopeless("x", float("inf")) is None


def test_a_broker_that_stops_in_a_handshake_is_no_wrong_setting() -> None:
    cut = KafkaError(KafkaError._SSL, "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?")
    assert isinstance(translate("x", cut), Unavailable)
    untrusted = KafkaError(KafkaError._TRANSPORT, "error:0A000086:SSL routines::certificate verify failed")
    assert isinstance(translate("x", untrusted), Misconfigured)
