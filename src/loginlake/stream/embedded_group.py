"""Membership in a consumer group of the embedded log, kept in the file's own tables, so that it spans processes.

Members sit in the order in which they joined; partition p is meant for seat p modulo their number. A partition has one
owner at a time: a member that should no longer have it gives it back at its next poll, and only then another takes it.
A member that was not heard of for the time-out loses its seat, and all it owned.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Mapping

from loginlake.stream.embedded_file import LogFile


class Membership:
    """One member's side. Not thread-safe. Errors as those of the file's transactions; the state is then unchanged."""

    def __init__(self, file: LogFile, connection: sqlite3.Connection, group: str, timeout_ms: int):
        """Join nothing yet: the first `tend` does."""
        self._file = file
        self._connection = connection
        self._group = group
        self._timeout_ms = timeout_ms
        self._me = uuid.uuid4().hex
        self._epoch = -1
        self._next_beat_ms = 0
        self.owned: frozenset[int] = frozenset()

    def tend(self, now_ms: int) -> frozenset[int]:
        """Beat and re-assign where it is due. Returns what was held all the while; `owned` is what is held now."""
        if self._epoch == self._read_epoch() and now_ms < self._next_beat_ms:
            return self.owned
        with self._file.transaction(self._connection):
            changed = self._expire(now_ms)
            seated = self._beat(now_ms)
            mine = self._owned()
            wanted = self._wanted()
            released = [(self._group, partition, self._me) for partition in mine - wanted]
            self._connection.executemany("DELETE FROM owners WHERE name=? AND partition=? AND member=?", released)
            claims = [(self._group, partition, self._me) for partition in wanted - mine]
            self._connection.executemany("INSERT OR IGNORE INTO owners VALUES (?, ?, ?)", claims)
            owned = self._owned()
            epoch = self._read_epoch()
            if changed or not seated or owned != mine:
                epoch = self._bump()
        kept = self.owned & mine & owned
        self._epoch, self._next_beat_ms, self.owned = epoch, now_ms + self._timeout_ms // 3, owned
        return kept

    def commit(self, ends: Mapping[int, int], now_ms: int) -> None:
        """Store the group's next offsets of the partitions that are still this member's."""
        with self._file.transaction(self._connection):
            self._connection.executemany(
                "INSERT INTO commits SELECT name, partition, ? FROM owners WHERE name=? AND partition=? AND member=?"
                " ON CONFLICT (name, partition) DO UPDATE SET next=excluded.next",
                [(following, self._group, partition, self._me) for partition, following in ends.items()],
            )
            self._beat(now_ms, join=False)

    def leave(self) -> None:
        """Give up the seat and what was owned, so that the others need not wait for the time-out."""
        if self._epoch < 0:
            return
        with self._file.transaction(self._connection):
            self._connection.execute("DELETE FROM members WHERE name=? AND member=?", (self._group, self._me))
            self._connection.execute("DELETE FROM owners WHERE name=? AND member=?", (self._group, self._me))
            self._bump()
        self.owned, self._epoch = frozenset(), -1

    def _expire(self, now_ms: int) -> bool:
        """Unseat the silent, and free what nobody seated owns (this member's own, too, if it was unseated meanwhile).

        A time from the future is from before a restart of the machine (the clock is monotonic): expired, too.
        """
        gone = self._connection.execute(
            "DELETE FROM members WHERE name=? AND member<>? AND abs(seen_ms - ?) > ?",
            (self._group, self._me, now_ms, self._timeout_ms),
        ).rowcount
        self._connection.execute(
            "DELETE FROM owners WHERE name=?1 AND member NOT IN (SELECT member FROM members WHERE name=?1)",
            (self._group,),
        )
        return gone > 0

    def _beat(self, now_ms: int, *, join: bool = True) -> bool:
        """Say that this member lives; without a seat (new, or expired meanwhile) take one. Whether it had one."""
        values = (now_ms, self._group, self._me)
        beat = self._connection.execute("UPDATE members SET seen_ms=? WHERE name=? AND member=?", values).rowcount
        if not beat and join:
            self._connection.execute("INSERT INTO members (seen_ms, name, member) VALUES (?, ?, ?)", values)
        return beat > 0

    def _wanted(self) -> frozenset[int]:
        rows = self._connection.execute("SELECT member FROM members WHERE name=? ORDER BY seat", (self._group,))
        members = [member for (member,) in rows]
        partitions = self._connection.execute("SELECT count(*) FROM ends").fetchone()[0]
        return frozenset(range(members.index(self._me), partitions, len(members)))

    def _owned(self) -> frozenset[int]:
        rows = self._connection.execute(
            "SELECT partition FROM owners WHERE name=? AND member=?", (self._group, self._me)
        )
        return frozenset(partition for (partition,) in rows)

    def _read_epoch(self) -> int:
        row = self._connection.execute("SELECT epoch FROM groups WHERE name=?", (self._group,)).fetchone()
        return row[0] if row else 0

    def _bump(self) -> int:
        """Every change of seats or owners gets a new number, so that the other members see it at one look."""
        self._connection.execute(
            "INSERT INTO groups VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET epoch=epoch+1", (self._group,)
        )
        return self._read_epoch()


def read_commits(connection: sqlite3.Connection, group: str) -> dict[int, int]:
    """The group's committed next offset a partition."""
    return dict(connection.execute("SELECT partition, next FROM commits WHERE name=?", (group,)).fetchall())


def landed_until(connection: sqlite3.Connection) -> Callable[[int], int]:
    """The offset, a partition, that every group has committed; 0 while a group lacks a commit, or there is no group."""
    groups = {
        name for (name,) in connection.execute("SELECT name FROM commits UNION SELECT name FROM members").fetchall()
    }
    commits = [read_commits(connection, group) for group in groups]
    return lambda partition: min((ends.get(partition, 0) for ends in commits), default=0)
