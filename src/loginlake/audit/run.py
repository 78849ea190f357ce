"""The audit: bronze read again and judged again, silver and gold beside what follows from it, the account at the end.

Nothing is written but the checkpoint of a shallow audit. Memory: the names, a line of facts an object, and one bucket
of rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loginlake.audit import answers, balance, chain, checkpoint, hours, memory, unknown
from loginlake.audit import listing as lists
from loginlake.audit import scope as scopes
from loginlake.audit.finding import Finding, Place, Report
from loginlake.audit.judged import ROW
from loginlake.audit.objects import Facts, ObjectRead, ObjectReader
from loginlake.audit.retained import Retained
from loginlake.audit.scope import Scope
from loginlake.audit.spill import Records, Spill
from loginlake.gold.store import GoldStore
from loginlake.lake import keys
from loginlake.lake.store import ObjectStore
from loginlake.silver.check import Shards
from loginlake.silver.reasons import Rules
from loginlake.stream.log import EventLog, Range
from loginlake.stream.spool_check import SpoolCount

Progress = Callable[[str, int], None]
_BUCKET_BYTES = 4 * 1024 * 1024
_ID = np.dtype("<i8")
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Path:
    """What an audit looks at: the ports, the log's number in the lake, the rules."""

    log: EventLog
    log_number: int
    group: str
    store: ObjectStore
    gold: GoldStore
    rules: Rules
    shards: Shards
    answered: int | None = None
    spools: Callable[[], tuple[list[SpoolCount], list[str]]] = lambda: ([], [])


def audit(path: Path, scope: Scope, progress: Progress = lambda _name, _count: None) -> Report:
    """Audit once; again, up to three times, when something is wrong while the stages are writing."""
    for attempt in range(ATTEMPTS):
        report = _Audit(path, scope, progress).run()
        if not (report.moving and report.faults) or attempt + 1 == ATTEMPTS:
            return report
    raise AssertionError("attempts are positive")


