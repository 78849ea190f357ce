"""Check: the lines of one bronze object, each judged. Pure: bytes in, rows by slot and rejected rows out.

A line that is plainly good (every field known, typed and canonical) takes the fast way, a strict typed decode. Any
other goes to rules.judge, the reference, which alone may reject. ADR 0003 says why this is not columnar.
"""

from __future__ import annotations

import binascii
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from loginlake.bronze import envelope
from loginlake.errors import Corrupt
from loginlake.event import SIGNIN
from loginlake.lake import keys, lines
from loginlake.silver import moments, plain
from loginlake.silver.plain import Good, RefusalData, SignInData
from loginlake.silver.reasons import DATA, Rules, is_email
from loginlake.silver.rows import RefusalRow, RejectedRow, Rows, SignInRow, SilverRow, encode
from loginlake.silver.rules import Rejection, judge

Shards = Callable[[str], int]


@dataclass(slots=True)
class Checked:
    """What became of one bronze object: its rows by slot, its rejected rows, its counts."""

    key: str
    checksum: str
    lines: int = 0
    erased: int = 0
    rows: dict[keys.Slot, Rows] = field(default_factory=dict)
    rejected: list[bytes] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def row_count(self) -> int:
        """The rows handed on to merges."""
        return sum(map(len, self.rows.values()))

    @property
    def size(self) -> int:
        """The bytes of the rows, handed on or rejected."""
        return sum(rows.size for rows in self.rows.values()) + sum(map(len, self.rejected))


def receipt_of(checked: Checked) -> dict[str, Any]:
    """The receipt of an object, as data: what became of its lines."""
    return {
        "object": checked.key,
        "lines": checked.lines,
        "erased": checked.erased,
        "rejected": dict(sorted(checked.reasons.items())),
        "hours": [{**slot._asdict(), "rows": len(checked.rows[slot])} for slot in sorted(checked.rows)],
        "rules": Rules.VERSION,
        "checksum": f"sha256:{checked.checksum}",
    }


