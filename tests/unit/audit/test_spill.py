"""Records in buckets: nothing is lost, in memory or past the limit."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from loginlake.audit.finding import Place, places, said
from loginlake.audit.spill import Spill

KIND = np.dtype([("owner", "<u4"), ("number", "<i8")])


@pytest.mark.parametrize("held", [0, 100, 1 << 20])
def test_every_record_comes_back_in_the_bucket_of_its_owner(held: int) -> None:
    random = np.random.default_rng(7)
    records = np.zeros(1_000, KIND)
    records["owner"], records["number"] = random.integers(0, 50, 1_000), np.arange(1_000)
    with Spill(KIND, 8, held) as spill:
        for part in np.array_split(records, 13):
            spill.add(part, part["owner"])
        found = [spill.take(number) for number in range(spill.buckets)]
    assert all((part["owner"] % 8 == number).all() for number, part in enumerate(found))
    assert np.array_equal(np.sort(np.concatenate(found), order="number"), records)


def test_past_the_limit_one_file_is_open_whatever_the_number_of_buckets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[IO[bytes]] = []

    def opening() -> IO[bytes]:
        opened.append(real(dir=tmp_path))
        return opened[-1]

    real = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", opening)
    with Spill(KIND, 512, 0) as spill:
        spill.add(np.zeros(2_000, KIND), np.arange(2_000))
        spill.add(np.ones(2_000, KIND), np.arange(2_000))
        assert [file.closed for file in opened] == [False]
        assert sorted(spill.take(511)["number"].tolist()) == [0] * 3 + [1] * 3
    assert [file.closed for file in opened] == [True]
    assert not list(tmp_path.iterdir())


def test_a_bucket_is_taken_once() -> None:
    with Spill(KIND, 2) as spill:
        spill.add(np.ones(3, KIND), np.ones(3, np.uint32))
        assert [len(spill.take(1)), len(spill.take(1)), len(spill.take(0))] == [3, 0, 0]


def test_origins_are_said_as_ranges() -> None:
    found = places([(0, 1, 7), (0, 1, 5), (0, 1, 6), (0, 1, 9), (1, 0, 3), (0, 1, 9)])
    assert found == (Place(0, 1, 5, 8), Place(0, 1, 9, 10), Place(1, 0, 3, 4))
    assert said(found) == "partition 1 offsets 5-7, 9; log 1 partition 0 offset 3"
    assert said(found, most=1) == "partition 1 offsets 5-7; and 2 more"
