"""A competent script without the promises: read bronze, drop nulls and repeats, write clean lines, count by day."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import polars as pl

FIELDS = ("provider", "user_id", "username", "email", "picture", "method", "user_agent")
DATA = pl.Struct(dict.fromkeys(FIELDS, pl.String))
VALUE = pl.Struct({"type": pl.String, "id": pl.String, "source": pl.String, "time": pl.String, "data": DATA})
LINE: dict[str, pl.DataType | type[pl.DataType]] = {
    "log": pl.Int64,
    "partition": pl.Int64,
    "offset": pl.Int64,
    "timestamp": pl.String,
    "value": VALUE,
}


def main(bronze: str) -> None:
    paths = sorted(str(path) for path in Path(bronze).rglob("*.jsonl.gz"))
    rows = pl.scan_ndjson(paths, schema=LINE).unnest("value").unnest("data")
    clean = rows.drop_nulls(["id", "source", "time", "user_id", "username", "email", "picture"]).unique(
        ["source", "id"]
    )
    frame = clean.collect(engine="streaming")
    with tempfile.TemporaryDirectory() as folder:
        frame.sort("time").write_ndjson(Path(folder) / "clean.jsonl")
    days = frame.group_by(pl.col("time").str.slice(0, 10)).agg(pl.len(), pl.col("user_id").n_unique())
    people = frame.group_by("user_id").agg(pl.len(), pl.col("time").min(), pl.col("time").max().alias("last"))
    print(days.height, people.height)


if __name__ == "__main__":
    main(sys.argv[1])
