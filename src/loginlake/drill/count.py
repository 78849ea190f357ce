"""What is left after a drill: what was accepted compared with what bronze, silver and gold hold, and the deep audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import msgspec

from loginlake import operate, wiring
from loginlake.audit.finding import Finding
from loginlake.audit.scope import Scope
from loginlake.bronze import envelope
from loginlake.drill.ground import Ground
from loginlake.gold.read import Snapshot
from loginlake.lake import lines


class Outcome(NamedTuple):
    """Messages lost and counted double, and what the deep audit found wrong."""

    lost: int
    double: int
    faults: list[Finding]

    @property
    def good(self) -> bool:
        """Whether everything is accounted for."""
        return not (self.lost or self.double or self.faults)


class _Row(msgspec.Struct):
    source: str
    id: str
    user_id: str = ""


_row = msgspec.json.Decoder(_Row).decode


def count(ground: Ground) -> Outcome:
    """Count, and tell it.

    Bronze may hold a message oftener than it was accepted (a spool sends at least once): then it is a repeat, and
    silver has it once. Which of the others end where is the audit's to say.
    """
    bronze = Counter(envelope.decode(line).value_bytes for line in _lines(ground, "bronze/"))
    lost = (Counter(ground.accepted) - bronze).total()
    rows = Counter((row.source, row.id, row.user_id) for row in _rows(ground))
    double = rows.total() - len(rows)
    with closing(wiring.open_gold(ground.settings)) as gold:
        told = sum(day["signins"] + day["refusals"] for day in Snapshot.open(gold).all_days())
    lost += max(0, rows.total() - told)
    double += max(0, told - rows.total())
    report = operate.audit(ground.settings, Scope(None, None, deep=True), lambda _name, _count: None)
    found = report.account
    ground.say(
        f"accepted {len(ground.accepted):,}: {found['clean']:,} clean, {found['repeated']:,} repeated, "
        f"{found['rejected']:,} rejected; gold tells {told:,}"
    )
    reasons = ", ".join(f"{name} {number:,}" for name, number in report.rejected_by_reason.items())
    ground.say(f"rejected for: {reasons or 'nothing'}")
    for fault in report.faults:
        ground.say(f"WRONG {fault.fault}  {fault.where}: {fault.what}")
    return Outcome(lost, double, report.faults)


def _lines(ground: Ground, folder: str) -> Iterator[bytes]:
    for entry in ground.store.list(folder):
        yield from lines.split(lines.decode(ground.store.get(entry.key).data))


def _rows(ground: Ground) -> Iterator[_Row]:
    for line in _lines(ground, "silver/"):
        yield _row(line)
