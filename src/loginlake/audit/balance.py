"""The account, from terms that were each counted where they happen, and the states that must agree. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loginlake.account import Account
from loginlake.audit.answers import Gold
from loginlake.audit.chain import Chains
from loginlake.audit.finding import Finding, Place, said
from loginlake.audit.listing import Listing
from loginlake.audit.objects import Facts
from loginlake.lake import keys
from loginlake.stream.log import Range
from loginlake.stream.spool_check import SpoolCount


@dataclass(frozen=True, slots=True)
class Terms:
    """What was counted. `clean`: rows of silver by hour; `placed`: rows of unsettled objects in silver or repeated."""

    facts: Sequence[Facts]
    clean: Mapping[keys.Slot, int]
    repeated: int
    placed: int
    gold: Gold
    listing: Listing
    ranges: Mapping[int, Range]
    chains: Chains
    log: int
    answered: int | None
    open_days: frozenset[str]
    spooled: int


def account(terms: Terms) -> tuple[dict[str, int], dict[str, int]]:
    """The terms by name, and the rejected by reason."""
    unsettled = [facts for facts in terms.facts if not facts.settled]
    reasons: Counter[str] = Counter()
    for facts in terms.facts:
        if facts.settled:
            reasons.update(facts.rejected)
    by_day: Counter[str] = Counter()
    for slot, count in terms.clean.items():
        by_day[slot.date] += count
    in_gold = _in_gold(terms.gold)
    ends = terms.chains.ends
    former = sum(end for (log, _), end in ends.items() if log != terms.log)
    to_clean = sum(facts.lines - facts.erased - facts.rejected_stored for facts in unsettled) - terms.placed
    found = {
        "answered": terms.answered or 0,
        "accepted": former + sum(extent.end for extent in terms.ranges.values()) - terms.chains.gaps + terms.spooled,
        "waiting": terms.spooled
        + sum(
            max(0, extent.end - max(ends.get((terms.log, number), 0), extent.begin))
            for number, extent in terms.ranges.items()
        ),
        "expired": sum(outcome.to - outcome.start for outcome in terms.listing.expired),
        "landed": sum(facts.lines for facts in terms.facts),
        "to_clean": to_clean,
        "clean": by_day.total(),
        "repeated": terms.repeated,
        "rejected": sum(facts.rejected_stored for facts in terms.facts),
        "erased": sum(facts.erased for facts in terms.facts),
        "to_publish": sum(max(0, by_day[day] - in_gold[day]) for day in terms.listing.dirty),
        "gold": in_gold.total(),
    }
    return found, dict(sorted(reasons.items()))


def faults(found: Mapping[str, int]) -> list[Finding]:
    """The equations that do not hold although nothing else is wrong."""
    whole = Account(**found, rejected_by_reason={}, complete_until=None, moving=False, damaged=())
    move = "Audit again with --deep; if it stays, the terms themselves are wrong: tell the maintainers."
    return [Finding(fault="account", where="account", what=f"{text}.", next_move=move) for text in whole.faults()]


def states(terms: Terms, committed: Mapping[int, int]) -> list[Finding]:
    """What must agree besides: counts by day, watermarks, the work list, the group's offsets."""
    return [*_days(terms), *_watermarks(terms), *_work_list(terms), *_group(terms, committed), *_strange(terms)]


def _strange(terms: Terms) -> list[Finding]:
    """What no stage wrote is nobody's sign-in: worth a look, no more."""
    what = "No stage gives an object this name; it is not read."
    move = "Find out who writes in the lake, and remove it."
    return [
        Finding(fault="strange_object", where=key, what=what, next_move=move, notice=True)
        for key in terms.listing.strange
    ]


