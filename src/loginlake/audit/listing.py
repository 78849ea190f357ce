"""What the lake holds by name, at the moment at which an audit begins: nothing but lists and small objects is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from loginlake.bronze.tip import Expired, Head, all_heads, read_expired
from loginlake.lake import keys
from loginlake.lake.marks import to_publish
from loginlake.lake.store import ObjectStore
from loginlake.silver import watermark

_In = TypeVar("_In")
_Out = TypeVar("_Out")
THREADS = 4
_AHEAD = 8


class ReceiptHour(msgspec.Struct, frozen=True):
    """An hour that an object's rows went to."""

    kind: keys.Kind
    date: str
    hour: int
    shard: int
    rows: int

    @property
    def slot(self) -> keys.Slot:
        """The hour and shard."""
        return keys.Slot(self.kind, self.date, self.hour, self.shard)


class Receipt(msgspec.Struct, frozen=True):
    """A receipt as clean wrote it."""

    object: str
    lines: int
    erased: int
    rejected: dict[str, int]
    hours: list[ReceiptHour]
    rules: int
    checksum: str


_receipt = msgspec.json.Decoder(Receipt).decode


@dataclass(frozen=True, slots=True)
class Listing:
    """Names with versions (ETags) by folder, the heads and outcomes of the chains, and the marks of publish.

    `strange`: what is in a layer or in todo/ under a name that no stage gives.
    """

    bronze: Mapping[str, str]
    receipts: Mapping[str, str]
    rejected: Mapping[str, str]
    silver: Mapping[str, str]
    repeated: Mapping[str, str]
    todo: frozenset[str]
    dirty: frozenset[str]
    heads: tuple[Head, ...]
    expired: tuple[Expired, ...]
    cleaned_until: str | None
    bronze_bytes: int
    strange: tuple[str, ...] = ()


def take(store: ObjectStore) -> Listing:
    """List the lake. Receipts before bronze before silver, so that a running pipeline never shows an end without its

    beginning: what was cleaned later is merely not expected yet.
    """
    said = watermark.read(store)
    receipts = _names(store, "receipts/")
    rejected = _names(store, "rejected/")
    listed = {entry.key: keys.bronze_of_todo(entry.key) for entry in store.list("todo/")}
    sizes = {entry.key: (entry.version, entry.size) for entry in store.list("bronze/")}
    silver, repeated = _names(store, "silver/"), _names(store, "repeated/")
    strange = [key for key in sizes if not keys.is_bronze(key)]
    strange += [key for key, name in listed.items() if not keys.is_bronze(name)]
    strange += [key for key in rejected if not keys.is_rejected(key)]
    strange += [key for key in receipts if not keys.is_bronze(keys.bronze_of_receipt(key))]
    strange += [key for key in (*silver, *repeated) if not keys.is_hour(key)]
    return Listing(
        bronze={key: version for key, (version, _) in sizes.items() if keys.is_bronze(key)},
        receipts=receipts,
        rejected=rejected,
        silver=silver,
        repeated=repeated,
        todo=frozenset(filter(keys.is_bronze, listed.values())),
        dirty=frozenset(to_publish(store)),
        heads=tuple(all_heads(store)),
        expired=tuple(read_expired(store, entry.key) for entry in store.list("expired/")),
        cleaned_until=said.complete_until if said is not None else None,
        bronze_bytes=sum(size for _, size in sizes.values()),
        strange=tuple(sorted(strange)),
    )


def receipt_of(data: bytes) -> Receipt | None:
    """A receipt's content; None when it cannot be read."""
    try:
        return _receipt(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def slot_of(key: str) -> keys.Slot | None:
    """The hour and shard of an object of silver or repeated; None for any other name."""
    try:
        return keys.parse_silver(key)
    except ValueError:
        return None


def in_threads(work: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """The results in order, a few at a time under way: memory does not grow with the number of items."""
    with ThreadPoolExecutor(THREADS) as pool:
        under_way: deque[Future[_Out]] = deque()
        for item in items:
            under_way.append(pool.submit(work, item))
            if len(under_way) >= _AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _names(store: ObjectStore, prefix: str) -> dict[str, str]:
    return {entry.key: entry.version for entry in store.list(prefix)}
