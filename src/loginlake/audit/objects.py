"""One bronze object read again: its lines as its name and receipt say, and the rows that the rules make of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from loginlake.audit.finding import Finding, Place, places, said
from loginlake.audit.judged import Judged
from loginlake.audit.listing import Receipt, receipt_of
from loginlake.audit.spill import Records
from loginlake.errors import Corrupt, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.silver.check import Checker, Shards
from loginlake.silver.reasons import Rules

DOUBTFUL = frozenset(("old_rules", "object_altered", "object_cut"))


@dataclass(slots=True)
class Facts:
    """What is known of an object after it was read. `end` None: its content says nothing about where it ends."""

    key: str
    end: int | None = None
    lines: int = 0
    erased: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_stored: int = 0
    settled: bool = False
    slots: dict[keys.Slot, int] = field(default_factory=dict)


@dataclass(slots=True)
class ObjectRead:
    """An object's facts, its rows by slot (ROW without the slot's number), the offsets it lacks, what is wrong."""

    facts: Facts
    rows: dict[keys.Slot, Records] = field(default_factory=dict)
    holes: list[Place] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def doubtful(self) -> bool:
        """Whether its rows need not be what was cleaned: other rules, or another content."""
        return any(finding.fault in DOUBTFUL for finding in self.findings)


class ObjectReader:
    """Reads objects with one set of rules. Thread-safe."""

    def __init__(self, store: ObjectStore, rules: Rules, shards: Shards, *, gaps: bool) -> None:
        """`gaps`: whether the log has legal gaps (Kafka), which are judged with the chain."""
        self._store, self._checker, self._gaps = store, Checker(rules, shards), gaps

    def read(self, key: str, *, settled: bool) -> ObjectRead:
        """Read an object, and its receipt and rejected rows when it is `settled` (has a receipt)."""
        read = ObjectRead(Facts(key, settled=settled))
        receipt = self._receipt(read, key) if settled else None
        try:
            content = lines.decode(self._store.get(key).data)
            judged = Judged(self._checker, lines.split(content))
        except (Corrupt, ObjectNotFound) as error:
            name = keys.parse_bronze(key)
            span = (Place(name.log, name.partition, name.start, name.start + receipt.lines),) if receipt else ()
            read.findings.append(
                _finding("object_unreadable", key, f"It cannot be read: {_what(error)}", _RESTORE, span)
            )
            if receipt is not None:  # the terms as they were, so that the account says no more than this finding
                read.facts.lines, read.facts.erased = receipt.lines, receipt.erased
                read.facts.rejected = Counter(receipt.rejected)
                read.facts.rejected_stored = len(self._rejected(key))
            return read
        self._place(read, judged)
        read.facts.lines, read.facts.erased = len(judged.origins), judged.erased
        read.facts.rejected = Counter(reason for _, reason in judged.rejected)
        read.rows = judged.rows(settled=settled)
        read.facts.slots = {slot: len(found) for slot, found in read.rows.items()}
        if receipt is not None:
            self._compare_receipt(read, receipt, hashlib.sha256(content).hexdigest())
        self._compare_rejected(read, judged)
        return read

    def _receipt(self, read: ObjectRead, key: str) -> Receipt | None:
        name = keys.receipt(key)
        receipt = receipt_of(self._store.get(name).data)
        if receipt is None:
            read.findings.append(_finding("receipt_unreadable", name, "It cannot be read.", _RECLEAN.format(key=key)))
        return receipt

    def _place(self, read: ObjectRead, judged: Judged) -> None:
        """Every line belongs where the object's name says, one offset after the other."""
        key, name = read.facts.key, keys.parse_bronze(read.facts.key)
        origins = judged.origins
        hours = {f"{name.date}T{name.hour:02d}"}
        offsets = origins[:, 2]
        strange = (origins[:, :2] != (name.log, name.partition)).any()
        if strange or not len(offsets) or int(offsets[0]) != name.start or judged.hours - hours:
            place = said(places([tuple(origins[0].tolist())])) if len(offsets) else "nothing"
            what = f"Its lines belong elsewhere: it begins with {place}, arrived {min(judged.hours, default='never')}."
            span = (Place(name.log, name.partition, name.start, name.start + max(1, len(offsets))),)
            read.findings.append(_finding("object_misplaced", key, what, _RESTORE, span))
            return
        steps = np.diff(offsets)
        if (steps <= 0).any():
            at = int(offsets[int(np.flatnonzero(steps <= 0)[0]) + 1])
            again = (Place(name.log, name.partition, at, at + 1),)
            read.findings.append(_finding("offsets_out_of_order", key, f"{said(again)} comes again.", _RESTORE, again))
        read.facts.end = int(offsets.max()) + 1
        starts = np.flatnonzero(steps > 1)
        read.holes = [
            Place(name.log, name.partition, int(offsets[at]) + 1, int(offsets[at + 1])) for at in starts.tolist()
        ]
        if read.holes and not self._gaps:
            what = f"It lacks {said(read.holes)}."
            read.findings.append(_finding("offsets_missing", key, what, _RESTORE, tuple(read.holes)))

    def _rejected(self, key: str) -> list[tuple[int, str]]:
        try:
            stored = lines.split(lines.decode(self._store.get(keys.rejected(key)).data))
            return [(row.offset, row.reason) for row in map(_rejected_row, stored)]
        except ObjectNotFound:
            return []
        except (Corrupt, msgspec.MsgspecError, UnicodeDecodeError):
            return [(-1, "unreadable object")]

    def _compare_rejected(self, read: ObjectRead, judged: Judged) -> None:
        key = read.facts.key
        stored = self._rejected(key)
        read.facts.rejected_stored = len(stored)
        wanted = judged.rejected
        if stored == wanted or not (read.facts.settled or stored):
            return
        if any(finding.fault != "receipt_differs" for finding in read.findings):
            return  # a consequence of what is wrong with the object itself
        name = keys.parse_bronze(key)
        strange = sorted({offset for offset, _ in set(stored) ^ set(wanted) if offset >= 0})
        spots = places((name.log, name.partition, offset) for offset in strange)
        what = (
            f"It has {len(stored)} rows, the rules reject {len(wanted)}; they differ at {said(spots) or 'every row'}."
        )
        read.findings.append(
            _finding("rejected_differs", keys.rejected(key), what, _RECLEAN.format(key=key), spots, name)
        )

    def _compare_receipt(self, read: ObjectRead, receipt: Receipt, checksum: str) -> None:
        facts, differing = read.facts, []
        hours = {hour.slot: hour.rows for hour in receipt.hours}
        for part, ours, theirs in (
            ("object", facts.key, receipt.object),
            ("lines", facts.lines, receipt.lines),
            ("erased", facts.erased, receipt.erased),
            ("rejected", dict(facts.rejected), receipt.rejected),
            ("hours", facts.slots, hours),
            ("checksum", f"sha256:{checksum}", receipt.checksum),
        ):
            if ours != theirs and receipt.rules == Rules.VERSION:
                counts = f" {ours}, it says {theirs}" if isinstance(ours, int) else ""
                differing.append(f"{part}{counts}")
        key, name = facts.key, keys.parse_bronze(facts.key)
        end = facts.end or name.start + facts.lines
        span = (Place(name.log, name.partition, name.start, end),)
        if receipt.rules != Rules.VERSION:
            what = f"Cleaned by rules {receipt.rules}; these are {Rules.VERSION}."
            move = "loginlake rejected replay cleans it by the new rules."
            read.findings.append(_finding("old_rules", key, what, move, notice=True))
        elif not differing or read.findings:
            return
        elif receipt.checksum == f"sha256:{checksum}":
            what = f"It differs from its object: {'; '.join(differing)}."
            move = _RECLEAN.format(key=key)
            read.findings.append(_finding("receipt_differs", keys.receipt(key), what, move, span, name))
        elif facts.lines < receipt.lines:
            cut = (Place(name.log, name.partition, end, end + receipt.lines - facts.lines),)
            what = f"It was cut: {'; '.join(differing)}; {said(cut)} gone."
            read.findings.append(_finding("object_cut", key, what, _RESTORE, cut))
        else:
            what = f"It is not what was cleaned: its receipt differs in {'; '.join(differing)}."
            read.findings.append(_finding("object_altered", key, what, _RESTORE, span))


class _RejectedKeys(msgspec.Struct):
    offset: int
    reason: str


_rejected_row = msgspec.json.Decoder(_RejectedKeys).decode
_RESTORE = "Restore it from a copy, or from the log if that still has these offsets; then audit again."
_RECLEAN = "loginlake rejected replay --object {key}"


def _what(error: Exception) -> str:
    return error.why if isinstance(error, Corrupt) and error.why else str(error)


def _finding(
    fault: str,
    where: str,
    what: str,
    next_move: str,
    spots: tuple[Place, ...] = (),
    name: keys.BronzeName | None = None,
    **more: Any,
) -> Finding:
    at = name or (keys.parse_bronze(where) if where.startswith("bronze/") else None)
    date, hour = (at.date, at.hour) if at else (None, None)
    return Finding(fault=fault, where=where, what=what, next_move=next_move, places=spots, date=date, hour=hour, **more)
