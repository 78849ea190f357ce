"""Every setting that can be wrong about a system: what it is set to, which system's line names it, and by which words.

`World` is where the systems are; each case changes one system, and leaves the others embedded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from services import azurite

SECRETS = ("battery-staple", "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI=", "hunter2", "sig=", "correct-horse")
OTHER_KEY = SECRETS[1]
# As long as by default is tried where all three hang.
HURRY = "serverSelectionTimeoutMS=1500"
Values = dict[str, str]


@dataclass(frozen=True)
class World:
    """Where the systems are. `read_only`, `small`: topics; `silent`: a port that accepts and says nothing."""

    kafka: str
    kafka_login: str
    kafka_tls: str
    user: str
    password: str
    topic: str
    read_only: str
    small: str
    lake: str
    container: str
    gold: str
    gold_login: str
    gold_password: str
    strange_tls: int
    silent: int

    def sas(self, permissions: str = "racwdl", hours: int = 1) -> str:
        """A shared access signature of the container."""
        return generate_container_sas(
            azurite.ACCOUNT,
            self.container,
            account_key=azurite.KEY,
            permission=ContainerSasPermissions.from_string(permissions),
            expiry=datetime.now(UTC) + timedelta(hours=hours),
        )

    def login(self, **changes: str) -> Values:
        """Kafka's door with a login."""
        return {
            "log_url": f"kafka://{self.kafka_login}/{self.topic}",
            "kafka_protocol": "SASL_PLAINTEXT",
            "kafka_mechanism": "SCRAM-SHA-256",
            "kafka_username": self.user,
            "kafka_password": self.password,
            **changes,
        }

    def at(self, host: str, topic: str = "") -> Values:
        """Kafka at an address."""
        return {"log_url": f"kafka://{host}/{topic or self.topic}"}

    def locked(self, user: str, password: str) -> Values:
        """The MongoDB that asks for a password."""
        where = self.gold_login.removeprefix("mongodb://")
        return {"gold_url": f"mongodb://{user}:{quote(password, safe='')}@{where}/d?authSource=admin"}

    def stored(self, address: str = "", **more: str) -> Values:
        """A lake in the container, or at another address."""
        return {"lake_url": address or f"{self.lake}/{self.container}", **more}


@dataclass(frozen=True)
class Case:
    """A broken setting. `stage`: which one meets it when it starts ("" where it begins with reading alone)."""

    system: str
    words: str
    values: Callable[[World], Values]
    stage: str = field(default="")


def _log(words: str, values: Callable[[World], Values], stage: str = "land") -> Case:
    return Case("log", words, values, stage)


def _lake(words: str, values: Callable[[World], Values], stage: str = "clean") -> Case:
    return Case("lake", words, values, stage)


def _gold(words: str, values: Callable[[World], Values], stage: str = "publish") -> Case:
    return Case("gold", words, values, stage)


