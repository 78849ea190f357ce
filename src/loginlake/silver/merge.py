"""Merge: hours' stored rows and new rows made one, many hours at once. Pure and columnar (Polars).

Rows are united by origin, then grouped by (source, id, person): the earliest origin, compared as (log, partition,
offset), wins, and the others are repeats. The result does not depend on order, repetition or a crash in between. Hours
know nothing of each other; they go through one Polars pipeline because it costs milliseconds, however little is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import polars as pl

from loginlake.errors import Corrupt
from loginlake.lake import lines
from loginlake.silver.rows import RepeatedRow, Rows, encode

ORIGIN = ("hour", "log", "partition", "offset")
WINNER = ("hour", "winner_log", "winner_partition", "winner_offset")
GROUP = ("hour", "source", "id", "who")
KEYS = {**dict.fromkeys(ORIGIN[1:], pl.Int64), **dict.fromkeys(("time", "source", "id"), pl.String)}
REPEATED = {**dict.fromkeys((*ORIGIN[1:], *WINNER[1:]), pl.Int64), **dict.fromkeys(GROUP[1:], pl.String)}
Who = Callable[[bytes], str | None]


class _Keys(msgspec.Struct, gc=False):
    log: int
    partition: int
    offset: int
    time: str
    source: str
    id: str


_keys_of = msgspec.json.Decoder(_Keys).decode_lines
_repeated_of = msgspec.json.Decoder(RepeatedRow).decode_lines


class Hour(NamedTuple):
    """What one merge has to do: the stored content of an hour and shard, uncompressed, and new rows."""

    silver: bytes
    repeated: bytes
    new: Rows


class Merged(NamedTuple):
    """The hour's next content, uncompressed, and how many of the new rows ended where."""

    silver: bytes
    repeated: bytes
    kept: int
    repeats: int


def merge(silver: bytes, repeated: bytes, new: Rows, who: Who) -> Merged:
    """One hour alone: see merge_hours."""
    return merge_hours([Hour(silver, repeated, new)], who)[0]


def merge_hours(hours: Sequence[Hour], who: Who) -> list[Merged]:
    """The next content of each hour.

    `who` answers the keyed hash of the person in a silver line; it is asked only where a (source, id) comes twice.
    Corrupt when stored content is none that clean wrote.
    """
    stored = [lines.split(hour.silver) for hour in hours]
    texts = [*chain.from_iterable((*old, *hour.new.line) for old, hour in zip(stored, hours, strict=True))]
    rows = _rows(hours, list(map(len, stored)))
    repeats = _repeats(hours)
    suspects = _suspects(rows, repeats)
    kept, repeated = rows, [hour.repeated for hour in hours]
    if suspects.height:
        persons = [who(texts[place]) for place in suspects["place"]]
        repeats = _settle(suspects.with_columns(who=pl.Series(persons, dtype=pl.String)), repeats)
        kept = rows.join(repeats, on=ORIGIN, how="anti", maintain_order="left")
        repeated = _repeated_content(repeats, len(hours))
    return _by_hour(texts, rows, kept, repeated)


def _by_hour(texts: list[bytes], rows: pl.DataFrame, kept: pl.DataFrame, repeated: list[bytes]) -> list[Merged]:
    """Each hour's part; `kept` is sorted by hour."""
    fresh, fresh_kept, lengths = (_count(frame, len(repeated)) for frame in (_fresh(rows), _fresh(kept), kept))
    places = kept["place"].to_list()
    merged, start = [], 0
    for hour, content in enumerate(repeated):
        end = start + lengths[hour]
        silver = lines.join([texts[place] for place in places[start:end]])
        merged.append(Merged(silver, content, fresh_kept[hour], fresh[hour] - fresh_kept[hour]))
        start = end
    return merged


