"""Drills of what arrives: clocks that jump, messages that come again and again, lines that are poison."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

from loginlake.drill.ground import LIMITS, Ground, Message, lander, share
from loginlake.errors import Unavailable
from loginlake.event import rfc3339
from loginlake.stream.embedded import EmbeddedLog

_JUMPS = (
    ("an hour and a half ahead", timedelta(minutes=90)),
    ("back by two minutes", timedelta(minutes=-2)),
    ("back by two hours, before it began", timedelta(hours=-2)),
    ("ahead to the next day", timedelta(hours=26)),
)


class _Clock:
    """A clock that jumps."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def ms(self) -> int:
        return int(self.now().timestamp() * 1000)


def clock_jump(ground: Ground) -> None:
    """The machine's clock jumps, forwards and back, between sign-ins: page, log and lander all live by it.

    Far behind its own records the log takes nothing: who sends, sends again when the clock has caught up.
    """
    clock = _Clock()
    ground.log.close()
    ground.log = EmbeddedLog(ground.data / "log.db", partitions=4, clock=clock.ms, limits=LIMITS)
    messages = ground.messages()
    said: dict[bytes | None, bytes | None] = {}
    waiting: list[Message] = []
    jumps = (("not yet", timedelta(0)), *_JUMPS)
    for number, (words, by) in enumerate(jumps):
        clock.ahead += by
        now = rfc3339(clock.now())
        part = share(messages, number, len(jumps))
        waiting += [(key, said.setdefault(value, _timed(value, now))) for key, value in part]
        try:
            ground.send(waiting)
        except Unavailable as error:
            ground.say(f"the clock jumps {words}: {error.what}")
            continue
        sent, waiting = len(waiting), []
        landed = lander(ground.log, ground.store, ground.objects_of, clock.ms).run(threading.Event(), once=True)
        ground.clean()
        ground.say(f"the clock jumps {words}; {sent:,} messages sent at {now[:16]}Z, {landed.records:,} landed")


def _timed(value: bytes | None, now: str) -> bytes | None:
    """The message, signed in now; as it is when it is no event. (Whoever repeats it, repeats the time.)"""
    try:
        event = json.loads(value or b"")
        event["time"] = event["received"] = now
    except (ValueError, TypeError):
        return value
    return json.dumps(event).encode()


def duplicate_storm(ground: Ground) -> None:
    """A sender that repeats itself: each message up to eight times, late, in any order, under any key."""
    storm: list[Message] = []
    for key, value in ground.messages(max(1, ground.size // 4)):
        storm += [(ground.rng.choice((key, None, b"another key")), value) for _ in range(ground.rng.randrange(1, 9))]
    ground.rng.shuffle(storm)
    for number in range(3):
        part = share(storm, number, 3)
        ground.send(part)
        ground.land()
        ground.clean()
        ground.say(f"{len(part):,} messages sent, landed and cleaned; most of them had come before")


POISON: tuple[bytes | None, ...] = (
    None,
    b"",
    b"\x00\x01\x02",
    b"\xff\xfe not text",
    b"null",
    b'["a", "list"]',
    b'"half a string',
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b"[" * 100_000,
    b'{"type":"loginlake.signin.v1","id":1e999}',
    b'{"type":"loginlake.signin.v1","data":"no object"}',
    b'{"type":"loginlake.signin.v9"}',
    b'{"type":"loginlake.signin.v1","type":"loginlake.signin.v1"}',
    b'{"id":"\\ud800","type":"loginlake.signin.v1"}',
    b"\xef\xbb\xbf{}",
    b"{}\n{}\r\n",
    b'{"picture":"' + b"x" * 2_000_000 + b'"}',
    b"9" * 5000,
)


def poison_lines(ground: Ground) -> None:
    """Lines that no reader expects, between good ones: each ends in rejected with its reason, and stops nothing."""
    mixed: list[Message] = []
    small = [value for value in POISON if len(value or b"") < 10_000]  # the others once
    good = ground.messages()
    for message in good:
        if ground.rng.random() < 0.2:
            mixed.append((ground.rng.choice((None, b"\xff", b"a key")), ground.rng.choice(small)))
        mixed.append(message)
    mixed += [(None, value) for value in POISON]
    ground.send(mixed)
    ground.say(f"{len(good):,} messages sent, and {len(mixed) - len(good):,} poisonous lines between them")
