"""The verbs, in the path's order."""

from __future__ import annotations

import click


@click.group()
def main() -> None:
    """Every sign-in of an application, accounted for."""
