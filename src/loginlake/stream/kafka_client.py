"""What every Kafka client of ours has in common: address, security, time limits, and what its errors mean.

confluent_kafka comes in by stream/kafka*.py alone. Its callers learn the cause of a failure only through `error_cb`:
`Causes` keeps it.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from confluent_kafka import KafkaError

from loginlake.errors import Denied, GiveUp, LoginlakeError, Misconfigured, Overloaded, TooLarge, Unavailable

logger = logging.getLogger(__name__)

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
Options = dict[str, Any]  # as librdkafka calls them
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_RECONNECT_S = 1.0
_MAKE_TOPIC = "Make it with `loginlake topic`, or correct the name in LOGINLAKE_LOG_URL."
_SECURITY = "Correct the security settings (`loginlake settings`)."


@dataclass(frozen=True, slots=True)
class Security:
    """How to speak to the brokers. `password` is in no message and no repr.

    OAUTHBEARER: `username` and `password` are the client id and its secret, with which a token is fetched from
    `token_url` (for `scope`). `ca` is a PEM file; without one the system's authorities are trusted.
    """

    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism = "PLAIN"
    username: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None
    token_url: str = ""
    scope: str = ""

    def options(self) -> Options:
        """As librdkafka calls them; Misconfigured when something is missing."""
        options: Options = {"security.protocol": self.protocol}
        if self.protocol.endswith("SSL") and self.ca is not None:
            _check_readable(self.ca)
            options["ssl.ca.location"] = str(self.ca)
        if self.protocol.startswith("SASL"):
            options |= self._login()
        return options

    def _login(self) -> Options:
        if not (self.username and self.password):
            raise Misconfigured(
                "Kafka's user name or password is missing.",
                f"{self.protocol} with {self.mechanism} needs both.",
                _SECURITY,
            )
        if self.mechanism != "OAUTHBEARER":
            return {"sasl.mechanism": self.mechanism, "sasl.username": self.username, "sasl.password": self.password}
        if not self.token_url:
            raise Misconfigured(
                "The address that gives out Kafka's tokens is missing.", "OAUTHBEARER needs it.", _SECURITY
            )
        options: Options = {
            "sasl.mechanism": self.mechanism,
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": self.username,
            "sasl.oauthbearer.client.secret": self.password,
            "sasl.oauthbearer.token.endpoint.url": self.token_url,
        }
        if self.scope:
            options["sasl.oauthbearer.scope"] = self.scope
        return options


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds: bytes of a record and of what waits to be sent; seconds for a record to be durable, for an answer to a
    call, until a silent member of a group is given up.
    """

    max_message_bytes: int = 1_000_000
    max_queue_bytes: int = 64 * 1024 * 1024
    delivery_s: float = 30.0
    call_s: float = 10.0
    session_s: float = 10.0


DEFAULT_LIMITS = Limits()
PLAINTEXT = Security()


def parse_url(url: str) -> tuple[str, str]:
    """The brokers' addresses and the topic of kafka://HOST:PORT[,HOST:PORT]/TOPIC; Misconfigured otherwise."""
    _, _, rest = url.partition("//")
    bootstrap, _, topic = rest.partition("/")
    why = ""
    if "@" in rest:
        why = "User name and password do not belong in it."
    elif not all(_is_address(address) for address in bootstrap.split(",")):
        why = "Each broker is HOST:PORT."
    elif not _TOPIC.fullmatch(topic):
        why = "The topic's name is missing, or has characters that Kafka does not take."
    if why:
        raise Misconfigured(
            "The log's URL is not of the form kafka://HOST:PORT[,HOST:PORT]/TOPIC.", why, "Correct LOGINLAKE_LOG_URL."
        )
    return bootstrap, topic


class Causes:
    """The latest trouble that a client told, for the call that fails of it. Thread-safe.

    librdkafka tells each trouble once, so it is kept until a broker answers.
    """

    def __init__(self) -> None:
        """No trouble is known."""
        self._lock = threading.Lock()
        self._latest: KafkaError | None = None
        self._noted_at = 0.0
        self.down = False
        self.fatal = False

    def note(self, error: KafkaError) -> None:
        """Take what `error_cb` tells. "All brokers are down" says less than what came before it."""
        logger.debug("kafka: %s", error.str(), extra={"code": error.name()})
        with self._lock:
            self._noted_at = time.monotonic()
            self.fatal = self.fatal or error.fatal()
            if error.code() != KafkaError._ALL_BROKERS_DOWN:
                self._latest = error
            else:
                self.down = True
                self._latest = self._latest or error

    def clear(self) -> None:
        """A broker answered."""
        with self._lock:
            self._latest, self.down = None, False

    def error(self, what: str, error: KafkaError | None = None) -> LoginlakeError:
        """What failed, by its own error or, where that only says "no answer", by the latest trouble."""
        with self._lock:
            latest = self._latest
        if error is None or error.code() in _NO_ANSWER:
            error = latest or error
        return translate(what, error)

    def hopeless(self, what: str, since: float) -> LoginlakeError | None:
        """Why there is no use in waiting any longer, by what was told after a moment (monotonic).

        A broker says no; or none is left, and a lost connection had the time to be made anew.
        """
        if self._noted_at < since:
            return None
        found = self.error(what)
        given_up = self.down and time.monotonic() - since > _RECONNECT_S
        return found if given_up or isinstance(found, GiveUp) else None


