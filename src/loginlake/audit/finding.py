"""What an audit finds, and what it says at the end. Values only; no personal data in any of them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Place(msgspec.Struct, frozen=True, order=True):
    """Offsets of one partition: from `first` up to, without, `end`."""

    log: int
    partition: int
    first: int
    end: int

    @property
    def count(self) -> int:
        """How many offsets."""
        return self.end - self.first


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it must be: its kind, the object or document, what is wrong, and what to do.

    A notice is worth a look and breaks nothing: the account balances with it.
    """

    fault: str
    where: str
    what: str
    next_move: str
    places: tuple[Place, ...] = ()
    date: str | None = None
    hour: int | None = None
    notice: bool = False


class Report(msgspec.Struct, kw_only=True):
    """The outcome. `account` is empty when a part was audited; `skipped` counts what a shallow audit believed."""

    deep: bool
    first_day: str | None
    last_day: str | None
    account: dict[str, int] = {}
    rejected_by_reason: dict[str, int] = {}
    checked: dict[str, int] = {}
    skipped: dict[str, int] = {}
    id_reused: int | None = None
    complete_until: str | None = None
    moving: bool = False
    findings: list[Finding] = []

    @property
    def faults(self) -> list[Finding]:
        """The findings that are no mere notices."""
        return [finding for finding in self.findings if not finding.notice]


def places(origins: Iterable[tuple[int, int, int]]) -> tuple[Place, ...]:
    """Origins as ranges of offsets that follow one another, ascending."""
    found: list[list[int]] = []
    for log, partition, offset in sorted(origins):
        if found and found[-1][:2] == [log, partition] and found[-1][3] >= offset:
            found[-1][3] = offset + 1
        else:
            found.append([log, partition, offset, offset + 1])
    return tuple(Place(*place) for place in found)


def said(ranges: Iterable[Place], most: int = 4) -> str:
    """Places in words: 'partition 1 offsets 5-7, 9; partition 2 offset 3'."""
    by_partition: dict[tuple[int, int], list[str]] = {}
    listed = list(ranges)
    for place in listed[:most]:
        text = str(place.first) if place.count == 1 else f"{place.first}-{place.end - 1}"
        by_partition.setdefault((place.log, place.partition), []).append(text)
    parts = [
        f"{f'log {log} ' if log else ''}partition {partition} offset{'s' if len(texts) > 1 or '-' in texts[0] else ''} "
        + ", ".join(texts)
        for (log, partition), texts in by_partition.items()
    ]
    if len(listed) > most:
        parts.append(f"and {len(listed) - most} more")
    return "; ".join(parts)
