"""Hints: small JSON objects that save work, or tell what was last. Whoever wrote one can make it anew."""

from __future__ import annotations

import logging
from typing import TypeVar

import msgspec

from loginlake.lake.store import ObjectStore, lookup

logger = logging.getLogger(__name__)
_T = TypeVar("_T")


def read(store: ObjectStore, key: str, of: msgspec.json.Decoder[_T]) -> _T | None:
    """What a hint says; None when there is none, or none that can be read."""
    stored = lookup(store, key)
    if stored is None:
        return None
    try:
        return of.decode(stored.data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        logger.warning("A hint cannot be read and counts as missing: it is made anew.", extra={"object": key})
        return None
