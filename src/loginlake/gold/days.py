"""One day of the lake, read for gold: silver's rows in pieces, its repeats, the rejected of its receipts, its people.

Memory: some megabytes of lines at a time, and of each value no more than gold holds of it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import polars as pl

from loginlake.errors import Conflict, Corrupt, ObjectNotFound
from loginlake.gold import people
from loginlake.gold.answers import LONGEST, RECENT, REFUSALS, SIGNINS, Tally, latest
from loginlake.lake import keys, lines
from loginlake.lake.store import ObjectStore
from loginlake.silver.damage import DamagedHour

_KINDS: tuple[keys.Kind, ...] = ("signins", "refusals")
logger = logging.getLogger(__name__)
READ_AT_ONCE = 16 * 1024 * 1024
_KEYS = frozenset(("time", "provider", "user_id"))
_PLACE = re.compile(r"/shard=(?P<shard>\d+)\.jsonl\.gz$")
_DAY = re.compile(r"date=(\d{4}-\d\d-\d\d)/")
_DAY_FOLDERS = ("silver/signins/", "silver/refusals/", "rejected/signins/")


class _Receipt(msgspec.Struct):
    rejected: dict[str, int]


_receipt = msgspec.json.Decoder(_Receipt).decode


class Day(NamedTuple):
    """What silver says of a day: its counts, and its people (with profile) by shard."""

    tally: Tally
    people: dict[int, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class StoredPeople:
    """The people objects of a day: uncompressed content and version by shard."""

    contents: Mapping[int, bytes]
    versions: Mapping[int, str]

    @property
    def digest(self) -> str:
        """What tells this state from another."""
        return people.digest(self.contents)

    def frames(self) -> dict[int, pl.DataFrame]:
        """The rows, without profile."""
        return {shard: people.decode(content) for shard, content in self.contents.items()}


def read_day(store: ObjectStore, day: str) -> Day:
    """Read a whole day of silver, piece by piece. Corrupt, which names the object, when one cannot be read."""
    tally = Tally()
    parts: dict[int, list[pl.DataFrame]] = {}
    for shard, rows in _rows(store, "signins", day, SIGNINS):
        tally.add_signins(rows)
        parts.setdefault(shard, []).append(people.of_rows(rows))
    for _, rows in _rows(store, "refusals", day, REFUSALS):
        tally.add_refusals(rows)
    _count_repeated(store, day, tally)
    _count_rejected(store, day, tally)
    return Day(tally, {shard: people.of_day(some) for shard, some in parts.items()})


def read_latest(store: ObjectStore, day: str) -> pl.DataFrame:
    """The latest sign-ins of a day, reading no more hours than needed."""
    found = pl.DataFrame(schema=SIGNINS)
    by_hour: dict[str, list[str]] = {}
    for entry in store.list(keys.silver_day("signins", day)):
        by_hour.setdefault(entry.key.rsplit("/", 1)[0], []).append(entry.key)
    for _, names in sorted(by_hour.items(), reverse=True):
        for name in names:
            for piece in _pieces(store, name):
                found = latest([found, _read(piece, SIGNINS, [name], store)])
        if found.height >= RECENT:
            break
    return found


def read_lines(content: bytes, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """The columns of some lines of silver, endless values cut as gold cuts them (answers.bounded)."""
    rows = pl.read_ndjson(content, schema=schema)
    texts = [name for name, kind in schema.items() if kind is pl.String and name not in _KEYS]
    longest = rows.select(pl.col(texts).str.len_bytes().max())
    endless = [name for name, (size,) in zip(texts, longest, strict=True) if (size or 0) > LONGEST]
    return rows.with_columns(map(_cut, endless))


def _cut(name: str) -> pl.Expr:
    text = pl.col(name)
    cut = pl.lit(None, pl.String) if name == "picture" else text.str.slice(0, LONGEST - 1) + "…"
    return pl.when(text.str.len_chars() > LONGEST).then(cut).otherwise(text).alias(name)


def read_people(store: ObjectStore, day: str) -> StoredPeople:
    """The people objects that publish wrote of a day."""
    contents, versions = {}, {}
    for entry in store.list(keys.people_day(day)):
        found = _PLACE.search(entry.key)
        if found is None:
            continue
        stored = store.get(entry.key)
        try:
            contents[int(found["shard"])] = lines.decode(stored.data)
        except Corrupt as error:
            heal = f"loginlake rebuild gold --from {day} --to {day}"
            raise Corrupt(f"{entry.key} cannot be read.", error.why, heal) from error
        versions[int(found["shard"])] = stored.version
    return StoredPeople(contents, versions)


def write_people(store: ObjectStore, day: str, new: Mapping[int, bytes], read: StoredPeople) -> bool:
    """Write the shards that changed in place of what was read; False when another publisher wrote meanwhile."""
    try:
        for shard, content in new.items():
            if content != read.contents.get(shard):
                store.replace(keys.people(day, shard), lines.compress(content), read.versions.get(shard))
    except Conflict:
        return False
    for shard in read.contents.keys() - new.keys():
        store.delete(keys.people(day, shard))
    return True


def forget_people(store: ObjectStore, day: str) -> None:
    """Remove what is known of a day's people: the next publish writes each of their documents."""
    for entry in list(store.list(keys.people_day(day))):
        store.delete(entry.key)


