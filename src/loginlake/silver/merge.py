"""Merge: hours' stored rows and new rows made one, many hours at once. Pure and columnar (Polars).

Rows are united by origin, then grouped by (source, id, person): the earliest origin, compared as (log, partition,
offset), wins, and the others are repeats. The result does not depend on order, repetition or a crash in between. Hours
know nothing of each other; they go through one Polars pipeline because it costs milliseconds, however little is in it.
Of a large hour the keys are in memory, and some megabytes of its lines at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, repeat
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
PIECE = 8 * 1024 * 1024
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


class Stored:
    """An hour's silver as it is stored, opened piece by piece. A small one stays open."""

    def __init__(self, data: bytes | None = None) -> None:
        """`data`: the object, None where there is none. Corrupt when it cannot be opened; its end may be damaged."""
        self._data = data
        first = b"" if data is None else next(lines.pieces(data, PIECE), b"")
        self.content = first if data is None or _size(data) == len(first) else None
        """All lines, uncompressed; None when they are many."""

    def pieces(self) -> Iterator[bytes]:
        """The uncompressed lines, some at a time."""
        if self.content is None and self._data is not None:
            yield from lines.pieces(self._data, PIECE)
        elif self.content:
            yield self.content


class Hour(NamedTuple):
    """What one merge has to do: the stored silver of an hour and shard, its repeats, uncompressed, and new rows."""

    silver: Stored
    repeated: bytes
    new: Rows


class Merged(NamedTuple):
    """The hour's next silver, in pieces to be taken once (None: as it was), its repeats, uncompressed, and how many of
    the new rows ended where.
    """

    silver: Iterator[bytes] | None
    repeated: bytes
    kept: int
    repeats: int


def merge(silver: bytes, repeated: bytes, new: Rows, who: Who) -> tuple[bytes, bytes]:
    """One hour alone, whole and uncompressed: its next silver and repeats. See merge_hours."""
    [merged] = merge_hours([Hour(Stored(lines.compress(silver)), repeated, new)], who)
    return silver if merged.silver is None else b"".join(merged.silver), merged.repeated


def merge_hours(hours: Sequence[Hour], who: Who) -> list[Merged]:
    """The next content of each hour.

    `who` answers the keyed hash of the person in a silver line; it is asked only where a (source, id) comes twice.
    Corrupt when stored content is none that clean wrote.
    """
    old = [[row for piece in hour.silver.pieces() for row in rows_of(piece)] for hour in hours]
    stored = list(map(len, old))
    rows = _rows(hours, old)
    del old
    repeats = _repeats(hours)
    suspects = _suspects(rows, repeats)
    kept, repeated = rows, [hour.repeated for hour in hours]
    if suspects.height:
        persons = [who(text) for text in _texts(hours, stored, suspects)]
        repeats = _settle(suspects.with_columns(who=pl.Series(persons, dtype=pl.String)), repeats)
        kept = rows.join(repeats, on=ORIGIN, how="anti", maintain_order="left")
        repeated = _repeated_content(repeats, len(hours))
    return _by_hour(hours, stored, rows, kept, repeated)


def _texts(hours: Sequence[Hour], stored: list[int], wanted: pl.DataFrame) -> list[bytes]:
    """The lines of some rows, which are sorted by hour."""
    found: list[bytes] = []
    places = _places(wanted, len(hours))
    for hour, count, some in zip(hours, stored, places, strict=True):
        of_stored = iter(sorted(place for place in some if place < count))
        texts = dict(zip(sorted(place for place in some if place < count), _picked(hour, of_stored), strict=True))
        found += [texts[place] if place < count else hour.new.line[place - count] for place in some]
    return found


def _picked(hour: Hour, places: Iterator[int]) -> Iterator[bytes]:
    """Stored lines by their places, which ascend."""
    start, texts = 0, list[bytes]()
    pieces = hour.silver.pieces()
    for place in places:
        while place >= start + len(texts):
            start += len(texts)
            texts = lines.split(next(pieces))
        yield texts[place - start]