CASES: dict[str, Case] = {
    "log: scheme": _log("no system that loginlake knows", lambda w: {"log_url": "rabbit://me:hunter2@host/signins"}),
    "log: no topic in the URL": _log("topic's name is missing", lambda w: {"log_url": f"kafka://{w.kafka}"}),
    "log: a password in the URL": _log("do not belong in it", lambda w: w.at("me:hunter2@127.0.0.1:9092")),
    "log: host": _log("Name or service not known", lambda w: w.at("nowhere.invalid:9092")),
    "log: port": _log("Connection refused", lambda w: w.at("127.0.0.1:1")),
    "log: topic": _log("topic", lambda w: w.at(w.kafka, "no-such-topic")),
    "log: max.message.bytes": _log("max.message.bytes is 49576", lambda w: w.at(w.kafka, w.small), ""),
    "log: password": _log("invalid credentials", lambda w: w.login(kafka_password="battery-staple")),
    "log: user": _log("invalid credentials", lambda w: w.login(kafka_username="nobody")),
    "log: no password": _log("password is missing", lambda w: w.login(kafka_password="")),
    "log: mechanism": _log("mechanism", lambda w: {**w.login(), **w.at(w.kafka)}),
    "log: login expected": _log("want a login or TLS", lambda w: w.at(w.kafka_login)),
    "log: TLS expected": _log("want a login or TLS", lambda w: w.at(w.kafka_tls)),
    "log: TLS not spoken": _log("SSL", lambda w: {**w.at(w.kafka), "kafka_protocol": "SSL"}),
    "log: unknown authority": _log("certificate", lambda w: {**w.at(w.kafka_tls), "kafka_protocol": "SSL"}),
    "log: no CA file": _log(
        "No such file", lambda w: {**w.at(w.kafka_tls), "kafka_protocol": "SSL", "kafka_ca": "/none.pem"}
    ),
    "log: read-only account": _log(
        "may not write the topic", lambda w: w.login(log_url=f"kafka://{w.kafka_login}/{w.read_only}"), ""
    ),
    "lake: scheme": _lake("names no lake", lambda w: w.stored("s3://bucket/signins")),
    "lake: a SAS in the URL": _lake("carries a credential", lambda w: w.stored(f"{w.lake}/{w.container}?{w.sas()}")),
    "lake: no account": _lake("not named", lambda w: w.stored("az://lake")),
    "lake: host": _lake(
        "host name is not known", lambda w: w.stored("https://nobody1.blob.nowhere.invalid/lake", azure_key=OTHER_KEY)
    ),
    "lake: port": _lake("Nothing listens", lambda w: w.stored("http://127.0.0.1:1/devstoreaccount1/lake")),
    "lake: container": _lake("no such container", lambda w: w.stored(f"{w.lake}/no-such-container")),
    "lake: container's name": _lake("lower-case", lambda w: w.stored(f"{w.lake}/No_Container")),
    "lake: key": _lake("refused this credential", lambda w: w.stored(azure_key=OTHER_KEY)),
    "lake: half a key": _lake("malformed", lambda w: w.stored(azure_key="hunter2")),
    "lake: connection string": _lake(
        "LOGINLAKE_AZURE_CONNECTION_STRING is none", lambda w: w.stored(azure_connection_string="AccountKey=hunter2")
    ),
    "lake: expired SAS": _lake("refused this credential", lambda w: w.stored(azure_sas=w.sas(hours=-1))),
    "lake: read-only SAS": _lake("may not do that", lambda w: w.stored(azure_sas=w.sas("rl")), ""),
    "lake: TLS not spoken": _lake("TLS", lambda w: w.stored(f"{w.lake}/{w.container}".replace("http:", "https:"))),
    "lake: unknown authority": _lake(
        "TLS", lambda w: w.stored(f"https://127.0.0.1:{w.strange_tls}/devstoreaccount1/{w.container}")
    ),
    "gold: scheme": _gold(
        "no system that loginlake knows", lambda w: {"gold_url": "postgresql://me:hunter2@host/loginlake"}
    ),
    "gold: no database": _gold("names no database", lambda w: {"gold_url": w.gold}),
    "gold: database's name": _gold("database's name is none", lambda w: {"gold_url": f"{w.gold}/log in"}),
    "gold: an option": _gold(
        "option of it is wrong", lambda w: {"gold_url": f"{w.gold}/d?retryWrites=perhaps&password=hunter2"}
    ),
    "gold: host": _gold(
        "host name is not known", lambda w: {"gold_url": f"mongodb://me:hunter2@nowhere.invalid/d?{HURRY}"}
    ),
    "gold: port": _gold("Nothing listens", lambda w: {"gold_url": f"mongodb://me:hunter2@127.0.0.1:1/d?{HURRY}"}),
    "gold: password": _gold("did not let us in", lambda w: w.locked("ana", "hunter2")),
    "gold: login expected": _gold("No user was given", lambda w: {"gold_url": f"{w.gold_login}/d"}),
    "gold: read-only account": _gold("lacks a role", lambda w: w.locked("bob", w.gold_password)),
    "gold: TLS not spoken": _gold("TLS", lambda w: {"gold_url": f"{w.gold}/d?tls=true"}),
    "gold: unknown authority": _gold(
        "not trusted", lambda w: {"gold_url": f"mongodb://127.0.0.1:{w.strange_tls}/d?tls=true&{HURRY}"}
    ),
}
