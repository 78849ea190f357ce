"""The order in which a spool file's entries go to the log: each key's in order, one of a key at a time."""

from __future__ import annotations

from collections import deque

from loginlake.stream.spool_file import Entry, SpoolFile

_WINDOW = 1000
Token = bytes | int  # a key, or the number of an entry without one: such entries have no order among them


class Backlog:
    """A window over a spool file's entries. One thread uses it. What it reads of the file it keeps until removed."""

    def __init__(self, file: SpoolFile) -> None:
        """Nothing is read yet."""
        self.file = file
        self._queues: dict[Token, deque[Entry]] = {}
        self._ready: deque[Token] = deque()
        self._held: set[int] = set()
        self._refused: set[int] = set()
        self._arrived: dict[int, Entry] = {}
        self._size = 0
        self._loaded = 0

    @property
    def empty(self) -> bool:
        """Whether nothing waits, not even what the log refuses."""
        return self.file.totals.entries == 0

    @property
    def idle(self) -> bool:
        """Whether nothing is left to send or to remove."""
        return self.file.totals.entries == len(self._refused)

    @property
    def held(self) -> int:
        """Entries whose first sending is still under way."""
        return len(self._held)

    def heads(self, most: int) -> list[Entry]:
        """Entries to send now, handed out once each: the first of its key, none of that key on its way."""
        self._load()
        found: list[Entry] = []
        while self._ready and len(found) < most:
            found.append(self._queues[self._ready.popleft()][0])
        return found

    def failed(self, entry: Entry) -> None:
        """The log did not take a head: it is one again."""
        self._ready.appendleft(_token(entry))

    def arrived(self, entry: Entry) -> None:
        """The log has an entry: a head, or one whose first sending was still under way when it was spooled."""
        self._held.discard(entry.seq)
        self._arrived[entry.seq] = entry
        self._pop(entry)

    def refused(self, entry: Entry) -> None:
        """The log will never take a head: it stays in the file, counted, and the key's next one goes on.

        It is tried again by whoever opens the file next.
        """
        self._refused.add(entry.seq)
        self._pop(entry)

    def hold(self, seq: int) -> None:
        """The first sending of this entry is still under way: send nothing of its key until `free` or `arrived`."""
        self._held.add(seq)

    def free(self, seq: int, key: bytes | None) -> None:
        """The first sending failed."""
        self._held.discard(seq)
        token = seq if key is None else key
        queue = self._queues.get(token)
        if queue and queue[0].seq == seq:
            self._ready.append(token)

    def settle(self) -> list[Entry]:
        """Remove what arrived from the file; gives it. When the disk fails, the next call tries again."""
        gone = list(self._arrived.values())
        if gone:
            self.file.remove(gone)
            self._arrived.clear()
        return gone

    def _load(self) -> None:
        if self._size > _WINDOW // 2 or self.empty:
            return
        for entry in self.file.after(self._loaded, _WINDOW):
            self._loaded = entry.seq
            if entry.seq in self._arrived:
                continue
            token = _token(entry)
            queue = self._queues.setdefault(token, deque())
            queue.append(entry)
            self._size += 1
            if len(queue) == 1 and entry.seq not in self._held:
                self._ready.append(token)

    def _pop(self, entry: Entry) -> None:
        token = _token(entry)
        queue = self._queues.get(token)
        if not queue or queue[0].seq != entry.seq:
            return  # not read yet, and skipped when it is
        queue.popleft()
        self._size -= 1
        if not queue:
            del self._queues[token]
        elif queue[0].seq not in self._held:
            self._ready.append(token)


def _token(entry: Entry) -> Token:
    return entry.seq if entry.key is None else entry.key
