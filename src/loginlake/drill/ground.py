"""The ground of a drill: a folder of its own, made-up sign-ins, the stages on the embedded stores, and the timeline.

The settings of whoever calls play no part: a drill touches no log, lake or gold but its own.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from pydantic import SecretStr

from loginlake import demo, wiring
from loginlake.bronze.batch import BatchLimits
from loginlake.bronze.land import Lander, LandReport
from loginlake.event import HEADERS
from loginlake.gold.store import GoldStore
from loginlake.lake.manifest import Lake
from loginlake.lake.store import ObjectStore
from loginlake.settings import Settings
from loginlake.silver.reasons import Rules
from loginlake.stream.embedded import EmbeddedLog, Limits
from loginlake.stream.log import EventLog, Position

Message = tuple[bytes | None, bytes | None]
APPLICATION = "https://drill.example"
PATIENCE_S = 60.0
_OBJECTS = 20
_DAYS = 3
_MESSAGES_A_PERSON = 0.5
_RATES = demo.Rates(repeats=0.05, nulls=0.03, broken=0.02, refusals=0.03)
# Whoever was killed is given up soon: a drill should not take long.
LIMITS = Limits(member_timeout_s=0.5, busy_timeout_s=5.0)


def settings_in(data: Path) -> Settings:
    """The default settings with this data folder; no environment, no .env."""
    return Settings.model_construct(data=data, secret=SecretStr("the key of a drill, and of nothing else"))


def embedded_log(data: Path) -> EmbeddedLog:
    """The log of a drill's folder."""
    return EmbeddedLog(data / "log.db", partitions=4, limits=LIMITS, max_message_bytes=16 * 1024 * 1024)


def lander(log: EventLog, store: ObjectStore, objects_of: int, clock: Callable[[], int] | None = None) -> Lander:
    """A lander of objects that are small, so that there are many."""
    limits = BatchLimits(records=objects_of, bytes=16 * 1024 * 1024, age_s=PATIENCE_S)
    lake = Lake(store, rules=Rules.VERSION)
    if clock is None:
        return Lander(log, lake, limits, first_pause_s=0.05)
    return Lander(log, lake, limits, clock=clock, first_pause_s=0.05)


class Ground:
    """One drill's folder and what happened there."""

    def __init__(self, data: Path, *, seed: int, size: int, tell: Callable[[str], None]) -> None:
        """`size`: about how many messages; `tell` prints a line of the timeline."""
        self.data, self.size = data, size
        self.settings = settings_in(data)
        self.rng = random.Random(seed)  # noqa: S311 - to play with, not to protect
        self.accepted: list[bytes | None] = []
        self._seed, self._tell, self._start = seed, tell, time.monotonic()
        self.log = embedded_log(data)
        self.store = wiring.open_lake(self.settings)

    def say(self, words: str) -> None:
        """A line of the timeline."""
        self._tell(f"{time.monotonic() - self._start:6.2f} s  {words}")

    @property
    def objects_of(self) -> int:
        """How many records close a bronze object."""
        return max(1, self.size // _OBJECTS)

    def messages(self, number: int | None = None) -> list[Message]:
        """Made-up messages of the last days: sign-ins, refusals, repeats, nulls and broken lines.

        Up to midnight, so that a seed makes the same ones all day long.
        """
        wanted = self.size if number is None else number
        made = demo.messages(
            people=int(wanted / _MESSAGES_A_PERSON) + 20,
            days=_DAYS,
            seed=self._seed,
            until=datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0),
            source=APPLICATION,
            photo_base=f"{APPLICATION}/people/",
            rates=_RATES,
        )
        return list(islice(made, wanted))

    def send(self, messages: Iterable[Message], log: EventLog | None = None) -> list[Position]:
        """Send, and remember what was accepted; where it is. What is refused is the sender's to send again."""
        into = log or self.log
        sent: list[tuple[bytes | None, Future[Position]]] = [
            (value, into.send(key, value, HEADERS)) for key, value in messages
        ]
        positions = []
        for value, future in sent:
            positions.append(future.result(PATIENCE_S))
            self.accepted.append(value)
        return positions

    def land(self, store: ObjectStore | None = None) -> LandReport:
        """Land what is in the log."""
        return lander(self.log, store or self.store, self.objects_of).run(threading.Event(), once=True)

    def clean(self, store: ObjectStore | None = None) -> int:
        """Clean what was landed; how many lines."""
        return wiring.clean_step(self.settings, store or self.store).run().lines

    def publish(self, store: ObjectStore | None = None, gold: GoldStore | None = None) -> int:
        """Publish what was cleaned; how many days."""
        if gold is not None:
            return wiring.publish_step(store or self.store, gold).run().days
        with closing(wiring.open_gold(self.settings)) as own:
            return wiring.publish_step(store or self.store, own).run().days

    def finish(self) -> None:
        """Every stage once more, undisturbed."""
        landed, cleaned, published = self.land().records, self.clean(), self.publish()
        self.say(f"every stage once more: {landed:,} landed, {cleaned:,} cleaned, {published} days published")

    def close(self) -> None:
        """Let go of the log."""
        self.log.close()


def share(messages: Sequence[Message], number: int, of: int) -> Sequence[Message]:
    """A part of the messages, in order: the `number`-th of `of` equal ones."""
    size = -(-len(messages) // of)
    return messages[number * size : (number + 1) * size]
