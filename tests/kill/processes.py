"""Processes forked from one that has read the code already: a stage's start takes milliseconds, not seconds."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

# wiring imports the last two only when they run.
_PRELOADED = ["kill.stage", "faults.stage", "loginlake.silver.clean", "loginlake.gold.publish"]


def forking() -> ForkServerContext:
    """The context in which to make them. Its server is started here, since it finds modules by PYTHONPATH alone."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    was = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    try:
        forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if was is not None:
            os.environ["PYTHONPATH"] = was
    return context