def spools(counted: Sequence[SpoolCount], unreadable: Sequence[str]) -> list[Finding]:
    """A spool holds what it says; one that cannot be read is named, not guessed."""
    findings = []
    for spool in counted:
        if not spool.whole:
            what = (
                f"It says {spool.said:,} entries of {spool.said_bytes:,} bytes; "
                f"{spool.there:,} of {spool.there_bytes:,} are there."
            )
            move = "Sign-ins that were answered are gone from it: restore the file from a copy, beside the others."
            findings.append(Finding(fault="spool_differs", where=f"spool/{spool.name}", what=what, next_move=move))
    for name in unreadable:
        what, move = "It cannot be read, and is not counted.", "Look at the disk and at the rights of its file."
        findings.append(Finding(fault="spool_unreadable", where=f"spool/{name}", what=what, next_move=move))
    return findings


def _in_gold(gold: Gold) -> Counter[str]:
    return Counter({day: found["signins"] + found["refusals"] for day, found in gold.by_day.items()})


def _days(terms: Terms) -> list[Finding]:
    """A day's rows in silver beside its count in gold: cheap, so it is done for every day."""
    by_day: Counter[str] = Counter()
    for slot, count in terms.clean.items():
        by_day[slot.date] += count
    in_gold, findings = _in_gold(terms.gold), []
    in_scope = {slot.date for slot in terms.clean} | (in_gold.keys() if terms.chains.ends else set())
    for day in sorted(in_scope - terms.open_days):
        if by_day[day] != in_gold[day]:
            what = f"{day} has {by_day[day]} rows in silver and {in_gold[day]} in gold, and is not on publish's list."
            move = f"loginlake rebuild gold --from {day} --to {day}"
            findings.append(Finding(fault="day_count", where=f"rows day:{day}", what=what, next_move=move, date=day))
    return findings


def _watermarks(terms: Terms) -> list[Finding]:
    findings = []
    landed = [head.complete_until for head in terms.listing.heads if head.log == terms.log]
    cleaned, published = terms.listing.cleaned_until, terms.gold.complete_until
    if cleaned is not None and None not in landed and cleaned > min((at for at in landed if at), default="~"):
        what = f"Clean says complete until {cleaned}, but a partition has landed less."
        move = "Land and clean once: loginlake land --once; loginlake clean --once."
        findings.append(Finding(fault="watermark", where=keys.CLEAN_WATERMARK, what=what, next_move=move))
    if published is not None and (cleaned is None or published > cleaned):
        what = f"Gold says complete until {published}, but clean only {cleaned or 'nothing'}."
        findings.append(
            Finding(fault="watermark", where="pointer", what=what, next_move="loginlake clean --once; publish --once.")
        )
    return findings


def _work_list(terms: Terms) -> list[Finding]:
    """An object without a receipt must be on the work list, or no cleaner ever looks at it."""
    findings = []
    for facts in terms.facts:
        if facts.settled or facts.key in terms.listing.todo:
            continue
        name = keys.parse_bronze(facts.key)
        place = Place(name.log, name.partition, name.start, facts.end or name.start + 1)
        what = f"It has no receipt and is on no work list: clean will never see {said([place])}."
        move = f"loginlake rejected replay --object {facts.key}"
        findings.append(
            Finding(
                fault="not_on_list",
                where=facts.key,
                what=what,
                next_move=move,
                places=(place,),
                date=name.date,
                hour=name.hour,
            )
        )
    return findings


def _group(terms: Terms, committed: Mapping[int, int]) -> list[Finding]:
    findings = []
    for partition, offset in sorted(committed.items()):
        end = terms.chains.ends.get((terms.log, partition))
        if end is None or offset == end:
            continue
        place = Place(terms.log, partition, min(offset, end), max(offset, end))
        if offset > end:
            what = f"The group's offset is {offset}, past the end of bronze, {end}: {said([place])} not landed."
            move = "Harmless to landing, which starts at the end of bronze: loginlake land --once."
        else:
            what = f"The group's offset is {offset}, bronze ends at {end}: rewound, or not told yet."
            move = "Harmless: landing starts at the end of bronze. loginlake land tells it anew."
        findings.append(
            Finding(
                fault="group_ahead" if offset > end else "group_behind",
                where=f"group, partition {partition}",
                what=what,
                next_move=move,
                places=(place,),
                notice=offset < end,
            )
        )
    return findings
