"""The one place that picks systems: settings in, ports out. Nothing connects before it is used."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from loginlake import secret
from loginlake.errors import Misconfigured
from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.store import GoldStore
from loginlake.lake.store import ObjectStore
from loginlake.settings import Settings
from loginlake.silver.rules import Rules
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.log import EventLog

LAND_GROUP = "loginlake-land"
# The embedded log takes what Kafka would be set to refuse, so that `too_large` is judged by clean, visibly.
_EMBEDDED_MAX_BYTES = 16 * 1024 * 1024


def now() -> datetime:
    """The clock of every stage."""
    return datetime.now(UTC)


def data_folder(settings: Settings) -> Path:
    """The data folder, made where it is missing; Misconfigured when it can't be written."""
    folder = settings.data
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Misconfigured(
            f"The data folder {folder} can't be written.",
            f"{error.strerror}.",
            "Choose another: make run DATA=/path, or LOGINLAKE_DATA.",
        ) from None
    return folder.resolve()


def _embedded_log(settings: Settings, rest: str) -> EventLog:
    return EmbeddedLog(Path(rest), partitions=settings.partitions, max_message_bytes=_EMBEDDED_MAX_BYTES)


def _embedded_gold(settings: Settings, rest: str) -> GoldStore:
    del settings
    return EmbeddedGold(Path(rest))


LOGS: dict[str, Callable[[Settings, str], EventLog]] = {"sqlite": _embedded_log}
GOLDS: dict[str, Callable[[Settings, str], GoldStore]] = {"sqlite": _embedded_gold}


def _choose(table: dict[str, Callable[[Settings, str], object]], name: str, url: str) -> tuple[str, str]:
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in table:
        raise Misconfigured(
            f"{name} starts with '{scheme}:', which is no system that loginlake knows.",
            f"It knows: {', '.join(sorted(f'{known}:' for known in table))}.",
            "See `loginlake settings`.",
        )
    return scheme, rest


def open_log(settings: Settings) -> EventLog:
    """The log that the settings name."""
    data_folder(settings)
    scheme, rest = _choose(LOGS, "LOGINLAKE_LOG_URL", settings.log_address)
    return LOGS[scheme](settings, rest)


def open_lake(settings: Settings) -> ObjectStore:
    """The lake that the settings name."""
    from loginlake.lake.opening import open_store

    data_folder(settings)
    return open_store(settings.lake_address)


def open_gold(settings: Settings) -> GoldStore:
    """The gold store that the settings name."""
    data_folder(settings)
    scheme, rest = _choose(GOLDS, "LOGINLAKE_GOLD_URL", settings.gold_address)
    return GOLDS[scheme](settings, rest)


def secret_key(settings: Settings) -> bytes:
    """The key of cookies and keyed hashes."""
    return secret.load_or_make(settings.secret.get_secret_value(), data_folder(settings))


def rules(settings: Settings) -> Rules:
    """The cleaning rules that the settings name."""
    return Rules(
        required=settings.required_fields,
        future_minutes=settings.future_minutes,
        too_old_days=settings.too_old_days,
    )


def land_age_s(settings: Settings) -> float:
    """Seconds after which a bronze object is closed: a second on the embedded log, a minute on Kafka."""
    return settings.land_max_age_s or (1.0 if settings.log_address.startswith("sqlite:") else 60.0)
