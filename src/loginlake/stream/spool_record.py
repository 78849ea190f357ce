"""What the spool's parts share: the bounds, a record on its way, and the words in which the spool says no."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from loginlake.errors import Overloaded, TooLarge, Unavailable
from loginlake.stream.embedded_reader import encode_headers
from loginlake.stream.log import Headers, Position
from loginlake.stream.spool_file import Content, size_of

SPOOLED = -1  # the partition of a position that is the number of a spool entry


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """Bounds of one process's spool; `slow_s` is how long the log may take before the spool does.

    `max_message_bytes` must not exceed what the log takes (Kafka: 1,000,000, headers and framing with it): what is
    spooled was answered 2xx, so it has to fit.
    """

    slow_s: float = 1.5
    max_bytes: int = 256 * 1024 * 1024
    max_age_s: float = 7 * 86400.0
    max_message_bytes: int = 999_000


@dataclass(frozen=True, slots=True)
class SpoolState:
    """What waits, in all spools of the folder. `takes`: this process's spool takes more; `unreadable`: files' names."""

    entries: int
    size_bytes: int
    oldest_s: float
    takes: bool
    unreadable: tuple[str, ...]


class Outgoing:
    """A record on its way, and where it is by now. Its future, once `over`, has ended or is about to."""

    __slots__ = ("content", "future", "headers", "over", "position", "sent_at", "seq", "size", "spooled", "until")

    def __init__(self, key: bytes | None, value: bytes | None, headers: Headers, until: float) -> None:
        """`until`: the moment from which the spool takes it."""
        self.content = Content(key, value, encode_headers(headers))
        self.headers, self.until = headers, until
        self.size = size_of(*self.content)
        self.future: Future[Position] = Future()
        self.future.set_running_or_notify_cancel()  # a caller that goes away must not cancel what is on its way
        self.sent_at: float | None = None
        self.spooled = False
        self.seq: int | None = None
        self.position: Position | None = None  # where the log has it after all, while it was still to be spooled
        self.over = False

    @property
    def key(self) -> bytes | None:
        """The record's key."""
        return self.content.key

    def end(self, outcome: Position | BaseException) -> None:
        """End its future."""
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


def too_large(size: int, limit: int) -> TooLarge:
    """A record that neither spool nor log takes."""
    return TooLarge(
        f"A record of {size} bytes was not sent.", f"The spool takes {limit} at most.", "Send less in one record."
    )


def full(why: str) -> Overloaded:
    """The spool is bounded."""
    return Overloaded("The record was not kept.", f"The log is away, and {why}.", "Bring the log back; send it again.")


def closed() -> Unavailable:
    """The program ends."""
    return Unavailable("The record was not sent.", "The spool is closed.", "Send it again after a restart.")
