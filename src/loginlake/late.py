"""What takes long to load is loaded beside what answers already, one after the other."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)
_ALONE = threading.Lock()  # threads that import what imports one another may see it half made
_GARBAGE = 20_000  # objects
_Loaded = TypeVar("_Loaded")


def beside(load: Callable[[], _Loaded]) -> _Loaded:
    """Load, when nothing else does, for good."""
    with _ALONE:
        loaded = load()
    spare_what_stays()
    return loaded


def spare_what_stays() -> None:
    """What is loaded by now stays: a collector that goes through it again and again holds up requests by 0.1 s.

    And what requests leave is seldom a cycle: looked for at each 700 objects it took a sixth of a sign-in.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE, 10, 10)


class Late:
    """ASGI middleware: requests that `covers` names are another app's, and wait while it is loaded in a thread."""

    def __init__(self, app: ASGIApp, covers: Callable[[Scope], bool], load: Callable[[], ASGIApp]) -> None:
        self._app, self._covers = app, covers
        loader = ThreadPoolExecutor(1, "load")
        self._loaded = loader.submit(beside, load)
        self._loaded.add_done_callback(_tell)
        loader.shutdown(wait=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the server's own."""
        app = self._app
        if scope["type"] in {"http", "websocket"} and self._covers(scope):
            app = await asyncio.shield(asyncio.wrap_future(self._loaded))  # who goes away takes nothing from the others
        await app(scope, receive, send)


def _tell(loaded: Future[ASGIApp]) -> None:
    if (error := loaded.exception()) is not None:
        logger.error("a part of the pages could not be loaded", exc_info=error)
