"""The chain of a partition: gaps, overlaps and ends, each named with its offsets."""

from __future__ import annotations

from collections.abc import Mapping

from loginlake.audit import chain
from loginlake.audit.chain import Around, Chains, HasRecord
from loginlake.audit.finding import Place
from loginlake.audit.objects import Facts
from loginlake.bronze.tip import Expired, Head
from loginlake.lake import keys
from loginlake.stream.log import Range


def key(start: int, partition: int = 0) -> str:
    return keys.BronzeName("2026-11-20", 9, 0, partition, start).key


def checked(
    *objects: tuple[int, int | None],
    ranges: Mapping[int, Range] | None = None,
    head: int = 0,
    expired: tuple[tuple[int, int], ...] = (),
    lost: tuple[str, ...] = (),
    has_record: HasRecord | None = None,
) -> Chains:
    facts = [Facts(key(start), end) for start, end in objects]
    around = Around(
        heads=[Head(0, 0, head, None, None)] if head else [],
        expired=[Expired(0, 0, start, to) for start, to in expired],
        log=0,
        ranges=ranges or {},
        lost=lost,
        named=frozenset(),
    )
    return chain.check(facts, around, has_record)


def faults(chains: Chains) -> list[tuple[str, str, tuple[Place, ...]]]:
    return [(found.fault, found.where, found.places) for found in chains.findings]


def test_a_whole_chain_has_nothing_wrong() -> None:
    chains = checked((0, 4), (4, 9), head=9, ranges={0: Range(0, 12), 1: Range(0, 0)})
    assert (faults(chains), chains.ends, chains.gaps) == ([], {(0, 0): 9, (0, 1): 0}, 0)


def test_a_gap_without_legal_gaps_is_named_by_its_offsets() -> None:
    assert faults(checked((0, 4), (6, 9))) == [("offsets_missing", key(0), (Place(0, 0, 4, 6),))]


def test_a_gap_that_the_log_has_no_record_in_is_legal() -> None:
    asked: list[Place] = []

    def nothing(place: Place) -> bool:
        asked.append(place)
        return False

    chains = checked((2, 4), (6, 9), has_record=nothing)
    assert (faults(chains), chains.gaps) == ([], 4)
    assert asked == [Place(0, 0, 0, 2), Place(0, 0, 4, 6)]


def test_a_gap_that_the_log_has_a_record_in_is_a_loss() -> None:
    chains = checked((0, 4), (6, 9), has_record=lambda _: True)
    assert [fault for fault, _, _ in faults(chains)] == ["offsets_missing"]


def test_expired_records_are_no_gap() -> None:
    assert faults(checked((0, 4), (6, 9), expired=((4, 6),))) == []


def test_an_overlap_is_named() -> None:
    assert faults(checked((0, 5), (4, 9))) == [("offsets_twice", key(4), (Place(0, 0, 4, 5),))]


def test_lost_objects_are_named_each_with_its_own_offsets() -> None:
    found = faults(checked((0, 4), (9, 12), lost=(key(4), key(6))))
    assert found == [
        ("object_lost", key(4), (Place(0, 0, 4, 6),)),
        ("object_lost", key(6), (Place(0, 0, 6, 9),)),
    ]


def test_the_last_object_is_missed_by_the_head() -> None:
    assert faults(checked((0, 4), head=9, lost=(key(4),))) == [("object_lost", key(4), (Place(0, 0, 4, 9),))]


def test_an_object_that_cannot_be_read_makes_its_offsets_unknown() -> None:
    chains = checked((0, 4), (4, None), (9, 12))
    assert (faults(chains), chains.unknown) == ([], [Place(0, 0, 4, 9)])


def test_a_log_that_lost_its_end_is_named() -> None:
    found = faults(checked((0, 9), ranges={0: Range(0, 7)}))
    assert found == [("log_lost_its_end", key(0), (Place(0, 0, 7, 9),))]


def test_what_expired_before_it_was_landed_is_named() -> None:
    found = faults(checked((0, 4), ranges={0: Range(6, 9)}))
    assert found == [("expired_unlanded", keys.head(0, 0), (Place(0, 0, 4, 6),))]