def _by_hour(
    hours: Sequence[Hour], stored: list[int], rows: pl.DataFrame, kept: pl.DataFrame, repeated: list[bytes]
) -> list[Merged]:
    """Each hour's part; `kept` is sorted by hour."""
    fresh, fresh_kept = (_count(_fresh(frame), len(hours)) for frame in (rows, kept))
    merged = []
    for at, order in enumerate(_places(kept, len(hours))):
        unchanged = order == list(range(stored[at]))
        silver = None if unchanged else _in_order(hours[at], stored[at], order)
        merged.append(Merged(silver, repeated[at], fresh_kept[at], fresh[at] - fresh_kept[at]))
    return merged


def _in_order(hour: Hour, stored: int, order: list[int]) -> Iterator[bytes]:
    """The lines of these places, stored or new, in pieces."""
    of_stored = [place for place in order if place < stored]
    if of_stored == sorted(of_stored):
        texts = _picked(hour, iter(of_stored))
    else:  # somebody else wrote it, in another order: all at once
        every = [text for piece in hour.silver.pieces() for text in lines.split(piece)]
        texts = iter([every[place] for place in of_stored])
    some: list[bytes] = []
    size = 0
    for place in order:
        some.append(next(texts) if place < stored else hour.new.line[place - stored])
        size += len(some[-1])
        if size >= PIECE:
            yield lines.join(some)
            some, size = [], 0
    yield lines.join(some)


def _places(rows: pl.DataFrame, hours: int) -> list[list[int]]:
    """The places of each hour's rows, in the order of the rows, which are sorted by hour."""
    lengths = _count(rows, hours)
    places = rows["place"].to_list()
    starts = accumulate(lengths, initial=0)
    return [places[start : start + length] for start, length in zip(starts, lengths, strict=False)]


def _size(data: bytes) -> int:
    """The size of a gzip member's content (below 4 GiB), as its end says."""
    return int.from_bytes(data[-4:], "little")


def _fresh(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter("fresh")


def _count(rows: pl.DataFrame, hours: int) -> list[int]:
    """The number of rows of each hour."""
    found = dict(rows.group_by("hour").len().iter_rows())
    return [found.get(hour, 0) for hour in range(hours)]


def _rows(hours: Sequence[Hour], old: Sequence[list[Any]]) -> pl.DataFrame:
    """The keys of stored and new rows in silver's order, each with its place (in the stored lines, or past them in the
    new ones), whether it is fresh (among the new), and whether it is `doubled`.

    One row an origin, stored rather than new: they are equal. Doubled: another row of the hour has its (source, id).
    """
    columns: dict[str, Iterable[Any]] = {name: _column(name, old, hours) for name in KEYS}
    counts = [(len(before), len(hour.new)) for before, hour in zip(old, hours, strict=True)]
    columns["hour"] = chain.from_iterable(repeat(at, sum(count)) for at, count in enumerate(counts))
    columns["place"] = chain.from_iterable(range(sum(count)) for count in counts)
    columns["fresh"] = chain.from_iterable((False,) * before + (True,) * new for before, new in counts)
    rows = _frame(columns, {**KEYS, "hour": pl.UInt32, "place": pl.UInt32, "fresh": pl.Boolean})
    if rows.select(pl.struct(ORIGIN).is_duplicated().any()).item():
        rows = rows.with_columns(pl.col("fresh").any().over(ORIGIN)).unique(ORIGIN, keep="first", maintain_order=True)
    return rows.with_columns(doubled=pl.struct("hour", "source", "id").is_duplicated()).sort(
        "hour", "time", "source", "id", *ORIGIN[1:]
    )


def _column(name: str, old: Sequence[list[Any]], hours: Sequence[Hour]) -> list[Any]:
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
