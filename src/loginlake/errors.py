"""Named conditions, in two families: try again (`Retry`) or stop (`GiveUp`).

Every message says what happened, why, and the next move; none carries a secret, a token or a person's data.
"""

from __future__ import annotations

INTERRUPTED = 130
"""The exit code of what Ctrl-C ended."""


class LoginlakeError(Exception):
    """A condition with a name. `what` happened, `why`, and the `next_move` of whoever reads it."""

    def __init__(self, what: str, why: str = "", next_move: str = "") -> None:
        """Keep the three parts apart, so that a page, a log line and a terminal can each show them their way."""
        self.what = what
        self.why = why
        self.next_move = next_move
        super().__init__(" ".join(part for part in (what, why, next_move) if part))


class Retry(LoginlakeError):
    """It may pass by itself: the same call later can succeed."""


class GiveUp(LoginlakeError):
    """It will not pass by itself: somebody has to act."""


class Unavailable(Retry):
    """A system did not answer, or not in time. What was asked of it may or may not have been done."""


class Overloaded(Retry):
    """A system answered that it takes no more for now."""


class Conflict(Retry):
    """Somebody else wrote first: read again and decide again."""


class ObjectExists(LoginlakeError):
    """The name is taken. Only a create-only write raises it; the caller compares and goes on."""


class ObjectNotFound(LoginlakeError):
    """No object has this name."""


class Stopped(LoginlakeError):
    """Told to stop while it waited or between two portions. What was not done is done by the next run."""


class Misconfigured(GiveUp):
    """A setting is missing, wrong, or unsafe in this combination."""


class Denied(GiveUp):
    """The system knows us and says no."""


class TooLarge(GiveUp):
    """The record is larger than the log takes."""


class UnknownLog(GiveUp):
    """The lake was filled from another log than the one in hand (a recreated topic, a move)."""


class UnknownLayout(GiveUp):
    """The lake was written by a version that this one does not know."""


class Diverged(GiveUp):
    """An object of the lake holds other content than the log has at the same place."""


class Corrupt(GiveUp):
    """Stored content cannot be read back as what it must be."""
