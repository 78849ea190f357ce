from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loginlake.stream.partitioner import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "signed"),
    [  # the vectors of Kafka's own UtilsTest
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF


def test_the_sign_bit_is_dropped_as_kafka_drops_it() -> None:
    assert partition_of(b"21", 3) == (-973932308 & 0x7FFFFFFF) % 3 == 0


@given(st.binary(), st.integers(1, 1024))
def test_every_key_has_a_partition(key: bytes, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions
