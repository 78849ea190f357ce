"""The verbs for real systems: topic and check. Registered on `main` by cli.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from loginlake.check import Line
    from loginlake.settings import Settings

Verb = Callable[[Callable[..., Any]], Callable[..., Any]]


def register(main: click.Group, verb: Verb, as_json: Verb) -> None:
    """Add the verbs to `main`. `verb` gives a command its settings; `as_json` is the option --json."""

    @main.command()
    @click.option("--check", "check_only", is_flag=True, help="only compare, create nothing")
    @click.option("--new-log", is_flag=True, help="the lake's next log: another one, or a copy put back")
    @verb
    def topic(settings: Settings, *, check_only: bool, new_log: bool) -> None:
        """Create Kafka's topic as it must be, or name what differs.

        Nothing is changed on one that is there.
        """
        if check_only and new_log:
            raise click.UsageError("--check changes nothing, and --new-log does: choose one.")
        sys.exit(_topic(settings, create=not check_only, new_log=new_log))

    @main.command("check")
    @click.option("--create", is_flag=True, help="make the topic and the container where they are missing")
    @as_json
    @verb
    def check_systems(settings: Settings, *, create: bool, as_json: bool) -> None:
        """Ask log, lake and gold whether they are as they must be.

        Reachable, let in, may write? A line each, and what to do.
        """
        lines = _check(settings, create=create)
        if as_json:
            click.echo(msgspec.json.encode([line._asdict() for line in lines]).decode())
        else:
            click.echo("\n".join(map(str, lines)))
        sys.exit(0 if all(line.well for line in lines) else 1)


def _topic(settings: Settings, *, create: bool, new_log: bool) -> int:
    from loginlake import operate, wiring

    report = wiring.topic(settings, create=create)
    if report is None:
        click.echo("The embedded log needs no topic.")
    elif not report.exists:
        click.echo("The topic is not there. Create it: loginlake topic")
        return 1
    else:
        click.echo("The topic was created." if report.created else "The topic is there.")
        for difference in report.differences:
            click.echo(f"DIFFERS: {difference}")
    if new_log:
        click.echo(f"For the lake this is log {operate.new_log(settings)}.")
    return 1 if report is not None and report.differences else 0


def _check(settings: Settings, *, create: bool) -> list[Line]:
    """Each system is opened by its own probe: an address that is none is one system's line; the others are asked."""
    from loginlake.check import check

    probes = {
        "log": partial(_ask_log, settings, create=create),
        "lake": partial(_ask_lake, settings, create=create),
        "gold": partial(_ask_gold, settings),
    }
    return check(probes)


def _ask_log(settings: Settings, *, create: bool) -> str:
    from loginlake import wiring
    from loginlake.check import log_probe

    embedded = settings.log_address.startswith("sqlite:")
    with closing(wiring.open_log(settings)) as log:
        return log_probe(log, None if embedded else partial(_ask_topic, settings, create))()


def _ask_topic(settings: Settings, create: bool) -> str:
    from loginlake import wiring
    from loginlake.errors import Denied, Misconfigured

    report = wiring.topic(settings, create=create)
    if report is None or not report.exists:
        raise Misconfigured(
            "The topic is not there.",
            "Nobody made it, or its name in LOGINLAKE_LOG_URL is wrong.",
            "Make it with `loginlake topic`, or correct the name.",
        )
    if report.lacking:
        raise Denied(
            f"This user may not {' or '.join(report.lacking)} the topic.",
            "Kafka's ACLs do not let it.",
            "Give this user the right to it (Kafka's ACLs).",
        )
    if report.differences:
        raise Misconfigured(
            f"The topic differs: {'; '.join(map(str, report.differences))}.",
            "Records could be refused, dropped too early, dated by their producers, or lost with a broker.",
            "Change the topic by Kafka's own tools, or the LOGINLAKE_TOPIC_* settings.",
        )
    return "topic created as it must be" if report.created else "topic as it must be"


def _ask_lake(settings: Settings, *, create: bool) -> str:
    from loginlake import wiring
    from loginlake.check import lake_probe

    store, account = wiring.open_lake(settings), wiring.azure_account(settings)
    if account is None:
        return lake_probe(store)()
    from loginlake.lake.azure import create_container, place, server_time

    where = place(settings.lake_address, account)
    make = partial(create_container, where) if create else None
    return lake_probe(store, create=make, clock=partial(server_time, where))()


def _ask_gold(settings: Settings) -> str:
    from loginlake import wiring
    from loginlake.check import gold_probe
    from loginlake.gold.publish import INDEXES

    with closing(wiring.open_gold(settings)) as gold:
        return gold_probe(gold, INDEXES, clock=getattr(gold, "server_time", None))()
