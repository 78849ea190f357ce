"""Every object's name in the lake, and back. Pure: no name is put together anywhere else (docs/data.md)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal, NamedTuple

Kind = Literal["signins", "refusals"]
LAKE = "lake.json"
_BRONZE = re.compile(
    r"^bronze/signins/date=(?P<date>\d{4}-\d\d-\d\d)/hour=(?P<hour>\d\d)/log=(?P<log>\d+)/partition=(?P<partition>\d+)"
    r"/(?P<start>\d{20})\.jsonl\.gz$"
)

_ROWS = re.compile(
    r"^rows/(?P<kind>signins|refusals)/date=(?P<date>\d{4}-\d\d-\d\d)/hour=(?P<hour>\d\d)/shard=(?P<shard>\d+)"
    r"/of/(?P<bronze>.+)$"
)


_SILVER = re.compile(
    r"^(?:silver/(?P<kind>signins|refusals)|repeated(?:/kind=(?P<of>refusals))?)"
    r"/date=(?P<date>\d{4}-\d\d-\d\d)/hour=(?P<hour>\d\d)/shard=(?P<shard>\d+)\.jsonl\.gz$"
)


class BronzeName(NamedTuple):
    """What a bronze object's name says: the arrival hour, the log, the partition and the first offset."""

    date: str
    hour: int
    log: int
    partition: int
    start: int

    @property
    def key(self) -> str:
        """The object's name."""
        return f"{bronze_partition(self.date, self.hour, self.log, self.partition)}{self.start:020d}.jsonl.gz"


class Slot(NamedTuple):
    """An hour of silver and one of its shards: what is merged together."""

    kind: Kind
    date: str
    hour: int
    shard: int = 0


def arrival(timestamp_ms: int) -> tuple[str, int]:
    """The date and hour (UTC) of a log timestamp in milliseconds."""
    moment = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%d"), moment.hour


def bronze_hour(date: str, hour: int) -> str:
    """The folder of one arrival hour in bronze, with its slash."""
    return f"{bronze_day(date)}hour={hour:02d}/"


def bronze_day(date: str) -> str:
    """The folder of one arrival day in bronze, with its slash."""
    return f"bronze/signins/date={date}/"


def bronze_partition(date: str, hour: int, log: int, partition: int) -> str:
    """The folder of one partition's objects of one arrival hour, with its slash."""
    return f"{bronze_hour(date, hour)}log={log}/partition={partition}/"


def parse_bronze(key: str) -> BronzeName:
    """The parts of a bronze object's name; ValueError when it is none."""
    found = _BRONZE.match(key)
    if found is None:
        raise ValueError(f"not the name of a bronze object: {key}")
    numbers = (int(found[name]) for name in ("hour", "log", "partition", "start"))
    return BronzeName(found["date"], *numbers)


def is_bronze(key: str) -> bool:
    """Whether a name is one of a bronze object."""
    return _BRONZE.match(key) is not None


def todo(bronze_key: str) -> str:
    """The work list's entry for a bronze object: written before it, removed after its receipt."""
    return "todo/" + bronze_key.removeprefix("bronze/")


def bronze_of_todo(todo_key: str) -> str:
    """The bronze object that an entry of the work list stands for."""
    return "bronze/" + todo_key.removeprefix("todo/")


def rejected(bronze_key: str) -> str:
    """Where the rejected rows of a bronze object are."""
    return "rejected/" + bronze_key.removeprefix("bronze/")


def bronze_of_rejected(rejected_key: str) -> str:
    """The bronze object that rejected rows are of."""
    return "bronze/" + rejected_key.removeprefix("rejected/")


def receipt(bronze_key: str) -> str:
    """The receipt of a bronze object: what became of its lines."""
    return "receipts/" + bronze_key.removeprefix("bronze/").removesuffix(".jsonl.gz") + ".json"


def bronze_of_receipt(receipt_key: str) -> str:
    """The bronze object that a receipt is of."""
    return "bronze/" + receipt_key.removeprefix("receipts/").removesuffix(".json") + ".jsonl.gz"


def head(log: int, partition: int) -> str:
    """The small object that says where the chain of a partition ends (may lag, never leads)."""
    return f"heads/log={log}/partition={partition}.json"


def expired(log: int, partition: int, start: int) -> str:
    """The outcome of records that the log dropped before they were landed, by their first offset."""
    return f"{expired_folder(log, partition)}{start:020d}.json"


