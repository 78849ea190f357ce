"""Follow a sign-in by hand: from its id, a person's e-mail or its place in the log, through every stage, to its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from loginlake.bronze import envelope
from loginlake.errors import LoginlakeError, ObjectNotFound
from loginlake.event import person_key
from loginlake.gold.store import GoldStore, Index
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.silver.check import Checker
from loginlake.silver.hours import Owners
from loginlake.silver.rows import RejectedRow, SignInRow, SilverRow
from loginlake.stream.log import EventLog, Position
from loginlake.trace import Step

Origin = tuple[int, int, int]
MOST = 20
_PLACE = re.compile(r"(?:(\d+):)?(\d+):(\d+)")
_USERS = Index("users", ())
_PAGE = 1_000


class Followed(NamedTuple):
    """One message: its origin, the steps of its way, and where it ended (silver, repeated, rejected, erased ...)."""

    origin: Origin
    end: str
    steps: list[Step]


class _Row(msgspec.Struct, gc=False):
    log: int
    partition: int
    offset: int
    id: str = ""
    provider: str = ""
    user_id: str = ""


_row = msgspec.json.Decoder(_Row).decode


class Follower:
    """Looks messages up in the log, bronze, silver, repeated, rejected and gold. Only reads."""

    def __init__(self, log: EventLog, log_number: int, store: ObjectStore, gold: GoldStore, checker: Checker) -> None:
        """`log_number` is the lake's number of this log."""
        self._log, self._number, self._store, self._gold, self._checker = log, log_number, store, gold, checker
        self._owners = Owners(store)

    def follow(self, what: str) -> list[Followed]:
        """The messages that `what` names (PARTITION:OFFSET, LOG:PARTITION:OFFSET, an e-mail, an event's id).

        At most `MOST`, of an e-mail the latest. Looking for an id reads silver from the latest day back, then bronze.
        """
        place = _PLACE.fullmatch(what)
        if place is not None:
            log = self._number if place[1] is None else int(place[1])
            return [self._one((log, int(place[2]), int(place[3])))]
        found = self._of_email(what) if "@" in what else self._of_id(what)
        origins = [origin for _, origin in zip(range(MOST), found, strict=False)]
        return [self._one(origin) for origin in dict.fromkeys(origins)]

    def _of_email(self, email: str) -> Iterator[Origin]:
        for document in self._people(email):
            user = document["user_id"].encode()
            for day in sorted(document["days"], reverse=True):
                rows = self._rows_with(keys.silver_day("signins", day), user)
                yield from (origin for origin, row in rows if row.user_id == document["user_id"])

    def _people(self, email: str) -> Iterator[dict[str, Any]]:
        after: tuple[str] | None = None
        while page := self._gold.page(_USERS, after=after, limit=_PAGE):
            after = (page[-1]["_id"],)
            yield from (dict(one) for one in page if str(one["email"]).lower() == email.lower())

    def _of_id(self, event_id: str) -> Iterator[Origin]:
        wanted = msgspec.json.encode(event_id)
        known: set[Origin] = set()
        for folder in ("silver/signins/", "silver/refusals/", "repeated/"):
            for origin, row in self._rows_with(folder, wanted):
                if row.id == event_id and origin not in known:
                    known.add(origin)
                    yield origin
        if not known:
            yield from (origin for origin, _ in self._rows_with("bronze/", wanted))

    def _rows_with(self, folder: str, needle: bytes) -> Iterator[tuple[Origin, _Row]]:
        """The rows below a folder that hold some bytes, the latest object first."""
        for key in sorted((entry.key for entry in self._store.list(folder)), reverse=True):
            content = lines.decode(self._store.get(key).data)
            if needle in content:
                for line in lines.split(content):
                    if needle in line:
                        row = _row(line)
                        yield (row.log, row.partition, row.offset), row

    def _one(self, origin: Origin) -> Followed:
        steps = [self._topic(origin)]
        key, line = self._line(origin)
        if key is None or line is None:
            return Followed(origin, "in the log" if steps[0].done else "nowhere", [*steps, Step("bronze", done=False)])
        steps.append(Step("bronze", True, envelope.decode(line).timestamp, key, msgspec.json.decode(line)))
        outcome = self._checker.plain(line) or self._checker.reference(line)
        rejected = self._find(keys.rejected(key), origin)
        if outcome is None:
            return Followed(origin, "erased", steps)
        if rejected is not None:
            return Followed(origin, "rejected", [*steps, rejected._replace(name="rejected")])
        if isinstance(outcome, RejectedRow):
            return Followed(origin, "to clean", [*steps, Step("silver", done=False)])
        return self._placed(origin, outcome, steps)

    def _placed(self, origin: Origin, row: SilverRow, steps: list[Step]) -> Followed:
        slot = self._checker.slot(row)
        repeated = self._find(keys.repeated(slot), origin)
        if repeated is not None:
            return Followed(origin, "repeated", [*steps, repeated._replace(name="repeated")])
        silver = self._find(keys.silver(slot), origin)
        if silver is None:
            return Followed(origin, "to clean", [*steps, Step("silver", done=False)])
        steps.append(silver._replace(name="silver"))
        if not isinstance(row, SignInRow):
            return Followed(origin, "silver", steps)
        gold = self._gold_document(row)
        return Followed(origin, "gold" if gold.done else "to publish", [*steps, gold])

    def _topic(self, origin: Origin) -> Step:
        if origin[0] != self._number:
            return Step("topic", done=False, place=f"log {origin[0]}, an earlier one")
        try:
            record = self._log.read(Position(origin[1], origin[2]))
        except LoginlakeError:
            record = None
        if record is None:
            return Step("topic", done=False, place="no longer, or never, in the log")
        at = envelope.timestamp(record.timestamp_ms)
        return Step("topic", done=True, at=at, place=f"partition {origin[1]}, offset {origin[2]}")

    def _line(self, origin: Origin) -> tuple[str | None, bytes | None]:
        key = self._owners.of(origin)
        if key is None:
            return None, None
        for line in lines.split(lines.decode(self._store.get(key).data)):
            if _row(line).offset == origin[2]:
                return key, line
        return key, None

    def _find(self, key: str, origin: Origin) -> Step | None:
        try:
            content = lines.decode(self._store.get(key).data)
        except ObjectNotFound:
            return None
        for line in lines.split(content):
            row = _row(line)
            if (row.log, row.partition, row.offset) == origin:
                return Step("", done=True, place=key, content=msgspec.json.decode(line))
        return None

    def _gold_document(self, row: SignInRow) -> Step:
        name = person_key(row.provider, row.user_id)
        document = self._gold.read("users", [name]).get(name)
        if document is None or row.time[:10] not in document["days"]:
            return Step("gold", done=False)
        return Step("gold", done=True, at=document["last"], place=f"users/{name}", content=dict(document))
