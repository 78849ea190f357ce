"""A MongoDB URL read without connecting: hosts and database, fit to be shown, and the options that it leaves open."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from loginlake.errors import Misconfigured

_SHAPE = re.compile(r"^(mongodb(?:\+srv)?)://(?:[^@]*@)?([^/?@]+)(?:/([^?]*))?(?:\?(.*))?$", re.DOTALL)
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,63}$")
# Within 15 s: a hung server is named after connect + selection + connect, one that is away after selection.
# w: a write that returned outlives one machine.
_DEFAULTS: dict[str, Any] = {
    "appName": "loginlake",
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 3_000,
    "socketTimeoutMS": 8_000,
    "waitQueueTimeoutMS": 8_000,
    "maxIdleTimeMS": 120_000,
    "w": "majority",
}


@dataclass(frozen=True)
class Address:
    """Where a gold store is. As a string it carries no user and no password."""

    scheme: str
    hosts: str
    database: str
    defaults: dict[str, Any] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        """For messages."""
        return f"The gold store {self.scheme}://{self.hosts}/{self.database}"


def parse(url: str) -> Address:
    """The parts of mongodb://HOST[:PORT]/DATABASE[?options] or mongodb+srv://...; Misconfigured when it is none."""
    shape = _SHAPE.match(url)
    if shape is None:
        raise _wrong("It is not of that form (a user or password with @ : / % in it has to be percent-encoded).")
    scheme, hosts, database, options = shape[1], shape[2], unquote(shape[3] or ""), shape[4] or ""
    if not database:
        raise _wrong("It names no database.")
    if not _NAME.match(database):
        raise _wrong("Its database's name is none: letters, digits, _ and -, 63 at most.")
    given = {option.partition("=")[0].lower() for option in re.split("[&;]", options)}
    defaults = {name: value for name, value in _DEFAULTS.items() if name.lower() not in given}
    return Address(scheme, hosts, database, defaults)


def _wrong(why: str) -> Misconfigured:
    return Misconfigured(
        "LOGINLAKE_GOLD_URL names no MongoDB database.",
        why,
        "Write mongodb://HOST[:PORT]/DATABASE[?options] or mongodb+srv://HOST/DATABASE[?options].",
    )