def expired_folder(log: int, partition: int) -> str:
    """The folder of a partition's outcomes of expired records, with its slash."""
    return f"expired/log={log}/partition={partition}/"


def is_rejected(key: str) -> bool:
    """Whether a name is one of a bronze object's rejected rows."""
    return is_bronze(bronze_of_rejected(key))


def silver(slot: Slot) -> str:
    """The silver object of an hour and shard."""
    return f"silver/{slot.kind}/date={slot.date}/hour={slot.hour:02d}/shard={slot.shard:02d}.jsonl.gz"


def repeated(slot: Slot) -> str:
    """The repeats of an hour and shard, one line each, of sign-ins and of refusals alike."""
    return f"{repeated_day(slot.kind, slot.date)}hour={slot.hour:02d}/shard={slot.shard:02d}.jsonl.gz"


def repeated_day(kind: Kind, date: str) -> str:
    """The folder of one day's repeats, with its slash."""
    return f"repeated/{'' if kind == 'signins' else 'kind=refusals/'}date={date}/"


def parse_silver(key: str) -> Slot:
    """The hour and shard of an object of silver or repeated; ValueError when the name is none of theirs."""
    found = _SILVER.match(key)
    if found is None:
        raise ValueError(f"not the name of an hour's object: {key}")
    kind: Kind = "refusals" if "refusals" in (found["kind"], found["of"]) else "signins"
    return Slot(kind, found["date"], int(found["hour"]), int(found["shard"]))


def is_hour(key: str) -> bool:
    """Whether a name is one of an hour's object of silver or repeated."""
    return _SILVER.match(key) is not None


def dirty(date: str) -> str:
    """The publisher's work list: a day whose silver (or whose rejected rows) changed."""
    return f"dirty/day={date}"


def dirty_claim(date: str, token: str) -> str:
    """A publisher's own mark of a day that it is about to read."""
    return f"dirty/claims/day={date}/{token}"


def day_of_dirty(key: str) -> str:
    """The day that a mark or a claim stands for."""
    return key.removeprefix("dirty/").removeprefix("claims/").removeprefix("day=").split("/")[0]


def silver_day(kind: Kind, date: str) -> str:
    """The folder of one day of silver, with its slash."""
    return f"silver/{kind}/date={date}/"


def people_day(date: str) -> str:
    """The folder of the people of one day, with its slash."""
    return f"people/date={date}/"


def people(date: str, shard: int = 0) -> str:
    """The publisher's own: who was active on a day, by shard."""
    return f"{people_day(date)}shard={shard:02d}.jsonl.gz"


def rows(slot: Slot, bronze_key: str) -> str:
    """The rows of a bronze object on their way to one hour and shard, from machine to machine; removed once merged."""
    return f"{rows_folder(slot)}{bronze_key.removeprefix('bronze/signins/')}"


def parse_rows(key: str) -> tuple[Slot, str]:
    """Where rows on their way belong, and the bronze object they are of; ValueError when the name is none of theirs."""
    found = _ROWS.match(key)
    if found is None:
        raise ValueError(f"not the name of rows on their way: {key}")
    kind: Kind = "signins" if found["kind"] == "signins" else "refusals"
    slot = Slot(kind, found["date"], int(found["hour"]), int(found["shard"]))
    return slot, f"bronze/signins/{found['bronze']}"


def is_rows(key: str) -> bool:
    """Whether a name is one of rows on their way."""
    return _ROWS.match(key) is not None


def checked(bronze_key: str) -> str:
    """The receipt that a bronze object gets when all its rows are merged; removed with that."""
    return "checked/" + bronze_key.removeprefix("bronze/").removesuffix(".jsonl.gz") + ".json"


def is_checked(key: str) -> bool:
    """Whether a name is one of a receipt-to-be."""
    return is_bronze(bronze_of_receipt("receipts/" + key.removeprefix("checked/")))


def rows_folder(slot: Slot) -> str:
    """The folder of all rows on their way to one hour and shard, with its slash."""
    return f"rows/{slot.kind}/date={slot.date}/hour={slot.hour:02d}/shard={slot.shard:02d}/of/"


CLEAN_WATERMARK = "watermarks/clean.json"
PUBLISH_WATERMARK = "watermarks/publish.json"
