"""A token bucket an address (or an API key), in memory and bounded: what one worker lets through."""

from __future__ import annotations

from collections import OrderedDict


class Buckets:
    """Each address may spend `a_minute` at once, and earns them back within a minute."""

    def __init__(self, a_minute: float, addresses: int) -> None:
        """At most `addresses` are remembered; the longest unseen is forgotten first."""
        self._size, self._addresses = a_minute, addresses
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float, n: int = 1) -> bool:
        """Whether the address may spend `n` more (all or none); `now` in seconds."""
        left, since = self._left.pop(address, (self._size, now))
        left = min(self._size, left + max(0.0, now - since) * self._size / 60)
        allowed = left >= n
        self._left[address] = (left - n if allowed else left, now)
        if len(self._left) > self._addresses:
            self._left.popitem(last=False)
        return allowed
