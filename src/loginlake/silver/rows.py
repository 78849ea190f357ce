"""The rows that clean writes, column by column in the order of docs/data.md. An origin is (log, partition, offset)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import msgspec

from loginlake.event import person_key

encode = msgspec.json.Encoder().encode


class SignInRow(msgspec.Struct, frozen=True, gc=False):
    """A line of silver/signins. Required columns are never null; times are RFC 3339 UTC with microseconds."""

    log: int
    partition: int
    offset: int
    arrived: str
    received: str
    time: str
    source: str
    id: str
    provider: str
    user_id: str
    username: str | None
    email: str | None
    picture: str | None
    email_verified: bool | None
    hosted_domain: str | None
    method: str | None
    locale: str | None
    user_agent: str | None
    ip: str | None


class RefusalRow(msgspec.Struct, frozen=True, gc=False):
    """A line of silver/refusals."""

    log: int
    partition: int
    offset: int
    arrived: str
    time: str
    source: str
    id: str
    reason: str
    user_agent: str | None
    ip: str | None


class RejectedRow(msgspec.Struct, frozen=True, gc=False):
    """A line of rejected/. `detail` says what was wrong without quoting it; `who` is a keyed hash, or null."""

    log: int
    partition: int
    offset: int
    reason: str
    detail: str
    who: str | None


class RepeatedRow(msgspec.Struct, frozen=True, gc=False):
    """A line of repeated/: a message whose (source, id, person) an earlier origin has, and that origin."""

    log: int
    partition: int
    offset: int
    source: str
    id: str
    who: str | None
    winner_log: int
    winner_partition: int
    winner_offset: int


SilverRow = SignInRow | RefusalRow


@dataclass(slots=True)
class Rows:
    """Silver rows of one slot on their way to a merge: their keys by column, and their lines."""

    log: list[int] = field(default_factory=list)
    partition: list[int] = field(default_factory=list)
    offset: list[int] = field(default_factory=list)
    time: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    id: list[str] = field(default_factory=list)
    line: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.line)

    @property
    def size(self) -> int:
        """The bytes of the lines."""
        return sum(map(len, self.line))

    @classmethod
    def of(cls, rows: Sequence[SilverRow]) -> Rows:
        """These rows, of one slot."""
        return cls(
            [row.log for row in rows],
            [row.partition for row in rows],
            [row.offset for row in rows],
            [row.time for row in rows],
            [row.source for row in rows],
            [row.id for row in rows],
            [encode(row) for row in rows],
        )

    def extend(self, other: Rows) -> None:
        """Take all rows of another in."""
        for column in fields(self):
            getattr(self, column.name).extend(getattr(other, column.name))


def who(secret: bytes, provider: str, user_id: str) -> str | None:
    """The keyed hash of a person, 32 hex digits; None for a name that no hash can be made of (a lone surrogate)."""
    try:
        person = person_key(provider, user_id).encode()
    except UnicodeEncodeError:
        return None
    return hmac.digest(secret, person, hashlib.sha256).hex()[:32]
