"""What the verbs of the operator do: settings in, reports out (cli_operate.py prints them)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import TYPE_CHECKING

from loginlake import wiring
from loginlake.bronze.land import GROUP
from loginlake.lake.manifest import Lake
from loginlake.lake.store import ObjectStore
from loginlake.settings import Settings
from loginlake.silver.reasons import Rules

if TYPE_CHECKING:
    from loginlake.audit.finding import Report
    from loginlake.audit.scope import Scope


def rules_of(settings: Settings) -> Rules:
    """The rules of cleaning that the settings name."""
    return Rules(
        secret=wiring.secret_key(settings),
        required=settings.required_fields,
        future=timedelta(minutes=settings.future_minutes),
        too_old=timedelta(days=settings.too_old_days),
    )


def shards_of(store: ObjectStore) -> Callable[[str], int]:
    """Into how many shards a day is split."""
    shards = Lake(store, rules=Rules.VERSION).manifest().shards
    return lambda _day: shards


def audit(settings: Settings, scope: Scope, progress: Callable[[str, int], None]) -> Report:
    """Audit the path that the settings name."""
    from loginlake.audit import run

    with ExitStack() as stack:
        log = stack.enter_context(closing(wiring.open_log(settings)))
        gold = stack.enter_context(closing(wiring.open_gold(settings)))
        state = stack.enter_context(closing(wiring.web_state(settings)))
        store = wiring.open_lake(settings)
        path = run.Path(
            log=log,
            log_number=Lake(store).log_number(log.identity()),
            gaps=not settings.log_address.startswith("sqlite:"),
            group=GROUP,
            store=store,
            gold=gold,
            rules=rules_of(settings),
            shards=shards_of(store),
            answered=state.counters().get("answered", 0),
        )
        return run.audit(path, scope, progress)
