"""The chain of each partition: every offset in one object or one outcome, without gap or overlap, up to the log's end.

Pure, but for one question to the log about a gap: whether it has a record there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from loginlake.audit.finding import Finding, Place, said
from loginlake.audit.objects import Facts
from loginlake.bronze.agreement import NEW_LOG
from loginlake.bronze.tip import Expired, Head
from loginlake.lake import keys
from loginlake.stream.log import Range

HasRecord = Callable[[Place], bool]
Partition = tuple[int, int]
_COPY = "Restore {0} from a copy; the log may still have these offsets."
_AHEAD = "Find out who wrote that head; remove it, so that the chain's end is found by listing."


@dataclass(slots=True)
class Chains:
    """What the chains say. `ends`: the next offset; `unknown`: offsets of which bronze can't tell what they were."""

    ends: dict[Partition, int] = field(default_factory=dict)
    gaps: int = 0
    unknown: list[Place] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the chains from elsewhere. `whole`: from the first offset to the last, not some days alone."""

    heads: Iterable[Head]
    expired: Iterable[Expired]
    log: int
    ranges: Mapping[int, Range]
    lost: Sequence[str]
    named: frozenset[str]
    whole: bool = True


def check(objects: Iterable[Facts], around: Around, has_record: HasRecord | None) -> Chains:
    """Walk every chain. `has_record` None: the log has no legal gaps. `around.lost`: objects that receipts or the

    work list know and bronze has not; `around.named`: objects with a finding of their own.
    """
    chains = Chains()
    links: dict[Partition, list[tuple[int, int | None, str]]] = {}
    for facts in objects:
        name = keys.parse_bronze(facts.key)
        links.setdefault((name.log, name.partition), []).append((name.start, facts.end, facts.key))
    for outcome in around.expired:
        links.setdefault((outcome.log, outcome.partition), []).append((outcome.start, outcome.to, "expired"))
    heads = {(head.log, head.partition): head.end for head in around.heads}
    every = {*links, *(heads if around.whole else ())}
    if around.whole:
        every |= {(around.log, partition) for partition in around.ranges}
    for partition in sorted(every):
        walk = _Walk(partition, around, has_record, chains)
        walk.links(sorted(links.get(partition, [])), heads.get(partition, 0))
        if around.whole:
            walk.end(heads.get(partition, 0))
    return chains


class _Walk:
    """Along one chain."""

    def __init__(self, partition: Partition, around: Around, has_record: HasRecord | None, chains: Chains) -> None:
        self._partition, self._around, self._has_record, self._chains = partition, around, has_record, chains
        self._at = 0
        self._before = ""

    def links(self, links: Sequence[tuple[int, int | None, str]], head: int) -> None:
        """Every object and outcome, in the order of their first offsets."""
        if links and not self._around.whole:
            self._at = links[0][0]
        for number, (start, end, key) in enumerate(links):
            following = links[number + 1][0] if number + 1 < len(links) else max(head, start + 1)
            if start > self._at:
                self._gap(start)
            elif start < self._at and key not in self._around.named:
                twice = self._place(start, self._at)
                what = f"{said([twice])} is also in {self._before}."
                self._add("offsets_twice", key, what, "Find out which object the log agrees with.", twice)
            if end is None:
                self._chains.unknown.append(self._place(start, max(following, start + 1)))
            self._at, self._before = max(self._at, following if end is None else end), key

    def end(self, head: int) -> None:
        """The chain's end beside what the head and the log say."""
        log, number = self._partition
        if head > self._at:
            self._gap(head)
            self._at = head
        self._chains.ends[self._partition] = self._at
        extent = self._around.ranges.get(number) if log == self._around.log else None
        if extent is None:
            return
        if self._at > extent.end:
            place = self._place(extent.end, self._at)
            what = f"Bronze has {said([place])}, but the log ends at {extent.end}."
            move = f"The log lost its end, or an older copy was put back. {NEW_LOG}."
            self._add("log_lost_its_end", self._before, what, move, place)
        elif extent.begin > self._at:
            place = self._place(self._at, extent.begin)
            what = f"The log no longer has {said([place])}, and bronze not yet: expired before they were landed."
            move = "loginlake land records them as expired; then lengthen the log's retention."
            self._add("expired_unlanded", keys.head(log, number), what, move, place)

    def _gap(self, to: int) -> None:
        place = self._place(self._at, to)
        self._chains.unknown.append(place)
        lost = [key for key in self._around.lost if self._is_within(key, place)]
        if lost:
            self._lost(lost, place)
        elif self._before in self._around.named:
            return  # its own finding says what is wrong with it
        elif self._has_record is not None and not self._has_record(place):
            self._chains.gaps += place.count
        else:
            log, number = self._partition
            folder = self._before or keys.head(log, number)
            what = f"Bronze has no {said([place])}, which follow it." if self._before else f"No {said([place])}."
            self._add("offsets_missing", folder, what, _COPY.format("what was there"), place)

    def _lost(self, lost: Sequence[str], place: Place) -> None:
        starts = [keys.parse_bronze(key).start for key in lost]
        for key, start, end in zip(lost, starts, [*starts[1:], place.end], strict=True):
            own = self._place(start, end)
            what = f"It is gone: {said([own])}."
            self._add("object_lost", key, what, _COPY.format("it"), own)

    def _is_within(self, key: str, place: Place) -> bool:
        name = keys.parse_bronze(key)
        return (name.log, name.partition) == self._partition and place.first <= name.start < place.end

    def _place(self, first: int, end: int) -> Place:
        return Place(*self._partition, first, end)

    def _add(self, fault: str, where: str, what: str, move: str, place: Place) -> None:
        date, hour = None, None
        if where.startswith("bronze/"):
            name = keys.parse_bronze(where)
            date, hour = name.date, name.hour
        self._chains.findings.append(
            Finding(fault=fault, where=where, what=what, next_move=move, places=(place,), date=date, hour=hour)
        )
