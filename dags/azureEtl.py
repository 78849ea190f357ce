"""The tasks of dagEtl, thin: arguments in, one call of the package, figures out. Keys and counts travel, never records.

Imports of the package are inside the tasks: parsing a DAG must cost nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import Asset, BaseHook, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from loginlake.lake.keys import Slot
    from loginlake.settings import Settings

log = logging.getLogger(__name__)
SILVER = Asset(name="silver", uri="loginlake://silver")
CONNECTION = "DAGETL_CONNECTION"
MOST_OBJECTS = 10_000  # of one run; the next one takes the rest
MOST_FINDINGS = 10  # in the audit's log: who reads it wants to know where to begin
MOST_TASKS = 400  # of one step; Airflow's own limit is 1,024
PORTION_BYTES = 32 * 1024 * 1024  # as stored: about 600,000 sign-ins, ten seconds of work; a task costs half a second
DEFAULTS = {
    "owner": "loginlake",
    "retries": 3,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
    "execution_timeout": timedelta(minutes=30),
}
# What was left by a run that did not end is work too: a step without items must not skip those after it.
EVEN_IF_SKIPPED = {"trigger_rule": TriggerRule.NONE_FAILED}
_Out = TypeVar("_Out")


def named(function: Callable[..., _Out]) -> Callable[..., _Out]:
    """Raise loginlake's conditions as Airflow's: what may pass is tried again, what cannot fails at once.

    What happened, why, and the next move are a line each of the task's log, above Airflow's trace.
    """

    @wraps(function)
    def run(*arguments: Any, **named_arguments: Any) -> _Out:
        from loginlake.errors import GiveUp, LoginlakeError

        try:
            return function(*arguments, **named_arguments)
        except LoginlakeError as error:
            for part in filter(None, (error.what, error.why, error.next_move)):
                log.error(part)  # noqa: TRY400 - Airflow adds the trace
            kind = AirflowFailException if isinstance(error, GiveUp) else AirflowException
            raise kind(f"{type(error).__name__}: {error}") from None

    return run


def settings() -> Settings:
    """LOGINLAKE_* of the environment; over them the extras of a Connection, and its password as the secret."""
    from pydantic import ValidationError

    from loginlake.errors import Misconfigured
    from loginlake.settings import Settings

    told: dict[str, Any] = {}
    if name := os.environ.get(CONNECTION):
        connection = BaseHook.get_connection(name)
        told = dict(connection.extra_dejson)
        if connection.password:
            told["secret"] = connection.password
        if unknown := told.keys() - Settings.model_fields.keys():
            wrong = ", ".join(sorted(unknown))
            raise Misconfigured(f"The connection {name} has extras that are no settings: {wrong}.", "", "Correct them.")
    try:
        return Settings(**told)
    except ValidationError as error:
        wrong = "; ".join(f"{found['loc'][0]}: {found['msg']}" for found in error.errors(include_input=False))
        raise Misconfigured("A setting is wrong.", f"{wrong}.", "See `loginlake settings`.") from None


@task
@named
def find() -> list[list[str]]:
    """The new bronze objects, in portions. In a backfill: those that arrived in its hours, to be done again."""
    from loginlake import wiring
    from loginlake.silver import steps

    store = wiring.open_lake(settings())
    context = get_current_context()
    again = context["dag_run"].run_type == "backfill"
    if again:
        hours = whole_hours(context["data_interval_start"], context["data_interval_end"])
        objects = [key for date, hour in hours for key in steps.arrived_in(store, date, hour)]
        portions, found = [objects] if objects else [], steps.Found([], more=True)
    else:
        found = steps.find(store, MOST_OBJECTS)
        portions = steps.portions(steps.sizes(store, found.objects), PORTION_BYTES, MOST_TASKS)
    log.info("%d objects in %d portions", sum(map(len, portions)), len(portions))
    # Airflow finds no XCom that is None: so it goes inside a dictionary.
    context["ti"].xcom_push("span", {"again": again, "complete_until": found.complete_until, "more": found.more})
    return portions


def whole_hours(start: datetime, end: datetime) -> list[tuple[str, int]]:
    """The whole hours (UTC) that begin in an interval: an hour is done again by the run that its first minute is of."""
    hour = datetime.fromtimestamp(start.timestamp() // 3600 * 3600, UTC)  # Airflow's own times divide otherwise
    begun: list[tuple[str, int]] = []
    while hour < end:
        if hour >= start:
            begun.append((f"{hour:%Y-%m-%d}", hour.hour))
        hour += timedelta(hours=1)
    return begun


@task(map_index_template="{{ portion }}")
@named
def check(objects: list[str], span: dict[str, Any]) -> dict[str, Any]:
    """Judge objects; hand their rows on. In a backfill: put what they come to in place of what they had."""
    from loginlake import operate, wiring
    from loginlake.silver import steps

    get_current_context()["portion"] = objects_name(objects)
    told = settings()
    store = wiring.open_lake(told)
    rules, shards = wiring.rules(told), operate.shards_of(told, store)
    if span["again"]:
        from loginlake.silver.reclean import reclean

        done = reclean(store, rules, objects, shards=shards)
        log.info("done again: %s", done)
        return {"objects": done.objects, "changed": done.hours_changed, "waiting": [], "corrupt": []}
    report = steps.check(store, rules, shards, objects)
    log.info("%d objects, %d lines, %d rejected", report.objects, report.lines, report.rejected)
    return report._asdict()


@task(**EVEN_IF_SKIPPED)
@named
def hours() -> list[list[list[Any]]]:
    """The hours and shards with rows on their way, whoever left them, in portions."""
    from loginlake import wiring
    from loginlake.silver import steps

    waiting = steps.on_the_way(wiring.open_lake(settings()))
    in_time = sorted(waiting, key=lambda found: (found.slot.date, found.slot.hour, found.slot.shard, found.slot.kind))
    log.info("%d hours and shards, %d bytes", len(waiting), sum(found.bytes for found in waiting))
    return steps.portions([(list(found.slot), found.bytes) for found in in_time], PORTION_BYTES, MOST_TASKS)


@task(map_index_template="{{ portion }}", outlets=[SILVER])
@named
def merge(slots: list[list[Any]]) -> dict[str, int]:
    """Take the rows that wait for some hours and shards into silver."""
    from loginlake import wiring
    from loginlake.lake.keys import Slot
    from loginlake.silver import steps

    wanted = [Slot(*slot) for slot in slots]
    get_current_context()["portion"] = slots_name(wanted)
    told = settings()
    report = steps.merge(wiring.open_lake(told), wiring.rules(told), wanted)
    log.info("%d rows kept, %d repeated", report.kept, report.repeated)
    return report._asdict()


@task(**EVEN_IF_SKIPPED)
@named
def receipts(portions: list[list[str]], span: dict[str, Any], checks: Any) -> dict[str, Any]:
    """The receipt of every object whose merges are all done, and how far silver is complete."""
    from loginlake import wiring
    from loginlake.silver import steps

    reports = list(checks or ())
    waiting = [key for report in reports for key in report["waiting"]]
    corrupt = [key for report in reports for key in report["corrupt"]]
    found = steps.Found([key for portion in portions for key in portion], span["complete_until"], span["more"])
    report = steps.settle(wiring.open_lake(settings()), found, waiting)
    log.info("%d receipts, %d objects still on their way", report.objects, report.unmerged)
    return {**report._asdict(), "corrupt": corrupt}


@task(task_id="goldDB", execution_timeout=timedelta(hours=1), **EVEN_IF_SKIPPED)
@named
def gold_db() -> dict[str, Any]:
    """Publish the days that changed."""
    from loginlake import wiring

    told = settings()
    with closing(wiring.open_gold(told)) as gold:
        report = wiring.publish_step(wiring.open_lake(told), gold).run()
    log.info("%d days published, complete until %s", report.days, report.complete_until)
    return {"days": report.days, "generation": report.generation, "complete_until": report.complete_until}


@task(execution_timeout=timedelta(hours=1), **EVEN_IF_SKIPPED)
@named
def audit(settled: dict[str, Any], published: dict[str, Any]) -> dict[str, int]:
    """Fail the run when something is not accounted for; nothing to do when nothing is new."""
    from loginlake.errors import Conflict, Corrupt, Diverged

    if damaged := [*settled["corrupt"], *settled["damaged"]]:
        next_move = "Restore bronze from a copy; `loginlake rebuild silver` makes hours anew. The rest is cleaned."
        more = f" and {len(damaged) - MOST_FINDINGS} more" if len(damaged) > MOST_FINDINGS else ""
        raise Corrupt("Objects are damaged:", f"{', '.join(damaged[:MOST_FINDINGS])}{more}.", next_move)
    if not (settled["objects"] or published["days"]):
        log.info("nothing is new, so there is nothing to audit")
        return {}  # not AirflowSkipException: Airflow 3.3 now and then takes 5 s to note it
    from loginlake import operate
    from loginlake.audit.scope import Scope

    report = operate.audit(settings(), Scope(None, None, deep=False), lambda _name, _count: None)
    first = next(iter(report.faults), None)
    others = [finding for finding in report.findings if finding is not first]
    for finding in others[:MOST_FINDINGS]:
        log.warning("%s: %s %s", finding.where, finding.what, finding.next_move)
    if first and report.moving:
        raise Conflict("The lake was written while it was audited.", "The stages are at work.", "It is tried again.")
    if first:
        why = f"There are {len(report.faults)} such findings: `loginlake audit` names them all."
        raise Diverged(f"{first.where}: {first.what}", why if len(report.faults) > 1 else "", first.next_move)
    log.info("everything is accounted for: %s", report.account)
    return report.account


def objects_name(objects: Sequence[str]) -> str:
    """What a person calls a portion of bronze objects: the hours of their arrival, and how many."""
    from loginlake.lake.keys import parse_bronze

    first, last = parse_bronze(objects[0]), parse_bronze(objects[-1])
    times = dict.fromkeys(f"{name.date} hour {name.hour:02d}" for name in (first, last))
    return f"{' to '.join(times)}, {len(objects)} object{'s' if len(objects) > 1 else ''}"


def slots_name(slots: Sequence[Slot]) -> str:
    """What a person calls a portion of hours and shards: its first and last."""
    first, last = slots[0], slots[-1]
    times = dict.fromkeys(f"{slot.date} hour {slot.hour:02d}" for slot in (first, last))
    shards = sorted({slot.shard for slot in slots})
    if shards == [0]:
        return " to ".join(times)
    shard = " to ".join(dict.fromkeys(f"{number:02d}" for number in (shards[0], shards[-1])))
    return f"{' to '.join(times)} shard{'s' if len(shards) > 1 else ''} {shard}"
