"""The verb `drill`. Registered on `main` by cli.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from loginlake.settings import Settings

Verb = Callable[[Callable[..., Any]], Callable[..., Any]]


def register(main: click.Group, verb: Verb) -> None:
    """Add the verb to `main`. `verb` gives a command its settings, and turns a named condition into a line."""

    @main.command()
    @click.argument("name", required=False)
    @click.option("--seed", default=7, show_default=True, help="another seed, other people and other moments")
    @click.option("--size", default=2000, show_default=True, type=click.IntRange(20, 1_000_000), help="messages")
    @verb
    def drill(settings: Settings, name: str | None, *, seed: int, size: int) -> None:
        """Rehearse a failure on a private copy, and count what is left.

        With made-up sign-ins; the data of the settings is not touched. No NAME: the list.
        """
        del settings  # a drill has its own
        _drill(name, seed=seed, size=size)


def _drill(name: str | None, *, seed: int, size: int) -> None:
    import logging

    from loginlake.drill import catalog
    from loginlake.errors import Misconfigured

    if name is None:
        for line in catalog.listed():
            click.echo(f"{line.name:<16} {line.summary}")
        return
    if name not in catalog.DRILLS:
        raise Misconfigured(f"There is no drill {name!r}.", "", f"Choose among {', '.join(catalog.DRILLS)}.")
    journal = logging.getLogger("loginlake")
    level = journal.level
    journal.setLevel(logging.CRITICAL)  # what fails here is meant to; the timeline tells it
    try:
        outcome = catalog.run(name, seed=seed, size=size, tell=click.echo)
    finally:
        journal.setLevel(level)
    click.echo(f"lost {outcome.lost} double {outcome.double} seed {seed}")
    if not outcome.good:
        sys.exit(1)
