"""What is in bronze, read from the objects themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from loginlake.bronze.envelope import decode
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.stream.log import Position


def origins(store: ObjectStore) -> list[Position]:
    """The place in the log of every line of bronze, sorted, with those that are there twice; names are checked."""
    found = []
    for entry in store.list("bronze/"):
        name = keys.parse_bronze(entry.key)
        decoded = [decode(line) for line in lines.split(lines.decode(store.get(entry.key).data))]
        assert (decoded[0].partition, decoded[0].offset) == (name.partition, name.start)
        found += [Position(line.partition, line.offset) for line in decoded]
    return sorted(found)


def wait_for(condition: Callable[[], bool], timeout_s: float = 300.0) -> None:
    """Until it is so."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        pause.wait(0.05)
