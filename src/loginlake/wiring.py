"""The one place that picks systems: settings in, ports out. Nothing connects before it is used."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from loginlake import secret
from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import Lander
from loginlake.errors import Misconfigured, Stopped
from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.store import GoldStore
from loginlake.lake.by_url import open_store
from loginlake.lake.manifest import Lake
from loginlake.lake.store import ObjectStore
from loginlake.schedule import Step
from loginlake.settings import Settings
from loginlake.silver.reasons import Rules
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.log import EventLog
from loginlake.stream.spool import SpooledLog
from loginlake.stream.spool_file import survey
from loginlake.stream.spool_record import SpoolLimits
from loginlake.web.keys import ApiKeys
from loginlake.web.state import WebState

if TYPE_CHECKING:
    from loginlake.gold.publish import PublishReport
    from loginlake.lake.azure import AzureAccount
    from loginlake.observe.otel import Traces
    from loginlake.silver.clean import CleanReport
    from loginlake.stream.kafka_client import Security
    from loginlake.stream.topic import TopicReport

logger = logging.getLogger(__name__)

_Port = TypeVar("_Port")
# The embedded log takes what Kafka would be set to refuse, so that `too_large` is judged by clean, visibly.
_EMBEDDED_MAX_BYTES = 16 * 1024 * 1024


def now() -> datetime:
    """The clock of every stage."""
    return datetime.now(UTC)


def data_folder(settings: Settings) -> Path:
    """The data folder, made where it is missing; Misconfigured when it can't be written."""
    folder = settings.data
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # people's data is in it
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)  # another process may be trying the same
    except OSError as error:
        raise Misconfigured(
            f"The data folder {folder} can't be written.",
            f"{error.strerror}.",
            "Choose another: make run DATA=/path, or LOGINLAKE_DATA.",
        ) from None
    return folder.resolve()


def refuse_nothing(settings: Settings) -> None:
    """Misconfigured where a lake in the data folder has none: who asks about it is in the wrong folder, most likely."""
    if not settings.lake_url and not settings.data.exists():
        raise Misconfigured(
            f"There is no data folder {settings.data} here.",
            "Nothing was run with these settings yet, or it was run from another folder.",
            "Go there, or name it: LOGINLAKE_DATA=/path.",
        )


def _embedded_log(settings: Settings, rest: str) -> EventLog:
    return EmbeddedLog(Path(rest), partitions=settings.partitions, max_message_bytes=_EMBEDDED_MAX_BYTES)


def _embedded_gold(settings: Settings, rest: str) -> GoldStore:
    del settings
    return EmbeddedGold(Path(rest))


def _needs(extra: str) -> Misconfigured:
    return Misconfigured(
        f"The library for this system is not installed ({extra}).",
        "It is an extra of the package.",
        f"Install it: pip install 'loginlake[{extra}]'",
    )


def kafka_security(settings: Settings) -> Security:
    """How the settings say to speak to Kafka."""
    from loginlake.stream.kafka_client import Security

    return Security(
        settings.kafka_protocol,
        settings.kafka_mechanism,
        settings.kafka_username,
        settings.kafka_password.get_secret_value(),
        Path(settings.kafka_ca) if settings.kafka_ca else None,
        settings.kafka_token_url,
        settings.kafka_scope,
    )


def _kafka_log(settings: Settings, rest: str) -> EventLog:
    try:
        from loginlake.stream.kafka import KafkaLog
    except ImportError:
        raise _needs("kafka") from None
    return KafkaLog.from_url(f"kafka:{rest}", kafka_security(settings))


def _mongo_gold(scheme: str) -> Callable[[Settings, str], GoldStore]:
    def opened(settings: Settings, rest: str) -> GoldStore:
        del settings
        try:
            from loginlake.gold.mongo import MongoGold
        except ImportError:
            raise _needs("mongo") from None
        return MongoGold(f"{scheme}:{rest}")

    return opened


LOGS: dict[str, Callable[[Settings, str], EventLog]] = {"sqlite": _embedded_log, "kafka": _kafka_log}
GOLDS: dict[str, Callable[[Settings, str], GoldStore]] = {
    "sqlite": _embedded_gold,
    "mongodb": _mongo_gold("mongodb"),
    "mongodb+srv": _mongo_gold("mongodb+srv"),
}


def _choose(table: Mapping[str, Callable[[Settings, str], _Port]], name: str, url: str, settings: Settings) -> _Port:
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in table:
        raise Misconfigured(
            f"{name} starts with '{scheme}:', which is no system that loginlake knows.",
            f"It knows: {', '.join(sorted(f'{known}:' for known in table))}.",
            "See `loginlake settings`.",
        )
    return table[scheme](settings, rest)


def open_log(settings: Settings) -> EventLog:
    """The log that the settings name."""
    data_folder(settings)
    return _choose(LOGS, "LOGINLAKE_LOG_URL", settings.log_address, settings)


def topic(settings: Settings, *, create: bool) -> TopicReport | None:
    """Kafka's topic, made where it is missing and compared; None for the embedded log, which has none."""
    if not settings.log_address.startswith("kafka:"):
        return None
    try:
        from loginlake.stream.kafka_admin import KafkaAdmin
        from loginlake.stream.kafka_client import parse_url
    except ImportError:
        raise _needs("kafka") from None
    from loginlake.stream.topic import Topic, ensure_topic

    bootstrap, name = parse_url(settings.log_address)
    wanted = Topic(
        name,
        settings.topic_partitions,
        settings.topic_replication,
        settings.topic_min_insync,
        settings.retention_days,
    )
    return ensure_topic(KafkaAdmin(bootstrap, kafka_security(settings)), wanted, create=create)


def spool_folder(settings: Settings) -> Path:
    """Where this machine's web workers keep what the log does not take for now."""
    return data_folder(settings) / "spool"


def spooled(settings: Settings, log: EventLog) -> SpooledLog | None:
    """A log with a spool before it; None for the embedded log, which is as near and as durable as a spool."""
    if isinstance(log, EmbeddedLog):
        return None
    limits = SpoolLimits(settings.spool_after_s, settings.spool_max_mb * 1024 * 1024, settings.spool_max_days * 86400)
    return SpooledLog(log, spool_folder(settings), limits=limits)


def spooled_entries(settings: Settings) -> int:
    """How many events wait in this machine's spools. A spool that cannot be read is named in the log, not guessed."""
    totals, unreadable = survey(spool_folder(settings))
    for name in unreadable:
        logger.warning("a spool cannot be read and is not counted", extra={"spool": name})
    return totals.entries


def api_keys(settings: Settings) -> ApiKeys:
    """The keys of other applications."""
    return ApiKeys(data_folder(settings) / "keys.json")


def open_lake(settings: Settings, stop: threading.Event | None = None) -> ObjectStore:
    """The lake that the settings name. `stop` ends waits for its locks."""
    data_folder(settings)
    store = open_store(settings.lake_address, azure_account(settings), stop)
    told = traces(settings.otel_endpoint)
    return store if told is None else told.store(store)


@lru_cache(maxsize=1)
def traces(endpoint: str) -> Traces | None:
    """The traces of this process; None, and nothing imported, where no collector is named."""
    if not endpoint:
        return None
    try:
        from loginlake.observe.otel import to_collector
    except ImportError:
        raise _needs("otel") from None
    return to_collector(endpoint)


def traced(settings: Settings) -> Callable[[], AbstractContextManager[str | None]]:
    """What the web puts around a POST: a span, or nothing."""
    told = traces(settings.otel_endpoint)
    return nullcontext if told is None else told.post


def lake_of(settings: Settings, store: ObjectStore) -> Lake:
    """The lake's own description, which whoever comes first makes by these settings."""
    return Lake(store, rules=Rules.VERSION, shards=settings.shards)


def azure_account(settings: Settings) -> AzureAccount | None:
    """The storage account of the lake; None for a lake that needs none."""
    if not settings.lake_address.startswith(("az:", "https:", "http:")):
        return None
    from loginlake.lake.azure import AzureAccount

    return AzureAccount(
        settings.azure_account,
        settings.azure_endpoint,
        settings.azure_key,
        settings.azure_sas,
        settings.azure_connection_string,
    )


def open_gold(settings: Settings) -> GoldStore:
    """The gold store that the settings name."""
    data_folder(settings)
    return _choose(GOLDS, "LOGINLAKE_GOLD_URL", settings.gold_address, settings)


def secret_key(settings: Settings) -> bytes:
    """The key of cookies and keyed hashes."""
    return secret.load_or_make(settings.secret.get_secret_value(), data_folder(settings))


def lander(settings: Settings, log: EventLog, store: ObjectStore) -> Lander:
    """The lander of a log into a lake. Objects close after a second on the embedded log, after a minute elsewhere."""
    age_s = settings.land_max_age_s or (1.0 if settings.log_address.startswith("sqlite:") else 60.0)
    limits = BatchLimits(settings.land_max_records, settings.land_max_bytes, age_s)
    return Lander(log, lake_of(settings, store), limits)


def retention(settings: Settings, log: EventLog) -> Step[int]:
    """Dropping what the embedded log has kept long enough and landed; other logs see to it themselves."""

    def run() -> int:
        if not isinstance(log, EmbeddedLog):
            return 0
        return log.trim(int((now() - timedelta(days=settings.retention_days)).timestamp() * 1000))

    return Step("retention", run)


def rules(settings: Settings) -> Rules:
    """The rules of cleaning that the settings name."""
    return Rules(
        secret=secret_key(settings),
        required=settings.required_fields,
        future=timedelta(minutes=settings.future_minutes),
        too_old=timedelta(days=settings.too_old_days),
    )


def clean_step(
    settings: Settings,
    store: ObjectStore,
    progress: Callable[[int], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> Step[CleanReport]:
    """One pass of cleaning; `progress` gets the number of lines of each group of objects, `stop` ends it after one."""
    judged_by = rules(settings)

    def run() -> CleanReport:
        from loginlake.silver.clean import clean  # here, since Polars takes long to import: only who cleans waits

        shards = lake_of(settings, store).manifest().shards
        seen = 0

        def tell(report: CleanReport) -> None:
            nonlocal seen
            progress(report.lines - seen)
            seen = report.lines
            if stop is not None and stop.is_set():
                raise Stopped(
                    f"Told to stop after {report.lines} lines were cleaned.", "", "The next run does the rest."
                )

        return clean(store, judged_by, shards=lambda _: shards, progress=tell)

    return Step("clean", run)


def publish_step(store: ObjectStore, gold: GoldStore) -> Step[PublishReport]:
    """One pass of publishing."""

    def run() -> PublishReport:
        from loginlake.gold.publish import publish

        return publish(store, gold, now=now)

    return Step("publish", run)


def web_state(settings: Settings) -> WebState:
    """Used nonces, sessions and counts, shared by the web's workers."""
    return WebState(data_folder(settings) / "web.db", time.time)
