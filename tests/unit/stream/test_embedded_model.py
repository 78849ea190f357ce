"""The embedded log against a model of it: any order of appends, clock jumps, restarts, commits and retention."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.log import Range
from loginlake.stream.partitioner import partition_of

PARTITIONS = 2
Row = tuple[int, bytes | None, bytes | None]


class LogModel(RuleBasedStateMachine):
    """Rows a partition, what is gone, and what each group has landed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1_000
        self.rows: list[list[Row]] = [[] for _ in range(PARTITIONS)]
        self.begins = [0] * PARTITIONS
        self.commits: dict[str, dict[int, int]] = {}
        self.log = self.open()
        self.identity = self.log.identity()

    def open(self) -> EmbeddedLog:
        return EmbeddedLog(Path(self.folder.name) / "log.db", partitions=PARTITIONS, clock=lambda: self.now)

    @rule(by=st.integers(-5_000, 5_000))
    def clock_jumps(self, by: int) -> None:
        self.now += by

    @rule(keys=st.lists(st.sampled_from([b"a", b"b", b"c", b""]), max_size=8), value=st.none() | st.binary(max_size=9))
    def append(self, keys: list[bytes], value: bytes | None) -> None:
        futures = [(key, self.log.send(key, value)) for key in keys]
        for key, future in futures:
            partition, offset = future.result(30)
            rows = self.rows[partition]
            assert partition == partition_of(key, PARTITIONS)
            assert offset == len(rows)
            rows.append((max(self.now, rows[-1][0] if rows else 0), key, value))

    @rule(group=st.sampled_from(["land", "other"]), share=st.floats(0, 1))
    def land(self, group: str, share: float) -> None:
        reader = self.log.subscribe(group, lambda partition: self.begins[partition])
        seen = {(r.partition, r.offset): (r.timestamp_ms, r.key, r.value) for r in reader.poll(10_000, 0.0)}
        assert seen == {
            (partition, offset): self.rows[partition][offset]
            for partition in range(PARTITIONS)
            for offset in range(self.begins[partition], len(self.rows[partition]))
        }
        ends = {partition: int(share * len(rows)) for partition, rows in enumerate(self.rows)}
        reader.commit(ends)
        self.commits[group] = ends
        reader.close()

    @rule(back=st.integers(-3_000, 3_000))
    def trim(self, back: int) -> None:
        before = self.now - back
        dropped = 0
        for partition, rows in enumerate(self.rows):
            old = sum(stamp < before for stamp, _, _ in rows)
            floor = min((ends[partition] for ends in self.commits.values()), default=0)
            begin = max(self.begins[partition], min(old, floor))
            dropped += begin - self.begins[partition]
            self.begins[partition] = begin
        assert self.log.trim(before) == dropped

    @rule(partition=st.integers(0, PARTITIONS - 1), offset=st.integers(0, 30))
    def expire(self, partition: int, offset: int) -> None:
        self.log.delete_before(partition, offset)
        self.begins[partition] = max(self.begins[partition], min(offset, len(self.rows[partition])))

    @rule()
    def restart(self) -> None:
        self.log.close()
        self.log = self.open()

    @invariant()
    def ranges_and_commits_agree(self) -> None:
        assert self.log.identity() == self.identity
        assert self.log.ranges() == {p: Range(self.begins[p], len(self.rows[p])) for p in range(PARTITIONS)}
        for group, ends in self.commits.items():
            assert self.log.committed(group) == ends

    def teardown(self) -> None:
        self.log.close()
        self.folder.cleanup()


TestLogModel = LogModel.TestCase
TestLogModel.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
