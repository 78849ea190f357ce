"""MongoGold without a server: what it asks, how patiently, and what its errors say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DocumentTooLarge,
    ExecutionTimeout,
    InvalidOperation,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
)

from loginlake.errors import Denied, GiveUp, LoginlakeError, Misconfigured, Overloaded, TooLarge, Unavailable
from loginlake.gold import mongo_errors
from loginlake.gold.mongo import MongoGold, _ranges
from loginlake.gold.mongo_url import parse

SECRET = "p4ssw0rd"
ADDRESS = parse(f"mongodb://ana:{SECRET}@db.example:27017,db2.example/signins?authSource=admin")


@pytest.mark.parametrize(
    ("url", "hosts", "database"),
    [
        ("mongodb://127.0.0.1/signins", "127.0.0.1", "signins"),
        ("mongodb://[::1]:27017/signins", "[::1]:27017", "signins"),
        (f"mongodb://ana:{SECRET}@a:1,b:2/x-y_z?replicaSet=rs", "a:1,b:2", "x-y_z"),
        ("mongodb+srv://ana:p%40ss@cluster.example.net/signins", "cluster.example.net", "signins"),
    ],
)
def test_an_address_shows_where_and_never_who(url: str, hosts: str, database: str) -> None:
    address = parse(url)
    assert (address.hosts, address.database) == (hosts, database)
    assert "ana" not in str(address)
    assert SECRET not in str(address)


def test_options_of_the_url_come_before_ours() -> None:
    ours = parse("mongodb://h/d?serverselectiontimeoutms=1&W=1&retryWrites=false").defaults
    assert "serverSelectionTimeoutMS" not in ours
    assert "w" not in ours
    assert ours["connectTimeoutMS"] == 3_000
    assert parse("mongodb://h/d").defaults["w"] == "majority"


def test_what_is_away_or_hung_is_named_within_15_seconds() -> None:
    ours = parse("mongodb://h/d").defaults
    assert 2 * ours["connectTimeoutMS"] + ours["serverSelectionTimeoutMS"] < 15_000
    assert ours["socketTimeoutMS"] + ours["serverSelectionTimeoutMS"] < 15_000


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mongodb:",
        "mongodb://",
        f"mongodb://ana:{SECRET}@/signins",
        f"mongodb://ana:{SECRET}@h",
        f"mongodb://ana:{SECRET}@h/",
        f"mongodb://ana:{SECRET}@h/a b",
        f"mongodb://ana:{SECRET}@h/a.b",
        f"mongodb://ana:{SECRET}/x@h/d",
        f"mongodb://ana:{SECRET}@x@h/d",
        f"mongodb://ana:{SECRET}@h:99999/d",
        f"mongodb://ana:{SECRET}@h:port/d",
        f"mongodb://ana:{SECRET}@h/d?nonsense=1",
        f"mongodb://ana:{SECRET}@h/d?tls=maybe",
        f"mongodb://ana:{SECRET}@h/d?authMechanism=FOO",
        f"mongodb://ana:{SECRET}@h/d?tls=true&tlsCAFile=/nowhere.pem",
        f"http://ana:{SECRET}@h/d",
    ],
)
def test_a_wrong_url_is_named_without_its_password(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        MongoGold(url)
    said = caught.value
    assert SECRET not in str(said)
    assert said.why
    assert said.next_move
    assert said.__cause__ is None


def failing(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        with mongo_errors.named(ADDRESS):
            raise error

    return act


CODES: list[tuple[int, type[LoginlakeError]]] = [
    (18, Denied),
    (8000, Denied),
    (13, Denied),
    (86, Misconfigured),
    (17_420, TooLarge),
    (16_500, Overloaded),
    (91, Unavailable),
    (11_600, Unavailable),
    (2, GiveUp),
]


@pytest.mark.parametrize(("code", "family"), CODES)
def test_codes_have_names(code: int, family: type[LoginlakeError]) -> None:
    for error in (
        OperationFailure(f"quotes {SECRET}", code),
        BulkWriteError({"writeErrors": [{"index": 0, "code": code, "errmsg": SECRET}]}),
    ):
        with pytest.raises(family) as caught:
            failing(error)()
        assert type(caught.value) is family
        assert SECRET not in str(caught.value)
        assert str(code) in str(caught.value) or code == 16_500


@pytest.mark.parametrize(
    ("error", "family", "words"),
    [
        (ServerSelectionTimeoutError("h:1: [Errno 111] Connection refused (configured"), Unavailable, "listens"),
        (ServerSelectionTimeoutError("h:1: [Errno -2] Name or service not known"), Unavailable, "host name"),
        (ServerSelectionTimeoutError("No servers found yet, Timeout: 2s"), Unavailable, "in time"),
        (ServerSelectionTimeoutError("SSL handshake failed: certificate verify failed"), Misconfigured, "certificate"),
        (ServerSelectionTimeoutError("SSL handshake failed: [SSL] wrong version"), Misconfigured, "TLS"),
        (AutoReconnect("h:1: connection closed"), Unavailable, "TLS"),
        (NetworkTimeout("h:1: timed out"), Unavailable, "in time"),
        (NotPrimaryError("not primary"), Unavailable, "failed"),
        (WaitQueueTimeoutError("Timed out while checking out a connection"), Unavailable, "in time"),
        (ExecutionTimeout("too slow", 50), Unavailable, "50"),
        (WriteConcernError("waiting for replication", 64), Unavailable, "64"),
        (ConfigurationError("The DNS query name does not exist"), Misconfigured, "option"),
        (InvalidOperation("Cannot use MongoClient after close"), Unavailable, "closed"),
        (InvalidOperation("something of ours"), GiveUp, "InvalidOperation"),
        (DocumentTooLarge(SECRET), TooLarge, "larger"),
        (OverflowError("MongoDB can only handle up to 8-byte ints"), TooLarge, "larger"),
    ],
)
def test_failures_have_names(error: Exception, family: type[LoginlakeError], words: str) -> None:
    with pytest.raises(family, match=words) as caught:
        failing(error)()
    assert SECRET not in str(caught.value)


def test_a_name_that_dns_lacks_may_come() -> None:
    with pytest.raises(Unavailable), mongo_errors.named(parse("mongodb+srv://h.example/d")):
        raise ConfigurationError("The DNS query name does not exist: _mongodb._tcp.h.example.")


class Throttled:
    """Stands for the driver's call: throttled so often, then an answer."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise OperationFailure("Request rate is large", 16_500)
        return "done"


