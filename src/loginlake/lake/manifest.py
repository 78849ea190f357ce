"""lake.json: what a lake is (layout and rules versions, shards), which logs filled it, and how wide the last one is."""

from __future__ import annotations

import logging

import msgspec

from loginlake.errors import Conflict, Corrupt, ObjectNotFound, UnknownLayout, UnknownLog
from loginlake.lake import keys
from loginlake.lake.store import ObjectStore, lookup

logger = logging.getLogger(__name__)
LAYOUT = 1


class Manifest(msgspec.Struct, frozen=True):
    """The content of lake.json. A log's number is its place in `logs`; new records come from the last one alone.

    `partitions`: how many the last log has, as land saw them; None before it said so.
    """

    layout: int
    rules: int
    shards: int
    logs: tuple[str, ...] = ()
    partitions: int | None = None


_manifest = msgspec.json.Decoder(Manifest).decode


class Lake:
    """The lake's own description. Whoever comes first makes it; every change is conditional on what was read."""

    def __init__(self, store: ObjectStore, *, rules: int = 1, shards: int = 1) -> None:
        """`rules` and `shards` are for a lake that does not exist yet. Nothing is read or written here."""
        self.store = store
        self._new = Manifest(LAYOUT, rules, shards)

    def manifest(self) -> Manifest:
        """What the lake is; made at first use. UnknownLayout when another version wrote it."""
        return self._read()[0]

    def log_number(self, identity: str) -> int:
        """The number of the log in hand. The first log becomes 0; one that is not the last known is UnknownLog."""
        manifest = self.manifest()
        if not manifest.logs:
            manifest = self._append(identity)
        if manifest.logs[-1] != identity:
            raise UnknownLog(
                f"This lake was filled from another log ({manifest.logs[-1]}) than the one in hand ({identity}).",
                "The topic was made anew, or the log's or the lake's address was changed.",
                "Correct LOGINLAKE_LOG_URL or LOGINLAKE_LAKE_URL; if the change was meant: loginlake topic --new-log",
            )
        return len(manifest.logs) - 1

    def add_log(self, identity: str) -> int:
        """Make this log the lake's last one, and give its number; nothing changes when it is already."""
        manifest = self.manifest()
        if not manifest.logs or manifest.logs[-1] != identity:
            manifest = self._append(identity)
            logger.info("the lake has a new log", extra={"log": len(manifest.logs) - 1, "identity": identity})
        return len(manifest.logs) - 1

    def begin_again(self, log: int) -> int:
        """Make the lake's last log a new one under the same identity: a copy of it was put back. The last log's number.

        Its records are landed from its beginning; what the lake has under the old number stays. Nothing changes when
        `log` is no longer the last. Conflict when another writer was faster: look again.
        """
        before, version = self._read()
        if len(before.logs) - 1 == log:
            after = msgspec.structs.replace(before, logs=(*before.logs, before.logs[-1]), partitions=None)
            self.store.replace(keys.LAKE, _encode(after), version)
            logger.info("the lake begins its log again", extra={"log": log + 1, "identity": before.logs[-1]})
        return len(self.manifest().logs) - 1

    def tell_partitions(self, log: int, count: int) -> None:
        """Say how many partitions the lake's last log has: a log only grows. Nothing when another is the last by now.

        Conflict when another writer was faster: say it again later.
        """
        before, version = self._read()
        if len(before.logs) - 1 == log and (before.partitions or 0) < count:
            self.store.replace(keys.LAKE, _encode(msgspec.structs.replace(before, partitions=count)), version)

    def _append(self, identity: str) -> Manifest:
        """Put the identity last, unless another writer changed what is last meanwhile (the caller looks again)."""
        before, version = self._read()
        if before.logs and before.logs[-1] == identity:
            return before
        after = msgspec.structs.replace(before, logs=(*before.logs, identity), partitions=None)
        try:
            self.store.replace(keys.LAKE, _encode(after), version)
        except Conflict:
            return self._read()[0]
        return after

    def _read(self) -> tuple[Manifest, str]:
        try:
            stored = self.store.get(keys.LAKE)
        except ObjectNotFound:
            try:
                self.store.replace(keys.LAKE, _encode(self._new), None)
            except Conflict:
                logger.debug("another writer made the lake first")
            stored = self.store.get(keys.LAKE)
        return _decode(stored.data), stored.version


def find_manifest(store: ObjectStore) -> Manifest | None:
    """What the lake is; None where no stage has come yet. It is not made."""
    stored = lookup(store, keys.LAKE)
    return None if stored is None else _decode(stored.data)


def _encode(manifest: Manifest) -> bytes:
    return msgspec.json.encode(manifest) + b"\n"


class _Layout(msgspec.Struct):
    layout: int


_layout = msgspec.json.Decoder(_Layout).decode


def _decode(data: bytes) -> Manifest:
    try:
        layout = _layout(data).layout
        if layout != LAYOUT:
            raise UnknownLayout(
                f"The lake has layout {layout}; this version knows {LAYOUT}.",
                "Another version of loginlake wrote it.",
                "Use that version, or point LOGINLAKE_LAKE_URL at another lake.",
            )
        return _manifest(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Corrupt(f"{keys.LAKE} cannot be read.", f"{error}.", "Restore it from a copy.") from error
