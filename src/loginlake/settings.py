"""Every setting on one screen: environment variable LOGINLAKE_<NAME> (or a line in .env), default, meaning."""

from __future__ import annotations

import ipaddress
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from loginlake.errors import Misconfigured
from loginlake.origin import normal_origin

ENV_PREFIX = "LOGINLAKE_"


class Settings(BaseSettings):
    """The settings. An empty environment runs the whole path on this machine."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_file=".env", extra="ignore", frozen=True)

    data: Path = Field(Path("data"), description="folder of the embedded log, lake, gold and web state")
    log_url: str = Field("", description="the log: sqlite:PATH | kafka://HOST:PORT/TOPIC (default: in DATA)")
    lake_url: str = Field("", description="the lake: file:PATH | az://CONTAINER/PREFIX (default: in DATA)")
    gold_url: str = Field("", description="the answers: sqlite:PATH | mongodb://HOST/DATABASE (default: in DATA)")

    host: str = Field("127.0.0.1", description="address that the web listens on")
    port: int = Field(8000, ge=1, le=65535, description="port that the web listens on")
    workers: int = Field(1, ge=1, le=64, description="web worker processes (of `loginlake web`)")
    public_url: str = Field("", description="the web's origin as browsers see it (default: http://localhost:PORT)")
    source: str = Field("", description="URI of this application in its events (default: PUBLIC_URL)")
    trusted_proxies: int = Field(0, ge=0, description="reverse proxies in front whose X-Forwarded-For is believed")
    secret: SecretStr = Field(SecretStr(""), description="key of cookies and keyed hashes (default: made once in DATA)")

    kafka_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to speak to Kafka: PLAINTEXT | SSL | SASL_PLAINTEXT | SASL_SSL"
    )
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "PLAIN", description="how to log in to Kafka: PLAIN | SCRAM-SHA-256 | SCRAM-SHA-512 | OAUTHBEARER"
    )
    kafka_username: str = Field("", description="user name at Kafka; for OAUTHBEARER the client id")
    kafka_password: SecretStr = Field(SecretStr(""), description="password at Kafka; for OAUTHBEARER the client secret")
    kafka_ca: str = Field("", description="PEM file of the authority that signed Kafka's certificate (default: system)")
    kafka_token_url: str = Field("", description="where OAUTHBEARER tokens are fetched")
    kafka_scope: str = Field("", description="scope of OAUTHBEARER tokens")
    topic_partitions: int = Field(12, ge=1, description="partitions of the topic that `loginlake topic` makes")
    topic_replication: int = Field(3, ge=1, description="replicas of that topic")
    topic_min_insync: int = Field(2, ge=1, description="replicas of it that must have a record (min.insync.replicas)")
    azure_account: str = Field("", description="storage account of an az:// lake")
    azure_endpoint: str = Field("", description="its address, where it is not Azure's own")
    azure_key: SecretStr = Field(SecretStr(""), description="account key (without any: the default credential)")
    azure_sas: SecretStr = Field(SecretStr(""), description="shared access signature instead of a key")
    azure_connection_string: SecretStr = Field(SecretStr(""), description="connection string instead of both")

    google_client_id: str = Field("", description="Google OAuth client id; empty: the developer identity provider")
    google_hosted_domain: str = Field("", description="only people of this Google Workspace domain may sign in")
    viewers: str = Field(
        "", description="who may see the dashboard: e-mails or hosted domains (@example.com), separated by commas"
    )
    admins: str = Field("", description="who may see it with whole e-mail addresses and rows' origins: the same form")
    unmask: bool = Field(False, description="show viewers whole e-mail addresses too")
    photos: bool = Field(True, description="show people's photos, from Google's hosts; else their initials")
    timezone: str = Field("Europe/Madrid", description="time zone in which days and hours are shown")

    events_a_minute: int = Field(60_000, ge=1000, description="events that an API key may send a minute, a worker")
    spool_after_s: float = Field(
        1.5,
        gt=0,
        le=4,
        description="seconds without the log's confirmation until the spool takes a sign-in (not embedded)",
    )
    spool_max_mb: int = Field(256, ge=1, description="size of a worker's spool; full: sign-ins are answered 503")
    spool_max_days: float = Field(
        7, gt=0, description="age of the oldest spooled event at which the spool counts as full"
    )

    metrics_port: int = Field(
        0, ge=0, le=65535, description="port of /metrics for land, clean or publish alone (0: none; web has its own)"
    )
    partitions: int = Field(4, ge=1, le=1024, description="partitions of the embedded log, when it is created")
    shards: int = Field(1, ge=1, le=64, description="shards of an hour in the lake, by person, when it is created")
    retention_days: int = Field(7, ge=1, description="days that the log keeps records (embedded: once landed)")
    land_max_records: int = Field(20_000, ge=1, description="records that close a bronze object")
    land_max_bytes: int = Field(16 * 1024 * 1024, ge=1, description="bytes of values that close a bronze object")
    land_max_age_s: float = Field(0, ge=0, description="seconds that close a bronze object (0: 1 embedded, 60 Kafka)")
    future_minutes: int = Field(10, ge=0, description="a sign-in this far after its arrival is rejected as future")
    too_old_days: int = Field(1100, ge=1, description="a sign-in this long before its arrival is rejected as too_old")
    required: str = Field(
        "id,source,time,user_id,username,email,picture", description="fields without which a sign-in is rejected"
    )
    otel_endpoint: str = Field("", description="OTLP/HTTP collector of traces: http://HOST:4318 (extra: otel)")
    log_format: Literal["text", "json"] = Field("text", description="log lines: text | json (one object a line)")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug | info | warning | error")

    @field_validator("data")
    @classmethod
    def _at_home(cls, folder: Path) -> Path:
        return folder.expanduser()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no time zone has this name; for example Europe/Madrid") from None
        return name

    @cached_property
    def log_address(self) -> str:
        """The log's URL, with its default."""
        return self.log_url or f"sqlite:{self.data / 'log.db'}"

    @cached_property
    def lake_address(self) -> str:
        """The lake's URL, with its default."""
        return self.lake_url or f"file:{self.data / 'lake'}"

    @cached_property
    def gold_address(self) -> str:
        """The gold store's URL, with its default."""
        return self.gold_url or f"sqlite:{self.data / 'gold.db'}"

    @property  # not cached: a copy with another port would keep it
    def origin(self) -> str:
        """The web's origin, spelt as browsers do. Raises Misconfigured when PUBLIC_URL is none."""
        return normal_origin(self.public_url or f"http://localhost:{self.port}")

    @property
    def application(self) -> str:
        """The `source` of this application's events."""
        return self.source or self.origin

    @cached_property
    def viewer_names(self) -> frozenset[str]:
        """Who may see the dashboard, in lower case."""
        return _names(self.viewers)

    @cached_property
    def admin_names(self) -> frozenset[str]:
        """Who may see it whole, in lower case."""
        return _names(self.admins)

    @cached_property
    def required_fields(self) -> frozenset[str]:
        """The fields that a sign-in must have."""
        return frozenset(name.strip() for name in self.required.split(",") if name.strip())

    @property
    def developer_mode(self) -> bool:
        """Without a Google client id the developer identity provider stands in."""
        return not self.google_client_id


def _names(listed: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in listed.split(",") if name.strip())


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is only reachable from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_unsafe(settings: Settings) -> None:
    """Raise Misconfigured for a combination that would let a stranger in."""
    if settings.developer_mode and not is_loopback(settings.host):
        raise Misconfigured(
            f"The developer identity provider does not start on {settings.host}.",
            "Anybody who reaches that address could sign in as anybody.",
            "Set LOGINLAKE_GOOGLE_CLIENT_ID, or listen on 127.0.0.1.",
        )
