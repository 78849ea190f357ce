"""Where the console scripts begin, before anything else is imported: how the process ends, and what its files may show.

Imports of the rest take part of a second; Ctrl-C in them must not print a trace.
"""

from __future__ import annotations

import os
import sys

from loginlake.errors import INTERRUPTED


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
    # Built in: `signal` itself is Python, and Ctrl-C in its import would print a trace.
    import _signal  # type: ignore[import-not-found]

    os.umask(0o077)  # people's data: every file is its owner's alone, wherever the settings put it
    handler = _signal.getsignal(_signal.SIGINT)
    if handler is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # nothing is begun yet: the process just ends
    if hasattr(_signal, "pthread_sigmask"):
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGINT})  # make run has it wait until here
    try:
        from loginlake import cli

        _signal.signal(_signal.SIGINT, handler)
        getattr(cli, verb)(prog_name=name)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