class Checker:
    """Judges lines by one set of rules; `shards` says into how many shards a day is split."""

    def __init__(self, rules: Rules, shards: Shards) -> None:
        """Bind the rules and the shards."""
        self._rules = rules
        self._shards = shards
        wanted = [name for name in rules.required_of(SIGNIN) if name in DATA[SIGNIN]]
        self._required_data = attrgetter(*wanted)
        self._sign_ins_are_plain = set(rules.required_of(SIGNIN)) == {*wanted, "id", "source", "time"}

        self._oldest: dict[str, str] = {}

    def check(self, key: str, content: bytes, checksum: str) -> Checked:
        """Judge every line of an object's uncompressed content. Corrupt when a line is none that land writes."""
        checked = Checked(key, checksum)
        hours: dict[tuple[type, str], list[SilverRow]] = {}
        for line in lines.split(content):
            checked.lines += 1
            row = self.plain(line) or self.reference(line)
            if row is None:
                checked.erased += 1
            elif isinstance(row, RejectedRow):
                checked.rejected.append(encode(row))
                checked.reasons[row.reason] += 1
            else:
                hour = type(row), row.time[:13]
                rows = hours.get(hour)
                if rows is None:
                    rows = hours[hour] = []
                rows.append(row)
        while hours:
            _, rows = hours.popitem()
            for slot, some in self.by_slot(rows):
                checked.rows[slot] = Rows.of(some)
        return checked

    def by_slot(self, rows: list[SilverRow]) -> Iterable[tuple[keys.Slot, list[SilverRow]]]:
        """The rows of one kind and hour, by shard."""
        if self._shards(rows[0].time[:10]) == 1:
            return [(self.slot(rows[0]), rows)]
        slots: dict[keys.Slot, list[SilverRow]] = {}
        for row in rows:
            slots.setdefault(self.slot(row), []).append(row)
        return slots.items()

    def plain(self, line: bytes) -> SilverRow | None:
        """The row of a line that is plainly good; None for every other, which says nothing about it."""
        read = plain.read(line)
        if read is None:
            return None
        event = read.value
        time = self._in_window(event.time, read.timestamp)
        if time is None or not (event.id.strip() and event.source.strip()):
            return None
        if len(line) > self._rules.max_bytes:
            return None
        data = event.data
        return self._sign_in_row(read, time, data) if isinstance(data, SignInData) else _refusal_row(read, time, data)

    def _in_window(self, time: str, arrived: str) -> str | None:
        """The canonical form of a time that is within the window beyond doubt; None for any other.

        Canonical times compare as texts, and land writes the arrival canonically.
        """
        canonical = moments.canonical(time)
        if canonical is None or canonical > arrived:
            return None
        day = arrived[:10]
        oldest = self._oldest.get(day) or self._oldest_of(day)
        return canonical if oldest <= canonical else None

    def _oldest_of(self, day: str) -> str:
        """The earliest time that is not too old for any arrival of a day."""
        end = moments.moment(f"{day}T23:59:59.999999Z")
        if end is None:
            raise _corrupt()
        too_old = min(self._rules.too_old, end - datetime.min.replace(tzinfo=UTC))
        self._oldest[day] = moments.text(end - too_old)
        return self._oldest[day]

    def _sign_in_row(self, read: Good, time: str, data: SignInData) -> SignInRow | None:
        values = self._required_data(data)
        if not self._sign_ins_are_plain or None in values or not all(map(str.strip, values)):
            return None
        event, arrived, email = read.value, read.timestamp, data.email
        if email is not None and not is_email(email):
            return None
        received = arrived if event.received is None else moments.canonical(event.received)
        if received is None:
            return None
        return SignInRow(
            read.log,
            read.partition,
            read.offset,
            arrived,
            received,
            time,
            event.source,
            event.id,
            data.provider,
            data.user_id,
            data.username,
            email,
            data.picture,
            data.email_verified,
            data.hosted_domain,
            data.method,
            data.locale,
            data.user_agent,
            data.ip,
        )

    def reference(self, line: bytes) -> SilverRow | RejectedRow | None:
        """What the rules say of a line of bronze; None for an erased one."""
        read = envelope.decode(line)
        if read.erased is not None:
            return None
        arrived = moments.moment(read.timestamp)
        try:
            value = read.value_bytes
        except binascii.Error as error:
            raise _corrupt() from error
        if arrived is None:
            raise _corrupt()
        origin = (read.log, read.partition, read.offset)
        outcome = judge(value, origin, arrived, self._rules)
        if isinstance(outcome, Rejection):
            return RejectedRow(*origin, outcome.reason, outcome.detail, outcome.who)
        return outcome

    def slot(self, row: SilverRow) -> keys.Slot:
        """Where a row goes: its kind, the hour of its own time, the shard of its user (a refusal: of its id)."""
        date, hour = row.time[:10], int(row.time[11:13])
        kind: keys.Kind = "signins" if isinstance(row, SignInRow) else "refusals"
        owner = row.user_id if isinstance(row, SignInRow) else row.id
        return keys.Slot(kind, date, hour, shard_of(owner, self._shards(date)))


def shard_of(owner: str, shards: int) -> int:
    """The shard of a user_id (a refusal: of its id). Stable for ever: stored objects are named by it."""
    return zlib.crc32(owner.encode()) % shards


def _refusal_row(read: Good, time: str, data: RefusalData) -> RefusalRow | None:
    event = read.value
    if not data.reason.strip() or (event.received is not None and moments.canonical(event.received) is None):
        return None
    return RefusalRow(
        read.log,
        read.partition,
        read.offset,
        read.timestamp,
        time,
        event.source,
        event.id,
        data.reason,
        data.user_agent,
        data.ip,
    )


def _corrupt() -> Corrupt:
    return Corrupt(
        "A line of a bronze object is none that land writes.",
        "The object was changed or damaged after it was written.",
        "Restore it from a copy; the other objects are cleaned without it.",
    )
