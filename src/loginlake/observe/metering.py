"""Metrics of a stage that runs alone: counted and served where a port is set, nothing at all where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loginlake.gold.store import GoldStore
from loginlake.lake.store import ObjectStore
from loginlake.schedule import Step
from loginlake.stream.log import EventLog

if TYPE_CHECKING:
    from loginlake.observe.meter import Meter


class Unmetered:
    """Counts nothing."""

    def store(self, store: ObjectStore) -> ObjectStore:
        """The store, its writes counted."""
        return store

    def step(self, step: Step[Any]) -> Step[Any]:
        """The step, its passes counted."""
        return step

    def landed(self, records: int) -> None:
        """An object of bronze was written."""


class Metered(Unmetered):
    """Counts with a meter."""

    def __init__(self, meter: Meter) -> None:
        """The meter holds the counts."""
        self._meter = meter

    def store(self, store: ObjectStore) -> ObjectStore:
        """The store, its writes counted."""
        from loginlake.observe.metered import MeteredStore

        return MeteredStore(store, self._meter)

    def step(self, step: Step[Any]) -> Step[Any]:
        """The step, its passes counted."""
        return self._meter.step(step)

    def landed(self, records: int) -> None:
        """An object of bronze was written."""
        self._meter.landed(records)


@contextmanager
def metered(
    address: tuple[str, int],
    stage: str,
    *,
    log: EventLog | None = None,
    store: ObjectStore | None = None,
    gold: GoldStore | None = None,
) -> Iterator[Unmetered]:
    """Serve the stage's metrics, and what its systems say, at an address (port 0: not at all) while the block runs."""
    host, port = address
    if not port:
        yield Unmetered()
        return
    from loginlake.observe.meter import Meter
    from loginlake.observe.server import StageUp, serving
    from loginlake.observe.state import PathState

    meter = Meter()
    state = PathState(log=log, store=store, gold=gold)
    with serving(host, port, [StageUp({stage: True}), meter.registry, state]):
        yield Metered(meter)
