"""When a batch closes, each rotation with its reason."""

from __future__ import annotations

import pytest

from loginlake.bronze.batch import Batch, BatchLimits, closes_after, closes_before, closes_by_age, run_of, seconds_left
from loginlake.stream.log import Record

HOUR_MS = 3_600_000
LIMITS = BatchLimits(records=3, bytes=10, age_s=2.0)


def record(offset: int, at_ms: int = 0, value: bytes | None = b"x") -> Record:
    return Record(0, offset, at_ms, None, value, ())


def batch_of(*records: Record, now: float = 0.0) -> Batch:
    batch = Batch.opened_by(records[0], now)
    for each in records:
        batch.add([each], [b"%d" % each.offset])
    return batch


def test_a_batch_closes_by_count() -> None:
    assert closes_after(batch_of(record(0), record(1)), LIMITS) is None
    assert closes_after(batch_of(record(0), record(1), record(2)), LIMITS) == "records"


def test_a_batch_closes_by_bytes_of_values() -> None:
    assert closes_after(batch_of(record(0, value=b"123456789")), LIMITS) is None
    assert closes_after(batch_of(record(0, value=b"123456789"), record(1)), LIMITS) == "bytes"
    assert closes_after(batch_of(record(0, value=None)), LIMITS) is None


def test_a_batch_closes_by_age_of_its_first_record() -> None:
    batch = batch_of(record(0), record(1), now=100.0)
    assert closes_by_age(batch, LIMITS, 101.9) is None
    assert closes_by_age(batch, LIMITS, 102.0) == "age"


@pytest.mark.parametrize("at_ms", [HOUR_MS, 25 * HOUR_MS, 5 * HOUR_MS - 1])
def test_a_batch_closes_where_the_hour_changes(at_ms: int) -> None:
    assert closes_before(batch_of(record(0, HOUR_MS - 1)), record(1, at_ms)) == "hour"
    assert closes_before(batch_of(record(0, HOUR_MS)), record(1, 2 * HOUR_MS - 1)) is None


def test_the_wait_is_until_the_oldest_batch_closes() -> None:
    old, young = batch_of(record(0), now=10.0), batch_of(record(0), now=11.0)
    assert seconds_left([young, old], LIMITS, 11.5, 5.0) == 0.5
    assert seconds_left([old], LIMITS, 13.0, 5.0) == 0.0
    assert seconds_left([young], LIMITS, 11.0, 0.5) == 0.5
    assert seconds_left([], LIMITS, 11.0, 0.5) == 0.5


def test_the_rest_of_a_batch_begins_at_its_first_record_from_an_offset_on() -> None:
    batch = batch_of(record(5), record(6), record(9))
    assert batch.since(3) is batch
    rest = batch.since(7)
    assert rest is not None
    assert (rest.start, rest.offsets, rest.lines, rest.end) == (9, [9], [b"9"], 10)
    assert batch.since(10) is None


def test_the_name_says_hour_and_first_offset() -> None:
    batch = batch_of(record(120, 1_764_010_841_464))
    assert batch.key(2) == ("bronze/signins/date=2025-11-24/hour=19/log=2/partition=0/00000000000000000120.jsonl.gz")


def run(*records: Record, batch: Batch | None = None) -> list[int]:
    taken = run_of(records, 0, batch or Batch.opened_by(records[0], 0.0), LIMITS)
    return [each.offset for each in taken]


def test_a_run_ends_at_the_limits() -> None:
    assert run(*(record(offset) for offset in range(5))) == [0, 1, 2]
    assert run(record(1), record(2), record(3), batch=batch_of(record(0))) == [1, 2]
    assert run(record(0, value=b"12345"), record(1, value=b"12345"), record(2)) == [0, 1]
    assert run(record(0, value=b"x" * 50), record(1)) == [0]


def test_a_run_ends_at_a_gap_an_hour_and_another_partition() -> None:
    assert run(record(7), record(8), record(10)) == [7, 8]
    assert run(record(0, HOUR_MS - 1), record(1, HOUR_MS)) == [0]
    assert run(record(0), Record(1, 1, 0, None, b"x", ())) == [0]