def common_options(bootstrap: str, security: Security, limits: Limits, causes: Causes) -> Options:
    """What every client is made with."""
    return {
        "bootstrap.servers": bootstrap,
        "client.id": "loginlake",
        "error_cb": causes.note,
        "logger": _Quiet(),
        "socket.timeout.ms": int(limits.call_s * 1000),
        "socket.connection.setup.timeout.ms": int(min(5.0, limits.call_s) * 1000),
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": int(_RECONNECT_S * 1000),
        **security.options(),
    }


def translate(what: str, error: KafkaError | None) -> LoginlakeError:
    """Kafka's error as one of ours. Its text names brokers and topics, never a secret."""
    if error is None:
        return Unavailable(what, "Kafka did not answer in time.", _LOOK)
    why = _sentence(error.str())
    if error.code() == KafkaError._ALL_BROKERS_DOWN:
        why = "The brokers close the connection: they stop, or they want a login or TLS that is not in the settings."
    if "Disconnected" in why:
        # A broker that stops in the middle of a handshake looks like a wrong setting; waiting is right for both.
        return Unavailable(what, why, _LOOK)
    if any(hint in why for hint in _MISMATCH):
        return Misconfigured(what, why, _SECURITY)
    family, next_move = _MEANING.get(error.code(), (Unavailable, _LOOK))
    return family(what, "The topic does not exist." if next_move is _MAKE_TOPIC else why, next_move)


def missing_topic(topic: str) -> Misconfigured:
    """What to say to whoever named a topic that is not there."""
    return Misconfigured(
        f"Kafka has no topic {topic}.", "Nobody made it, or its name in LOGINLAKE_LOG_URL is wrong.", _MAKE_TOPIC
    )


def _sentence(text: str) -> str:
    """The client's text as a sentence, without its own prefix and its counters."""
    text = re.sub(r"\s*\(after \d+ms in state \w+.*?\)", "", text.removeprefix("Local: ")).strip()
    return f"Kafka's client says: {text.rstrip('.')}."


def _is_address(address: str) -> bool:
    host, _, port = address.rpartition(":")
    return bool(host) and not host.isspace() and port.isdecimal() and 0 < int(port) < 65536


def _check_readable(ca: Path) -> None:
    try:
        found = b"BEGIN CERTIFICATE" in ca.read_bytes()
    except OSError as error:
        raise Misconfigured(f"The CA file {ca} can't be read.", f"{error.strerror}.", _SECURITY) from None
    if not found:
        raise Misconfigured(f"The CA file {ca} holds no certificate.", "It must be PEM.", _SECURITY)


class _Quiet:
    """Takes librdkafka's own log lines, which would go to standard error: what matters comes through `error_cb`."""

    def log(self, level: int, message: str, *values: object) -> None:
        """As logging.Logger has it."""
        logger.debug(message, *values, extra={"kafka_level": level})


_NO_ANSWER = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._WAIT_COORD,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._DESTROY,
    }
)
_LOOK = "Look at the brokers, at LOGINLAKE_LOG_URL and the security settings."
# librdkafka's words when one side speaks TLS or SASL and the other does not, or one does not trust the other.
_MISMATCH = ("security.protocol", "listener", "SSL routines", "certificate")
# A partition without a leader looks like this for a moment too: only a look at the topic can tell.
NOT_FOUND = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})
_MEANING: dict[int, tuple[type[LoginlakeError], str]] = {
    **dict.fromkeys(NOT_FOUND, (Misconfigured, _MAKE_TOPIC)),
    **dict.fromkeys(
        (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE),
        (TooLarge, "Send less in one record, or raise the topic's max.message.bytes."),
    ),
    **dict.fromkeys(
        (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.UNSUPPORTED_SASL_MECHANISM),
        (Denied, "Correct Kafka's user name, password or mechanism (`loginlake settings`)."),
    ),
    **dict.fromkeys(
        (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.GROUP_AUTHORIZATION_FAILED,
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        ),
        (Denied, "Give this user the right to it (Kafka's ACLs)."),
    ),
    **dict.fromkeys(
        (KafkaError._SSL, KafkaError._INVALID_ARG, KafkaError._UNSUPPORTED_FEATURE), (Misconfigured, _SECURITY)
    ),
    KafkaError._QUEUE_FULL: (Overloaded, "Send later."),
}