def patient(attempts: int = 4) -> tuple[MongoGold, list[float]]:
    pauses: list[float] = []
    return MongoGold("mongodb://127.0.0.1:1/d", attempts=attempts, pause=pauses.append), pauses


def test_a_throttled_call_is_repeated_with_growing_pauses() -> None:
    gold, pauses = patient()
    call = Throttled(3)
    assert gold._call(call) == "done"
    assert call.calls == 4
    assert [0.05 * 2**n <= pause <= 0.1 * 2**n for n, pause in enumerate(pauses)] == [True] * 3
    gold.close()


def test_a_call_throttled_for_long_is_overloaded() -> None:
    gold, pauses = patient()
    with pytest.raises(Overloaded):
        gold._call(Throttled(99))
    assert len(pauses) == 3
    gold.close()


def test_of_a_throttled_batch_only_the_rest_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gold, _ = patient()
    sent: list[list[Any]] = []
    answers = [{1: 16_500, 2: 16_500}, {0: 16_500}, {}]

    def bulk(collection: str, writes: list[Any]) -> dict[int, int]:
        sent.append([write._filter["_id"] for write in writes])
        return answers.pop(0)

    monkeypatch.setattr(gold, "_bulk", bulk)
    gold.replace("rows", [{"_id": name} for name in "abc"])
    assert sent == [["a", "b", "c"], ["b", "c"], ["b"]]
    gold.close()


def test_one_range_of_the_index_a_query_the_nearest_first() -> None:
    fields = ["town", "last", "_id"]
    assert _ranges(fields, (), None, "$gt") == [{}]
    assert _ranges(fields, ("a", 1), ("a", 1, "x"), "$gt") == [{"town": "a", "last": 1, "_id": {"$gt": "x"}}]
    assert _ranges(fields, ("a",), ("a", 1, "x"), "$lt") == [
        {"town": "a", "last": 1, "_id": {"$lt": "x"}},
        {"town": "a", "last": {"$lt": 1}},
    ]
