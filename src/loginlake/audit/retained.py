"""What the log still retains, beside what bronze has of it: a copy of the log that was put back has other records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loginlake.audit.finding import Finding, places, said
from loginlake.audit.objects import Facts
from loginlake.bronze.agreement import NEW_LOG, differing
from loginlake.errors import Corrupt, ObjectNotFound
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.stream.log import EventLog, Range


@dataclass(frozen=True, slots=True)
class Retained:
    """Looks at objects of one log. `number` is the log's in the lake, `ranges` what it retains."""

    log: EventLog
    number: int
    store: ObjectStore
    ranges: Mapping[int, Range]

    def wanted(self, objects: Iterable[Facts], *, deep: bool) -> list[str]:
        """The objects of which the log has records: all of them when `deep`, else the last one of each partition."""
        found: dict[int, list[tuple[int, str]]] = {}
        for facts in objects:
            name = keys.parse_bronze(facts.key)
            extent = self.ranges.get(name.partition)
            if name.log == self.number and extent is not None and (facts.end is None or facts.end > extent.begin):
                found.setdefault(name.partition, []).append((name.start, facts.key))
        return sorted(key for named in found.values() for _, key in (named if deep else [max(named)]))

    def compare(self, key: str, *, deep: bool) -> list[Finding]:
        """What an object has otherwise than the log: any of its lines when `deep`, else the last."""
        try:
            content = lines.split(lines.decode(self.store.get(key).data))
            found = differing(self.log, key, content if deep else content[-1:])
        except (Corrupt, ObjectNotFound):
            return []  # its own finding says what is wrong with it
        if not found:
            return []
        name = keys.parse_bronze(key)
        spots = places((name.log, name.partition, offset) for offset in found)
        return [
            Finding(
                fault="log_differs",
                where=key,
                what=f"The log holds other records than bronze: {said(spots)}.",
                next_move=f"{NEW_LOG}; if the object was changed, restore it.",
                places=spots,
                date=name.date,
                hour=name.hour,
            )
        ]
