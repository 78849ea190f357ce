"""Origins of which bronze, as an audit read it, cannot tell: lost, unreadable, doubtful, or newer than the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from loginlake.audit.chain import Chains, Partition
from loginlake.audit.hours import Origin, Unknown
from loginlake.audit.objects import Facts
from loginlake.lake import keys
from loginlake.stream.log import Range

Spans = dict[Partition, list[tuple[int, int]]]


def newer(chains: Chains, doubtful: Iterable[Facts], log: int, ranges: Callable[[], Mapping[int, Range]]) -> Unknown:
    """For an audit of everything. `ranges` is asked again: what the log has by now may be in silver by now."""
    spans = _spans(chains, doubtful)

    def unknown(origin: Origin) -> bool:
        partition = origin[:2]
        if _within(spans, origin):
            return True
        if partition[0] != log or origin[2] < chains.ends.get(partition, 0):
            return False
        now = ranges().get(partition[1])
        return now is not None and origin[2] < now.end

    return unknown


def outside(read: Iterable[Facts], doubtful: Iterable[Facts], chains: Chains) -> Unknown:
    """For an audit of some days: whatever is in no object that was read is unknown too."""
    spans = _spans(chains, doubtful)
    known = _add({}, read)

    def unknown(origin: Origin) -> bool:
        return _within(spans, origin) or not _within(known, origin)

    return unknown


def _spans(chains: Chains, doubtful: Iterable[Facts]) -> Spans:
    spans: Spans = {}
    for place in chains.unknown:
        spans.setdefault((place.log, place.partition), []).append((place.first, place.end))
    return _add(spans, doubtful)


def _add(spans: Spans, read: Iterable[Facts]) -> Spans:
    for facts in read:
        if facts.end is not None:
            name = keys.parse_bronze(facts.key)
            spans.setdefault((name.log, name.partition), []).append((name.start, facts.end))
    return spans


def _within(spans: Spans, origin: Origin) -> bool:
    return any(first <= origin[2] < end for first, end in spans.get(origin[:2], ()))