class _Audit:
    """One audit, for one `run`."""

    def __init__(self, path: Path, scope: Scope, progress: Progress) -> None:
        self._path, self._scope, self._progress = path, scope, progress
        self._findings: list[Finding] = []
        self._facts: dict[str, Facts] = {}
        self._holes: list[Place] = []
        self._doubtful: set[str] = set()
        self._slots: dict[keys.Slot, int] = {}
        self._counts: dict[keys.Slot, tuple[int, int]] = {}
        self._faulty_hours: set[keys.Slot] = set()
        self._placed = 0
        self._id_reused = 0

    def run(self) -> Report:
        path, scope = self._path, self._scope
        self._listing = listing = lists.take(path.store)
        self._spools, unreadable = path.spools()  # before the log: an entry on its way is counted in both, not in none
        self._findings += balance.spools(self._spools, unreadable)
        self._ranges = dict(path.log.ranges())
        remembered = scope.whole and not scope.deep
        days = checkpoint.read(path.store, path.rules.VERSION) if remembered else {}
        self._objects, self._hours = scopes.believed_objects(listing, days), scopes.believed_hours(listing, days)
        buckets = max(1, min(512, listing.bronze_bytes // _BUCKET_BYTES))
        with Spill(ROW, buckets) as rows, Spill(_ID, buckets) as ids:
            self._read_bronze(rows)
            chains = self._check_chains()
            self._compare_log()
            self._compare_hours(rows, ids, chains)
        gold = answers.Gold.read(path.gold)
        self._compare_gold(gold, buckets)
        report = self._report(chains, gold)
        report.moving = self._moving(gold)
        if remembered and not report.moving:
            checkpoint.write(path.store, days, self._kept(report))
        return report

    def _read_bronze(self, rows: Spill) -> None:
        """Read the objects that changed, then those that have rows in the hours that changed."""
        listing = self._listing
        for key, mark in self._objects.items():
            self._facts[key] = Facts(key, mark.end, mark.lines, mark.erased, settled=True)
            self._facts[key].rejected.update(mark.rejected)
            self._facts[key].rejected_stored = sum(mark.rejected.values())
        fresh = sorted(key for key in listing.bronze if key not in self._objects and self._is_wanted(key))
        self._read_objects(fresh, rows)
        changed = {slot for key in fresh for slot in self._facts[key].slots}
        changed |= scopes.listed_slots(listing) - self._hours.keys()
        changed |= {
            slot for mark in self._objects.values() for slot in map(lists.slot_of, mark.hours) if slot
        }.difference(self._hours)
        for slot in changed:
            self._hours.pop(slot, None)
        again = sorted(scopes.feeding(self._objects, changed))
        self._read_objects(again, rows, changed)
        for slot in changed:
            if self._scope.has(slot.date):
                self._number(slot)

    def _is_wanted(self, key: str) -> bool:
        """Whether an object is in scope, or has rows in hours that are."""
        scope, day = self._scope, keys.parse_bronze(key).date
        if scope.has(day):
            return True
        if not scope.may_feed(day):
            return False
        if keys.receipt(key) not in self._listing.receipts:
            return True
        receipt = lists.receipt_of(self._path.store.get(keys.receipt(key)).data)
        return receipt is None or any(scope.has(hour.date) for hour in receipt.hours)

    def _read_objects(self, names: list[str], rows: Spill, only: set[keys.Slot] | None = None) -> None:
        path = self._path
        reader = ObjectReader(path.store, path.rules, path.shards, gaps=path.log.gaps)

        def one(key: str) -> ObjectRead:
            return reader.read(key, settled=keys.receipt(key) in self._listing.receipts)

        for read in lists.in_threads(one, names):
            self._facts[read.facts.key] = read.facts
            self._findings += read.findings
            self._holes += read.holes
            if read.doubtful:
                self._doubtful.add(read.facts.key)
            for slot, found in read.rows.items():
                if (only is None or slot in only) and self._scope.has(slot.date):
                    found["slot"] = self._number(slot)
                    if read.doubtful:
                        found["settled"] = 0
                    rows.add(found, found["slot"])
            self._progress("lines", read.facts.lines)

    def _number(self, slot: keys.Slot) -> int:
        return self._slots.setdefault(slot, len(self._slots))

    def _check_chains(self) -> chain.Chains:
        listing, path = self._listing, self._path
        ends = {(head.log, head.partition): head.end for head in listing.heads}
        known = {keys.bronze_of_receipt(key) for key in listing.receipts}
        begun = {keys.parse_bronze(key) for key in listing.todo - listing.bronze.keys()}
        known |= {name.key for name in begun if name.start < ends.get((name.log, name.partition), 0)}
        named = frozenset(finding.where for finding in self._findings)
        around = chain.Around(
            heads=listing.heads,
            expired=listing.expired if self._scope.whole else (),
            log=path.log_number,
            ranges=self._ranges,
            lost=sorted(known - listing.bronze.keys()),
            named=named,
            whole=self._scope.whole,
        )
        facts = [found for key, found in self._facts.items() if self._scope.has(keys.parse_bronze(key).date)]
        has_record = self._has_record if path.log.gaps else None
        chains = chain.check(facts, around, has_record)
        for hole in self._holes:
            if has_record is None or has_record(hole):
                chains.unknown.append(hole)
            else:
                chains.gaps += hole.count
        self._findings += chains.findings
        return chains

    def _has_record(self, place: Place) -> bool:
        """Whether the log has a record in a gap."""
        if place.log != self._path.log_number:
            return False
        extent = self._ranges.get(place.partition, Range(0, 0))
        first, end = max(place.first, extent.begin), min(place.end, extent.end)
        return bool(self._path.log.scan(place.partition, first, end, 1))

    def _compare_log(self) -> None:
        """The log beside bronze, where both have it."""
        path, deep = self._path, self._scope.deep
        retained = Retained(path.log, path.log_number, path.store, self._ranges)
        facts = [found for key, found in self._facts.items() if self._scope.has(keys.parse_bronze(key).date)]
        wrong = {finding.where for finding in self._findings if not finding.notice}
        wanted = [key for key in retained.wanted(facts, deep=deep) if key not in wrong]
        for found in lists.in_threads(lambda key: retained.compare(key, deep=deep), wanted):
            self._findings += found

    def _compare_hours(self, rows: Spill, ids: Spill, chains: chain.Chains) -> None:
        is_unknown = self._unknown(chains)
        by_bucket: dict[int, list[keys.Slot]] = {}
        for slot, number in self._slots.items():
            by_bucket.setdefault(number % rows.buckets, []).append(slot)
        for bucket in range(rows.buckets):
            wanted = rows.take(bucket)
            wanted = wanted[np.argsort(wanted["slot"], kind="stable")]
            slots = sorted(by_bucket.get(bucket, ()))
            for hour in lists.in_threads(lambda slot: hours.read(self._path.store, slot), slots):
                number = self._slots[hour.slot]
                begin, end = np.searchsorted(wanted["slot"], [number, number + 1])
                self._compare_hour(hour, wanted[begin:end], is_unknown)
                found = np.array(hour.ids, _ID)
                ids.add(found, found.view(np.uint64))
        for bucket in range(ids.buckets):
            found = ids.take(bucket)
            self._id_reused += len(found) - len(np.unique(found))

    def _compare_hour(self, hour: hours.Hour, wanted: Records, is_unknown: hours.Unknown) -> None:
        self._counts[hour.slot] = len(hour.silver), len(hour.repeated)
        self._progress("rows", len(hour.silver))
        if hours.equal(hour, wanted):
            return
        findings, placed = hours.explain(hour, wanted, is_unknown)
        self._findings += findings
        self._placed += placed
        if findings or not wanted["settled"].all():
            self._faulty_hours.add(hour.slot)

    def _unknown(self, chains: chain.Chains) -> hours.Unknown:
        """Origins of which bronze, as this audit read it, cannot tell."""
        doubtful = [self._facts[key] for key in self._doubtful]
        if not self._scope.whole:
            return unknown.outside([*self._facts.values()], doubtful, chains)
        return unknown.newer(chains, doubtful, self._path.log_number, self._path.log.ranges)

    def _compare_gold(self, gold: answers.Gold, buckets: int) -> None:
        path, still_open = self._path, self._open_days()
        if self._scope.deep and self._scope.whole:
            people = max(1, min(512, buckets))
            tell = lambda count: self._progress("gold", count)  # noqa: E731
            self._findings += answers.every_day(path.store, path.gold, gold, still_open, people, tell)
            return
        wanted = {slot.date for slot in self._slots}
        if not self._scope.whole:
            wanted |= {day for day in gold.by_day if self._scope.has(day)}
        self._findings += answers.some_days(path.store, gold, wanted, still_open)

    def _open_days(self) -> frozenset[str]:
        """Days on which gold cannot be judged: still to be published or cleaned, or already found wrong before it."""
        wrong = {finding.date for finding in self._findings if finding.date and not finding.notice}
        coming = {keys.parse_bronze(key).date for key, facts in self._facts.items() if not facts.settled}
        return self._listing.dirty | wrong | coming

    def _report(self, chains: chain.Chains, gold: answers.Gold) -> Report:
        clean = {slot: count for slot, (count, _) in self._counts.items()}
        clean.update((slot, mark.rows) for slot, mark in self._hours.items())
        repeated = sum(count for _, count in self._counts.values()) + sum(m.repeats for m in self._hours.values())
        terms = balance.Terms(
            facts=[found for key, found in self._facts.items() if self._scope.has(keys.parse_bronze(key).date)],
            clean=clean,
            repeated=repeated,
            placed=self._placed,
            gold=gold,
            listing=self._listing,
            ranges=self._ranges,
            chains=chains,
            log=self._path.log_number,
            answered=self._path.answered,
            open_days=self._open_days(),
            spooled=sum(spool.there for spool in self._spools),
        )
        report = Report(deep=self._scope.deep, first_day=self._scope.first, last_day=self._scope.last)
        report.complete_until = gold.complete_until
        self._findings += balance.states(terms, self._path.log.committed(self._path.group))
        if self._scope.whole:
            report.account, report.rejected_by_reason = balance.account(terms)
        read = len(self._facts) - len(self._objects)
        report.checked = {"objects": read, "hours": len(self._counts), "rows": sum(c for c, _ in self._counts.values())}
        report.skipped = {"objects": len(self._objects), "hours": len(self._hours)}
        if self._scope.deep:
            report.id_reused = self._id_reused
        faulty = any(not finding.notice for finding in self._findings)
        if self._scope.whole and not faulty:
            self._findings += balance.faults(report.account)
        self._findings.sort(key=lambda finding: (finding.notice, finding.where, finding.fault))
        report.findings = self._findings
        return report

    def _moving(self, gold: answers.Gold) -> bool:
        again = lists.take(self._path.store)
        if self._path.spools()[0] != self._spools or dict(self._path.log.ranges()) != self._ranges:
            return True
        return again != self._listing or answers.Gold.read(self._path.gold).generation != gold.generation

    def _kept(self, report: Report) -> dict[str, checkpoint.Day]:
        """What is in order: objects and hours without a finding."""
        named = {finding.where for finding in report.findings}
        kept = memory.Kept(self._listing, self._path.rules.VERSION)
        for key, facts in self._facts.items():
            if key not in self._doubtful and not named & {key, keys.receipt(key), keys.rejected(key)}:
                kept.object(facts, self._objects.get(key))
        for slot, mark in self._hours.items():
            kept.hour(slot, mark)
        for slot, (rows, repeats) in self._counts.items():
            if slot not in self._faulty_hours:
                kept.counted(slot, rows, repeats)
        return kept.days
