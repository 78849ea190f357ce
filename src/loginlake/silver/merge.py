"""Merge: an hour's stored rows and new rows made one. Pure and columnar (Polars): content in, content out.

Rows are united by origin, then grouped by (source, id, person): the earliest origin, compared as (log, partition,
offset), wins, and the others are repeats. The result does not depend on order, repetition or a crash in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple

import msgspec
import polars as pl

from loginlake.errors import Corrupt
from loginlake.lake import lines
from loginlake.silver.rows import RepeatedRow, Rows, encode

ORIGIN = ("log", "partition", "offset")
WINNER = ("winner_log", "winner_partition", "winner_offset")
KEYS = {**dict.fromkeys(ORIGIN, pl.Int64), **dict.fromkeys(("time", "source", "id"), pl.String)}
GROUP = ("source", "id", "who")
Who = Callable[[bytes], str | None]


class _Keys(msgspec.Struct, gc=False):
    log: int
    partition: int
    offset: int
    time: str
    source: str
    id: str


_keys_of = msgspec.json.Decoder(_Keys).decode
_repeated_of = msgspec.json.Decoder(RepeatedRow).decode


class Merged(NamedTuple):
    """The hour's content, uncompressed, and how many of the new rows ended where."""

    silver: bytes
    repeated: bytes
    kept: int
    repeats: int


def merge(silver: bytes, repeated: bytes, new: Rows, who: Who) -> Merged:
    """The stored content of an hour and shard, and new rows, as the hour's next content.

    `who` answers the keyed hash of the person in a silver line; it is asked only where a (source, id) comes twice.
    Corrupt when stored content is none that clean wrote.
    """
    stored_lines = lines.split(silver)
    texts = [*stored_lines, *new.line]
    rows = _rows(stored_lines, new)
    repeats = _repeats(repeated)
    suspects = _suspects(rows, repeats)
    kept = rows
    if suspects.height:
        persons = [who(texts[place]) for place in suspects["place"]]
        repeats = _settle(suspects.with_columns(who=pl.Series(persons, dtype=pl.String)), repeats)
        kept = rows.join(repeats, on=ORIGIN, how="anti", maintain_order="left")
    places = kept["place"]
    fresh, fresh_kept = (int((column >= len(stored_lines)).sum()) for column in (rows["place"], places))
    content = lines.join([texts[place] for place in places])
    return Merged(content, _repeated_content(repeats), fresh_kept, fresh - fresh_kept)


def _rows(stored_lines: Sequence[bytes], new: Rows) -> pl.DataFrame:
    """The keys of stored and new rows in silver's order, each with its line's place, and whether it is `doubled`.

    One row an origin (a new one over a stored one); doubled: another row has its (source, id).
    """
    try:
        stored = [_keys_of(line) for line in stored_lines]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _corrupt() from error
    columns = {name: [*map(attrgetter(name), stored), *getattr(new, name)] for name in KEYS}
    rows = pl.LazyFrame({name: pl.Series(values, dtype=KEYS[name]) for name, values in columns.items()})
    return (
        rows.with_row_index("place")
        .unique(ORIGIN, keep="last")
        .with_columns(doubled=pl.struct("source", "id").is_duplicated())
        .sort("time", "source", "id", *ORIGIN)
        .collect()
    )


def _suspects(rows: pl.DataFrame, repeats: pl.DataFrame) -> pl.DataFrame:
    """The rows that may be repeats, or have some: those whose (source, id) another row or a repeat has."""
    if repeats.height:
        known = repeats.select("source", "id", known=True).unique()
        rows = rows.join(known, on=["source", "id"], how="left", maintain_order="left")
        return rows.filter(pl.col("doubled") | pl.col("known").is_not_null())
    return rows.filter("doubled") if rows["doubled"].any() else rows.clear()


def _repeats(content: bytes) -> pl.DataFrame:
    try:
        stored = [_repeated_of(line) for line in lines.split(content)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _corrupt() from error
    numbers, texts = (*ORIGIN, *WINNER), GROUP
    types = {name: pl.Int64 if name in numbers else pl.String for name in (*ORIGIN, *texts, *WINNER)}
    return pl.DataFrame(
        {name: pl.Series([getattr(row, name) for row in stored], dtype=kind) for name, kind in types.items()}
    )


def _repeated_content(repeats: pl.DataFrame) -> bytes:
    return lines.join([encode(RepeatedRow(*row)) for row in repeats.iter_rows()])


def _corrupt() -> Corrupt:
    return Corrupt(
        "A stored object of silver or repeated cannot be read.",
        "It was changed or damaged after it was written.",
        "Remove it and its hour's receipts, so that clean makes it again from bronze.",
    )


def _settle(suspects: pl.DataFrame, repeats: pl.DataFrame) -> pl.DataFrame:
    """The repeats, old and new, each with its group's earliest origin.

    A stored repeat's winner counts although its own row may not be here yet: another cleaner is about to bring it.
    """
    old, new = repeats.lazy(), suspects.lazy()
    winners = old.select(*GROUP, **dict(zip(ORIGIN, map(pl.col, WINNER), strict=True)))
    members = pl.concat([new.select(*GROUP, *ORIGIN), old.select(*GROUP, *ORIGIN)]).unique()
    earliest = (
        pl.concat([members, winners])
        .sort(*ORIGIN)
        .group_by(*GROUP, maintain_order=True)
        .first()
        .rename(dict(zip(ORIGIN, WINNER, strict=True)))
    )
    same = pl.all_horizontal(pl.col(mine) == pl.col(theirs) for mine, theirs in zip(ORIGIN, WINNER, strict=True))
    settled = members.join(earliest, on=GROUP, how="inner", nulls_equal=True).filter(~same)
    return settled.select(*ORIGIN, *GROUP, *WINNER).sort(*ORIGIN).collect()
