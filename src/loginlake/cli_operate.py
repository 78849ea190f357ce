"""The operator's verbs: audit, trace, rejected, rebuild. Registered on `main` by cli.py."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from loginlake.settings import Settings
    from loginlake.silver.quarantine import Which

Verb = Callable[[Callable[..., Any]], Callable[..., Any]]
_DAY = click.DateTime(["%Y-%m-%d"])


def register(main: click.Group, verb: Verb, as_json: Verb) -> None:
    """Add the verbs to `main`. `verb` gives a command its settings; `as_json` is the option --json."""

    @main.command()
    @_span
    @click.option("--deep", is_flag=True, help="read everything, whatever an earlier audit found in order")
    @as_json
    @verb
    def audit(settings: Settings, *, as_json: bool, deep: bool, **span: Any) -> None:
        """Prove that nothing was lost and nothing counted twice.

        Compares log, lake and gold, or names exactly what is wrong: partition, hour, object, offsets, and what to do.
        Exit code 1 then. A second audit reads again only what changed since.
        """
        _audit(settings, as_json=as_json, deep=deep, **span)

    @main.command()
    @click.argument("what")
    @as_json
    @verb
    def trace(settings: Settings, what: str, *, as_json: bool) -> None:
        """Follow a sign-in through every stage.

        WHAT is an event's id, an e-mail, or PARTITION:OFFSET.
        """
        _trace(settings, what, as_json=as_json)

    @main.command()
    @click.argument("layer", type=click.Choice(["silver", "gold"]))
    @_span
    @as_json
    @verb
    def rebuild(settings: Settings, layer: str, *, as_json: bool, **span: Any) -> None:
        """Make silver anew from bronze, or gold from silver, in place.

        Readers see the old answers until the new ones are whole. One that was cut goes on where it was.
        """
        _rebuild(settings, layer, as_json=as_json, **span)

    _register_rejected(main, verb, as_json)


def _register_rejected(main: click.Group, verb: Verb, as_json: Verb) -> None:
    @main.group()
    def rejected() -> None:
        """Look at rejected rows, find the rule, clean again after a fix."""

    @rejected.command("list")
    @_which
    @as_json
    @verb
    def list_(settings: Settings, *, as_json: bool, **which: Any) -> None:
        """Count the rejected rows by day of arrival and reason."""
        _list(settings, as_json=as_json, **which)

    @rejected.command()
    @_which
    @click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="how many rows")
    @as_json
    @verb
    def show(settings: Settings, *, limit: int, as_json: bool, **which: Any) -> None:
        """Print rejected rows with their messages as they arrived."""
        _show(settings, limit, as_json=as_json, **which)

    @rejected.command()
    @click.argument("place")
    @as_json
    @verb
    def explain(settings: Settings, place: str, *, as_json: bool) -> None:
        """Say what the rules make of a message now.

        PLACE is PARTITION:OFFSET, as `rejected show` prints it. Accepted: a replay puts it in silver.
        """
        _explain(settings, place, as_json=as_json)

    @rejected.command()
    @_which
    @click.option("--object", "objects", multiple=True, help="this bronze object, whatever was rejected of it")
    @as_json
    @verb
    def replay(settings: Settings, *, objects: tuple[str, ...], as_json: bool, **which: Any) -> None:
        """Clean these rows again, by today's rules.

        From bronze, in whole objects; nothing is sent to the log again. What is accepted now moves to silver.
        """
        _replay(settings, objects, as_json=as_json, **which)


def _span(function: Callable[..., Any]) -> Callable[..., Any]:
    for name, text in (("to", "the last day"), ("from", "the first day, UTC: 2026-11-24")):
        function = click.option(f"--{name}", f"{name}_day", type=_DAY, metavar="DAY", help=text)(function)
    return function


def _days(from_day: Any, to_day: Any) -> tuple[str | None, str | None]:
    first, last = (None if day is None else f"{day:%Y-%m-%d}" for day in (from_day, to_day))
    if first and last and first > last:
        raise click.UsageError(f"There is no day from {first} to {last}: --from is after --to.")
    return first, last


def _audit(settings: Settings, *, as_json: bool, deep: bool, from_day: Any, to_day: Any) -> None:
    from loginlake import operate
    from loginlake.audit.scope import Scope
    from loginlake.audit.table import table

    report = operate.audit(settings, Scope(*_days(from_day, to_day), deep=deep), _Counter())
    if as_json:
        plain = msgspec.to_builtins(report)
        click.echo(msgspec.json.encode({"balanced": not report.faults, **plain}).decode())
    else:
        click.echo(table(report))
    if report.faults:
        sys.exit(1)


def _which(function: Callable[..., Any]) -> Callable[..., Any]:
    return _span(click.option("--reason", help="only this reason")(function))


def _chosen(from_day: Any, to_day: Any, reason: str | None) -> Which:
    from loginlake.silver.quarantine import Which

    return Which(*_days(from_day, to_day), reason)


def _list(settings: Settings, *, as_json: bool, **which: Any) -> None:
    from loginlake import operate

    found = operate.rejected(settings, _chosen(**which))
    if as_json:
        _print(found, as_json=True)
        return
    for day, counts in sorted(found.items()):
        for reason, number in counts.items():
            click.echo(f"{day}  {number:>8,}  {reason}")


def _show(settings: Settings, limit: int, *, as_json: bool, **which: Any) -> None:
    from loginlake import operate

    for row in operate.rejected_rows(settings, _chosen(**which), limit):
        if as_json:
            _print(row, as_json=True)
        else:
            click.echo(f"{row['day']}  {row['place']:<10}  {row['reason']}: {row['detail']}\n    {row['line']}")


def _explain(settings: Settings, place: str, *, as_json: bool) -> None:
    from loginlake import operate

    found = operate.explain(settings, place)
    if as_json:
        _print(found, as_json=True)
        return
    for name, text in found.items():
        click.echo(textwrap.fill(f"{name:<7} {text}", 100, subsequent_indent=" " * 8, break_long_words=False))


def _replay(settings: Settings, objects: tuple[str, ...], *, as_json: bool, **which: Any) -> None:
    from loginlake import operate

    counter = _Counter()
    report = operate.replay(settings, _chosen(**which), objects, lambda more: counter("objects", more))
    _print(msgspec.to_builtins(report), as_json=as_json)


def _trace(settings: Settings, what: str, *, as_json: bool) -> None:
    from loginlake import operate

    found = operate.trace(settings, what)
    if as_json:
        ways = [
            {"origin": one.origin, "end": one.end, "steps": [step._asdict() for step in one.steps]} for one in found
        ]
        _print({"found": ways}, as_json=True)
    for one in [] if as_json else found:
        log, partition, offset = one.origin
        click.echo(f"log {log} partition {partition} offset {offset}: {one.end}")
        for step in one.steps:
            click.echo(f"  {'✓' if step.done else '·'} {step.name:<9} {step.at or '':<28} {step.place or 'not yet'}")
    if all(one.end == "nowhere" for one in found):
        click.echo("Nothing of this name was found in silver, repeated, bronze or the log.", err=True)
        sys.exit(1)


def _rebuild(settings: Settings, layer: str, *, as_json: bool, from_day: Any, to_day: Any) -> None:
    from loginlake import operate

    first, last = _days(from_day, to_day)
    counter = _Counter()
    if layer == "silver":
        report: Any = operate.rebuild_silver(settings, first, last, lambda more: counter("objects", more))
    else:
        report = operate.rebuild_gold(settings, first, last)
    _print(msgspec.to_builtins(report), as_json=as_json)


def _print(found: Mapping[str, Any], *, as_json: bool) -> None:
    click.echo(msgspec.json.encode(found).decode() if as_json else "  ".join(f"{k} {v}" for k, v in found.items()))


class _Counter:
    """Counts on a terminal's standard error, in place; silent elsewhere."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._shown = sys.stderr.isatty()

    def __call__(self, name: str, more: int) -> None:
        """Add to a count and show all."""
        self._counts[name] = self._counts.get(name, 0) + more
        if self._shown:
            sys.stderr.write("\r" + "  ".join(f"{key} {number:,}" for key, number in self._counts.items()) + " ")
            sys.stderr.flush()
