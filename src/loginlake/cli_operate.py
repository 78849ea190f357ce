"""The operator's verbs: audit, trace, rejected, rebuild. Registered on `main` by cli.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from loginlake.settings import Settings

Verb = Callable[[Callable[..., Any]], Callable[..., Any]]
_DAY = click.DateTime(["%Y-%m-%d"])


def register(main: click.Group, verb: Verb, as_json: Verb) -> None:
    """Add the verbs to `main`. `verb` gives a command its settings; `as_json` is the option --json."""

    @main.command()
    @_span
    @click.option("--deep", is_flag=True, help="read everything, whatever an earlier audit found in order")
    @as_json
    @verb
    def audit(settings: Settings, as_json: bool, deep: bool, **span: Any) -> None:
        """Prove that nothing was lost and nothing counted twice; name exactly what is wrong."""
        _audit(settings, as_json=as_json, deep=deep, **span)


def _span(function: Callable[..., Any]) -> Callable[..., Any]:
    for name, text in (("to", "the last day, UTC"), ("from", "the first day, UTC")):
        function = click.option(f"--{name}", f"{name}_day", type=_DAY, help=text)(function)
    return function


def _days(from_day: Any, to_day: Any) -> tuple[str | None, str | None]:
    first, last = (None if day is None else f"{day:%Y-%m-%d}" for day in (from_day, to_day))
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