def _fresh(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter("fresh")


def _count(rows: pl.DataFrame, hours: int) -> list[int]:
    """The number of rows of each hour."""
    found = dict(rows.group_by("hour").len().iter_rows())
    return [found.get(hour, 0) for hour in range(hours)]


def _rows(hours: Sequence[Hour], stored: list[int]) -> pl.DataFrame:
    """The keys of stored and new rows in silver's order, each with its line's place, whether it is fresh (new), and
    whether it is `doubled`.

    One row an origin (a new one over a stored one); doubled: another row of the hour has its (source, id).
    """
    old = [rows_of(hour.silver) for hour in hours]
    columns: dict[str, Iterable[Any]] = {name: _column(name, old, hours) for name in KEYS}
    numbers = (repeat(at, count + len(hour.new)) for at, (count, hour) in enumerate(zip(stored, hours, strict=True)))
    fresh = ((False,) * count + (True,) * len(hour.new) for count, hour in zip(stored, hours, strict=True))
    columns |= {"hour": chain.from_iterable(numbers), "fresh": chain.from_iterable(fresh)}
    rows = _frame(columns, {**KEYS, "hour": pl.UInt32, "fresh": pl.Boolean}).with_row_index("place")
    if rows.select(pl.struct(ORIGIN).is_duplicated().any()).item():
        rows = rows.unique(ORIGIN, keep="last")
    return rows.with_columns(doubled=pl.struct("hour", "source", "id").is_duplicated()).sort(
        "hour", "time", "source", "id", *ORIGIN[1:]
    )


def _column(name: str, old: Sequence[list[_Keys]], hours: Sequence[Hour]) -> list[Any]:
    values: list[Any] = []
    for before, hour in zip(old, hours, strict=True):
        values += map(attrgetter(name), before)
        values += getattr(hour.new, name)
    return values


def _repeats(hours: Sequence[Hour]) -> pl.DataFrame:
    stored = [repeats_of(hour.repeated) for hour in hours]
    columns: dict[str, Iterable[Any]] = {name: map(attrgetter(name), chain.from_iterable(stored)) for name in REPEATED}
    columns["hour"] = chain.from_iterable(repeat(at, len(rows)) for at, rows in enumerate(stored))
    return _frame(columns, {**REPEATED, "hour": pl.UInt32})


def _frame(columns: dict[str, Iterable[Any]], types: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame({name: pl.Series(list(values), dtype=types[name]) for name, values in columns.items()})


def rows_of(silver: bytes) -> list[Any]:
    """The keys of every line of an hour's silver; Corrupt when a line is none that clean wrote."""
    return _decoded(_keys_of, silver)


def repeats_of(repeated: bytes) -> list[Any]:
    """The rows of an hour's repeats; Corrupt when a line is none that clean wrote."""
    return _decoded(_repeated_of, repeated)


def _decoded(decode: Callable[[bytes], list[Any]], content: bytes) -> list[Any]:
    try:
        rows = decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _corrupt() from error
    if len(rows) != lines.count(content) or (content and content[-1:] != b"\n"):
        raise _corrupt()
    return rows


def _suspects(rows: pl.DataFrame, repeats: pl.DataFrame) -> pl.DataFrame:
    """The rows that may be repeats, or have some: those whose (source, id) another row or a repeat has."""
    if repeats.height:
        known = repeats.select("hour", "source", "id", known=True).unique()
        rows = rows.join(known, on=["hour", "source", "id"], how="left", maintain_order="left")
        return rows.filter(pl.col("doubled") | pl.col("known").is_not_null())
    return rows.filter("doubled")


def _repeated_content(repeats: pl.DataFrame, hours: int) -> list[bytes]:
    """Each hour's content; `repeats` is sorted by hour."""
    found: list[list[bytes]] = [[] for _ in range(hours)]
    for hour, *row in repeats.iter_rows():
        found[hour].append(encode(RepeatedRow(*row)))
    return [lines.join(rows) for rows in found]


def _corrupt() -> Corrupt:
    return Corrupt(
        "A stored object of silver or repeated cannot be read.",
        "It was changed or damaged after it was written.",
        "loginlake audit names it, and what to do.",
    )


def _settle(suspects: pl.DataFrame, repeats: pl.DataFrame) -> pl.DataFrame:
    """The repeats, old and new, each with its group's earliest origin.

    A stored repeat's winner counts although its own row may not be here yet: another cleaner is about to bring it.
    """
    suspects, repeats = _by_one_name(suspects, repeats)
    old, new = repeats.lazy(), suspects.lazy()
    winners = old.select(*GROUP, **dict(zip(ORIGIN[1:], map(pl.col, WINNER[1:]), strict=True)))
    members = pl.concat([new.select(*GROUP, *ORIGIN[1:]), old.select(*GROUP, *ORIGIN[1:])]).unique()
    earliest = (
        pl.concat([members, winners])
        .sort(*ORIGIN)
        .group_by(*GROUP, maintain_order=True)
        .first()
        .rename(dict(zip(ORIGIN[1:], WINNER[1:], strict=True)))
    )
    same = pl.all_horizontal(
        pl.col(mine) == pl.col(theirs) for mine, theirs in zip(ORIGIN[1:], WINNER[1:], strict=True)
    )
    settled = members.join(earliest, on=GROUP, how="inner", nulls_equal=True).filter(~same)
    return settled.select(*ORIGIN, *GROUP[1:], *WINNER[1:]).sort(*ORIGIN).collect()


def _by_one_name(suspects: pl.DataFrame, repeats: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same with one `who` a person, where another key than today's made some of them: an origin that goes by two
    is one message, so both name one person. The name of a row at hand counts, since it was made by today's key.
    """
    winners = repeats.select(*GROUP, **dict(zip(ORIGIN[1:], map(pl.col, WINNER[1:]), strict=True)))
    named = pl.concat([suspects.select(*GROUP, *ORIGIN[1:]), repeats.select(*GROUP, *ORIGIN[1:]), winners]).unique()
    place = ("hour", "source", "id", *ORIGIN[1:])
    doubled = named.filter(pl.struct(place).is_duplicated())
    if doubled.is_empty():
        return suspects, repeats
    today = set(suspects.select(GROUP).iter_rows())
    better: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def name_of(group: tuple[Any, ...]) -> tuple[Any, ...]:
        while group in better:
            group = better[group]
        return group

    for _, both in doubled.select(*place, "who").sort(*place, "who").group_by(place, maintain_order=True):
        groups = sorted(
            {name_of(row) for row in both.select(GROUP).iter_rows()}, key=lambda row: (row not in today, row[-1] or "")
        )
        better.update((other, groups[0]) for other in groups[1:])

    def renamed(frame: pl.DataFrame) -> pl.DataFrame:
        names = [name_of(row)[-1] for row in frame.select(GROUP).iter_rows()]
        return frame.with_columns(who=pl.Series(names, dtype=pl.String))

    return renamed(suspects), renamed(repeats)
