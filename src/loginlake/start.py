"""Where the console scripts begin, before anything else is imported: how the process ends, and what its files may show.

Imports of the rest take part of a second; Ctrl-C in it must not print a trace.
"""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130


def main() -> None:
    """The console script loginlake."""
    _run("main", "loginlake")


def land_main() -> None:
    """The console script configPipeline: `loginlake land`."""
    _run("land", "configPipeline")


def clean_main() -> None:
    """The console script azureEtl: `loginlake clean`."""
    _run("clean", "azureEtl")


def publish_main() -> None:
    """The console script goldDB: `loginlake publish`."""
    _run("publish", "goldDB")


def _run(verb: str, name: str) -> None:
    os.umask(0o077)  # people's data: every file is its owner's alone, wherever the settings put it
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from loginlake import cli

    signal.signal(signal.SIGINT, handler)
    try:
        getattr(cli, verb)(prog_name=name)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
