"""Many hours at once: in what portions, under which locks, and what a conflict or a failure leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.object_store import FakeStore, Killed
from fakes.silver_messages import RULES, SECRET, line, origins, rows, signin, value

from loginlake.errors import Conflict, Unavailable
from loginlake.lake import keys, lines
from loginlake.lake.by_url import open_store
from loginlake.lake.store import ObjectStore
from loginlake.silver import merger as module
from loginlake.silver.check import Checker
from loginlake.silver.merger import Counts, Merger
from loginlake.silver.rows import RejectedRow, Rows, SilverRow

CHECKER = Checker(RULES, lambda _date: 1)


def hours(count: int, start: int = 0, of: int = 3) -> dict[keys.Slot, Rows]:
    """Rows for each of the first hours of a month: the last one repeats the first one."""
    made: dict[keys.Slot, Rows] = {}
    for hour in range(count):
        day, at = f"2026-11-{1 + hour // 24:02d}", hour % 24
        found: list[SilverRow] = []
        for offset in range(start, start + of):
            event = signin(id=f"e{offset % (of - 1)}", time=f"{day}T{at:02d}:00:00Z")
            row = CHECKER.reference(line(value(event), hour * 1000 + offset))
            assert row is not None
            assert not isinstance(row, RejectedRow)
            found.append(row)
        made[keys.Slot("signins", day, at)] = Rows.of(found)
    return made


class Locks(FakeStore):
    """Says which locks were held, at most at once and in which order they were taken."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[str] = []
        self.taken: list[str] = []
        self.most = 0

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        assert name not in self.held
        assert self.held == sorted(self.held)
        assert not self.held or name > self.held[-1], "a lock out of order may wait in a circle"
        self.held.append(name)
        self.taken.append(name)
        self.most = max(self.most, len(self.held))
        try:
            yield
        finally:
            self.held.remove(name)

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        assert key.replace("repeated/", "silver/signins/") in self.held
        super().replace(key, data, expected)


def merge(store: ObjectStore, work: dict[keys.Slot, Rows], together: int = 128) -> list[Counts]:
    waiting = dict(work)
    done = list(Merger(store, SECRET, together=together).merge(list(waiting), waiting.pop))
    assert waiting == {}
    return done


@pytest.mark.parametrize("together", [1, 7, 20, 128])
def test_hours_are_merged_under_few_locks_in_order(together: int) -> None:
    store, work = Locks(), hours(45)
    assert merge(store, dict(reversed(work.items())), together) == [Counts(2, 1)] * 45
    assert store.most == min(together, 45)
    assert store.taken == [keys.silver(slot) for slot in work]
    assert store.held == []
    alone = FakeStore()
    for slot, new in work.items():
        merge(alone, {slot: new})
    assert store.content() == alone.content()


def test_rows_bound_how_many_hours_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER_ROWS", 30)
    store = Locks()
    merge(store, hours(40))
    assert store.most <= 30 / 3 + module.WAITERS
    again = Locks()
    again.objects = store.objects
    merge(again, hours(40, start=3))
    assert again.most == module.WAITERS, "stored rows count, too"


def test_a_conflict_merges_that_hour_alone_again() -> None:
    store, work = FakeStore(), hours(12)
    contested = sorted(work)[5]
    other = hours(12, start=900)
    plain_replace = store.replace
    reads: list[int] = []

    def replace(key: str, data: bytes, expected: str | None) -> None:
        if key == keys.silver(contested) and not reads:
            reads.append(len(store.calls))
            merge(store, {contested: other[contested]})
        plain_replace(key, data, expected)

    store.replace = replace  # type: ignore[method-assign]
    merge(store, work)
    alone = FakeStore()
    merge(alone, work)
    merge(alone, {contested: other[contested]})
    assert {key: lines.decode(data) for key, data in store.content().items()} == {
        key: lines.decode(data) for key, data in alone.content().items()
    }


def test_conflicts_without_end_name_the_hour() -> None:
    store = FakeStore()

    def replace(key: str, data: bytes, expected: str | None) -> None:
        raise Conflict("always")

    store.replace = replace  # type: ignore[method-assign]
    with pytest.raises(Conflict, match="hour=00"):
        merge(store, hours(1))


@pytest.mark.parametrize("how", ["before", "after", "kill", "kill-after"])
def test_a_failure_at_any_call_lets_go_of_every_lock(how: str) -> None:
    whole = FakeStore()
    merge(whole, hours(9))
    for nth in range(60):
        store = Locks()
        store.fail_at(nth, how)  # type: ignore[arg-type]
        try:
            merge(store, hours(9), together=5)
        except (Unavailable, Killed):
            assert store.held == []
            store.heal()
            merge(store, hours(9))
            assert store.content() == whole.content()
        else:
            assert nth > 30
            return
    raise AssertionError("it never ended")


def test_repeats_are_written_before_what_they_repeat_is_taken_out_of_silver() -> None:
    store = FakeStore()
    merge(store, hours(9))
    writes = [name for call, name in store.calls if call == "replace"]
    for slot in hours(9):
        assert writes.index(keys.repeated(slot)) < writes.index(keys.silver(slot))


@pytest.mark.parametrize("damage", [b"", b"no gzip", lines.encode([b"x"])])
@pytest.mark.parametrize("name", [keys.silver, keys.repeated])
def test_a_damaged_hour_is_named_and_left_and_the_others_go_on(
    name: Callable[[keys.Slot], str], damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    store, work = Locks(), hours(3)
    slot = sorted(work)[1]
    store.put(name(slot), damage)
    merger = Merger(store, SECRET)
    assert list(merger.merge(list(work), work.pop)) == [Counts(2, 1)] * 2
    assert store.held == []
    [(found, error)] = merger.damaged.items()
    assert (found, error.key, store.get(name(slot)).data) == (slot, name(slot), damage)
    assert f"{name(slot)} cannot be read" in caplog.text
    assert f"loginlake rebuild silver --from {slot.date} --to {slot.date}" in caplog.text


def test_an_hour_that_is_damaged_while_it_is_merged_is_left() -> None:
    store, work = FakeStore(), hours(2)
    slot = min(work)
    plain_replace = store.replace

    def replace(key: str, data: bytes, expected: str | None) -> None:
        if key == keys.silver(slot):
            store.put(key, b"cut")
        plain_replace(key, data, expected)

    store.replace = replace  # type: ignore[method-assign]
    merger = Merger(store, SECRET)
    assert list(merger.merge(list(work), work.pop)) == [Counts(2, 1)]
    assert list(merger.damaged) == [slot]


def test_mergers_at_once_wait_for_each_other_and_lose_nothing(tmp_path: Path) -> None:
    """Three of them, each with a store of its own as a process has, over the same hours in portions of their own."""
    works = [hours(60, start=100 * number) for number in range(3)]
    failures: list[BaseException] = []
    begin = threading.Barrier(3)

    def work(number: int) -> None:
        try:
            begin.wait()
            merge(open_store(f"file:{tmp_path / 'lake'}"), works[number], together=(5, 16, 128)[number])
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    store, alone = open_store(f"file:{tmp_path / 'lake'}"), FakeStore()
    for each in works:
        merge(alone, each)
    for prefix in ("silver/", "repeated/"):
        assert rows(store, prefix) == rows(alone, prefix)
    assert len(origins(rows(store, "silver/")) + origins(rows(store, "repeated/"))) == 60 * 9