def every_day(store: ObjectStore) -> set[str]:
    """Every day of which the lake has rows or rejected rows: one look a day."""
    return {day for folder in _DAY_FOLDERS for day in _days_below(store, folder)}


def _days_below(store: ObjectStore, folder: str) -> Iterator[str]:
    after: str | None = None
    while (entry := next(iter(store.list(folder, after)), None)) is not None:
        found = _DAY.search(entry.key)
        if found is None:
            after = entry.key
            continue
        yield found[1]
        after = f"{folder}date={found[1]}/\x7f"


def _rows(
    store: ObjectStore, kind: keys.Kind, day: str, schema: Mapping[str, type[pl.DataType]]
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Shard and rows of hours that follow one another, as many as fit in some megabytes, the earliest first."""
    waiting: dict[int, list[bytes]] = {}
    names: dict[int, list[str]] = {}
    for entry in list(store.list(keys.silver_day(kind, day))):
        found = _PLACE.search(entry.key)
        if found is None:
            continue
        shard = int(found["shard"])
        names.setdefault(shard, []).append(entry.key)
        for piece in _pieces(store, entry.key):
            held = waiting.setdefault(shard, [])
            held.append(piece)
            if sum(map(len, held)) >= READ_AT_ONCE:
                yield shard, _read(b"".join(waiting.pop(shard)), schema, names[shard], store)
                names[shard] = [entry.key]
    for shard, held in waiting.items():
        yield shard, _read(b"".join(held), schema, names[shard], store)


def _pieces(store: ObjectStore, key: str) -> Iterator[bytes]:
    try:
        yield from lines.pieces(store.get(key).data, READ_AT_ONCE)
    except Corrupt as error:
        raise DamagedHour(keys.parse_silver(key), key) from error


def _read(
    content: bytes, schema: Mapping[str, type[pl.DataType]], names: list[str], store: ObjectStore
) -> pl.DataFrame:
    """The rows of some lines, which came from these objects."""
    try:
        return read_lines(content, schema)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        damaged = next((key for key in names if not _is_readable(store, key, schema)), names[-1])
        raise DamagedHour(keys.parse_silver(damaged), damaged) from error


def _is_readable(store: ObjectStore, key: str, schema: Mapping[str, type[pl.DataType]]) -> bool:
    try:
        for piece in _pieces(store, key):
            read_lines(piece, schema)
    except (Corrupt, pl.exceptions.PolarsError, UnicodeDecodeError):
        return False
    return True


def _count_repeated(store: ObjectStore, day: str, tally: Tally) -> None:
    """Repeats count on the day of what they repeat.

    Where they cannot be read, the day's sign-ins do not wait for them: who makes the hour anew marks the day again.
    """
    for kind in _KINDS:
        for entry in list(store.list(keys.repeated_day(kind, day))):
            try:
                tally.repeated += sum(map(lines.count, _pieces(store, entry.key)))
            except DamagedHour as error:
                logger.error("repeats are not counted: %s", error)  # noqa: TRY400 - a named condition


def _count_rejected(store: ObjectStore, day: str, tally: Tally) -> None:
    """Rejected rows count on the day they arrived. Only objects with rejected rows are looked at."""
    for entry in list(store.list(f"rejected/signins/date={day}/")):
        bronze = keys.bronze_of_rejected(entry.key)
        receipt = keys.receipt(bronze)
        try:
            tally.rejected.update(_receipt(store.get(receipt).data).rejected)
        except ObjectNotFound:
            continue  # Its cleaning is under way; the day is dirty again when it is done.
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            heal = f"loginlake rejected replay --object {bronze}"
            raise Corrupt(f"{receipt} cannot be read.", "It was changed or damaged.", heal) from error
