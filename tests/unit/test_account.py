"""The equations of the account, and the terms that a run of the stages does not reach: erased lines, former logs."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from fakes.event_log import FakeEventLog
from fakes.gold_store import FakeGold
from fakes.object_store import FakeStore
from hypothesis import given
from hypothesis import strategies as st

from loginlake.account import Account, count
from loginlake.lake import keys

TERMS = (
    "accepted",
    "waiting",
    "expired",
    "landed",
    "to_clean",
    "clean",
    "repeated",
    "rejected",
    "erased",
    "to_publish",
    "gold",
)
numbers = st.integers(0, 50)


def account(**terms: int) -> Account:
    zero = dict.fromkeys(("answered", *TERMS), 0)
    return Account(**{**zero, **terms}, rejected_by_reason={}, complete_until=None, moving=False, damaged=())


@given(waiting=numbers, expired=numbers, ends=st.tuples(*[numbers] * 4), to_publish=numbers, gold=numbers)
def test_it_balances_exactly_when_the_equations_hold(
    waiting: int, expired: int, ends: tuple[int, int, int, int], to_publish: int, gold: int
) -> None:
    to_clean, repeated, rejected, erased = ends
    clean = gold + to_publish
    landed = to_clean + clean + repeated + rejected + erased
    terms = {
        "accepted": landed + waiting + expired,
        "waiting": waiting,
        "expired": expired,
        "landed": landed,
        "to_clean": to_clean,
        "clean": clean,
        "repeated": repeated,
        "rejected": rejected,
        "erased": erased,
        "to_publish": to_publish,
        "gold": gold,
    }
    assert account(**terms).faults() == []
    for name in TERMS:
        for change in (1, -1):
            assert account(**{**terms, name: terms[name] + change}).faults(), f"{name} {change:+} was not seen"


def test_faults_say_both_sides() -> None:
    assert account(accepted=5, landed=3, waiting=1, clean=3, gold=3).faults() == [
        "accepted is 5, but landed + waiting + expired is 4"
    ]
    assert account(clean=2, landed=2, accepted=2, gold=1).faults() == ["clean is 2, but gold + to_publish is 1"]
    assert len(account(accepted=9, landed=5, clean=1, gold=4).faults()) == 3


def jsonl(*rows: dict[str, Any]) -> bytes:
    return gzip.compress(b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows))


class Lake:
    """A lake put together by hand: one bronze object of three lines, beside a log that has them."""

    name = keys.BronzeName("2026-11-20", 9, 0, 0, 0).key

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.log, self.store, self.gold = FakeEventLog(partitions=1), FakeStore(), FakeGold()
        for _ in lines:
            self.log.send(b"k", b"{}")
        self.store.put(self.name, jsonl(*lines))

    def count(self) -> Account:
        return count(self.log, self.store, self.gold, log_number=0, answered=7)


def bronze_line(offset: int, **more: Any) -> dict[str, Any]:
    return {"log": 0, "partition": 0, "offset": offset, "timestamp": "2026-11-20T09:00:00.000000Z", **more}


def test_erased_lines_are_counted_in_bronze_and_are_not_to_clean() -> None:
    lake = Lake([bronze_line(0, value={}), bronze_line(1, erased="r1"), bronze_line(2, value={})])
    found = lake.count()
    assert (found.landed, found.erased, found.to_clean) == (3, 1, 2)
    assert found.faults() == []


def test_a_message_that_speaks_of_erasure_is_not_erased() -> None:
    sly = {"x": '","erased":"', "erased": "r"}
    lake = Lake([bronze_line(0, key="k", headers={}, value=sly), bronze_line(1, value={"offset": 9, "erased": "r"})])
    assert lake.count().erased == 0


def test_rows_of_an_object_without_a_receipt_are_told_by_their_origins() -> None:
    lake = Lake([bronze_line(offset, value={}) for offset in range(4)])
    slot = keys.Slot("signins", "2026-11-20", 9)
    lake.store.put(keys.silver(slot), jsonl(bronze_line(0), {**bronze_line(1), "log": 7}, bronze_line(99)))
    lake.store.put(keys.repeated(slot), jsonl(bronze_line(2)))
    lake.store.put(keys.rejected(lake.name), jsonl({**bronze_line(3), "reason": "not_json"}))
    found = lake.count()
    assert (found.landed, found.to_clean, found.rejected_by_reason) == (4, 1, {"not_json": 1})


def test_the_webs_own_number_is_given_as_it_is() -> None:
    assert Lake([bronze_line(0, value={})]).count().answered == 7


def test_the_records_of_former_logs_count_as_accepted() -> None:
    lake = Lake([bronze_line(0, value={})])
    former = keys.BronzeName("2026-11-19", 9, 0, 0, 0).key
    lake.store = FakeStore()
    lake.store.put(former, jsonl(*(bronze_line(offset, value={}) for offset in range(3))))
    lake.store.put(keys.head(0, 0), b'{"log":0,"partition":0,"end":3}')
    lake.store.put(keys.BronzeName("2026-11-20", 9, 1, 0, 0).key, jsonl({**bronze_line(0, value={}), "log": 1}))
    found = count(lake.log, lake.store, lake.gold, log_number=1, answered=0)
    assert (found.accepted, found.landed, found.waiting) == (4, 4, 0)
    assert found.faults() == []


@pytest.mark.parametrize("head", [b'{"log":0,"partition":0,"end":1}', b"", None])
def test_a_former_logs_head_that_lags_or_is_lost_takes_nothing_away(head: bytes | None) -> None:
    """It is a hint: what bronze has of a former log was accepted."""
    lake = Lake([])
    lake.store.put(lake.name, jsonl(*(bronze_line(offset, value={}) for offset in range(3))))
    if head is not None:
        lake.store.put(keys.head(0, 0), head)
    found = count(lake.log, lake.store, lake.gold, log_number=1, answered=0)
    assert (found.accepted, found.landed) == (3, 3)
    assert found.faults() == []


def test_a_former_logs_last_object_that_is_gone_is_seen() -> None:
    lake = Lake([])
    lake.store.put(lake.name, jsonl(*(bronze_line(offset, value={}) for offset in range(3))))
    lake.store.put(keys.head(0, 0), b'{"log":0,"partition":0,"end":5}')
    found = count(lake.log, lake.store, lake.gold, log_number=1, answered=0)
    assert found.faults() == ["accepted is 5, but landed + waiting + expired is 3"]


def test_expired_records_are_neither_waiting_nor_landed() -> None:
    lake = Lake([bronze_line(0, value={})])
    for _ in range(4):
        lake.log.send(b"k", b"{}")
    lake.store.put(keys.expired(0, 0, 1), b'{"log":0,"partition":0,"from":1,"to":4}')
    found = lake.count()
    assert (found.accepted, found.landed, found.expired, found.waiting) == (5, 1, 3, 1)
    assert found.faults() == []


def test_what_is_written_while_counting_is_said() -> None:
    lake = Lake([bronze_line(0, value={})])
    assert not lake.count().moving

    def write() -> None:
        if lake.store.calls[-1][0] == "get":
            lake.log.send(b"k", b"{}")

    lake.store.on_call = write
    assert lake.count().moving


def test_what_waits_in_the_spool_is_accepted_and_waiting() -> None:
    found = count(FakeEventLog(1), FakeStore(), FakeGold(), log_number=0, answered=3, spooled=lambda: 3)
    assert (found.accepted, found.waiting, found.landed) == (3, 3, 0)
    assert found.faults() == []
    assert not found.moving


def test_a_spool_that_empties_meanwhile_is_seen_to_move() -> None:
    left = iter([3, 1])
    assert count(FakeEventLog(1), FakeStore(), FakeGold(), log_number=0, answered=0, spooled=lambda: next(left)).moving
