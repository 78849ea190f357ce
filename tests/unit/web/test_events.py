"""POST /api/events: who may send, what is an event, what became of each; and the bytes as they came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fakes.issuer import Clock
from fakes.web_site import HeldLog, Site
from hypothesis import given
from hypothesis import strategies as st

from loginlake.errors import Overloaded, Unavailable
from loginlake.event import CONTENT_TYPE
from loginlake.stream.spool import SpooledLog
from loginlake.stream.spool_record import SpoolLimits
from loginlake.web.context import Limits
from loginlake.web.events import BATCH, SINGLE, Event, Result, envelope
from loginlake.web.keys import ApiKeys

SHOP = "https://shop.example"
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": SHOP,
    "type": "loginlake.signin.v1",
    "subject": "google|1",
    "data": {"provider": "google", "user_id": "1"},
}


class Shop:
    """An application with a key, and the web that it sends to."""

    def __init__(self, path: Path, limits: Limits | None = None, spool: SpoolLimits | None = None) -> None:
        self.keys = ApiKeys(path / "keys.json")
        self.made, self.key = self.keys.add(SHOP, "2026-11-24T12:00:00Z")
        self.log = HeldLog()
        self.spool = SpooledLog(self.log, path / "spool", limits=spool) if spool else None
        self.clock = Clock()
        self.site = Site(path, log=self.log, clock=self.clock, limits=limits, api_key=self.keys.find, spool=self.spool)
        transport = httpx.ASGITransport(app=self.site.app)
        self.client = httpx.AsyncClient(transport=transport, base_url=self.site.origin)

    async def post(self, body: Any, kind: str = SINGLE, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": kind, "Authorization": f"Bearer {self.key}", **headers}
        return await self.client.post("/api/events", content=content, headers=sent)

    def records(self) -> list[tuple[bytes | None, bytes | None]]:
        return [(record.key, record.value) for rows in self.log.records for record in rows if record is not None]

    async def close(self) -> None:
        await self.client.aclose()
        if self.spool is not None:
            await asyncio.to_thread(self.spool.stop)
        await self.site.close()


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(tmp_path)
    yield made
    await made.close()


def event(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (EVENT | changes).items() if value is not ...}


@pytest.mark.asyncio
async def test_one_event_is_durable_byte_for_byte(shop: Shop) -> None:
    body = json.dumps(event(extra="ñ\u2028"), indent=2, ensure_ascii=False).encode() + b"\n"
    answer = await shop.post(body)
    assert answer.status_code == 202
    ((key, value),) = shop.records()
    assert (key, value) == (b"google|1", body)
    (result,) = answer.json()["results"]
    assert result["id"] == "e1"
    assert result["accepted"] is True
    record = shop.log.records[result["partition"]][result["offset"]]
    assert record is not None
    assert record.value == body
    assert list(record.headers) == [("content-type", CONTENT_TYPE.encode())]
    assert answer.headers["cache-control"] == "no-store"
    assert shop.site.counters()["events_accepted"] == 1


@pytest.mark.asyncio
async def test_a_batch_keeps_each_events_bytes_and_answers_each(shop: Shop) -> None:
    parts = [b'{ "specversion":"1.0", "id":"%d", "source":"https:\\/\\/shop.example","type":"t"}' % n for n in range(3)]
    answer = await shop.post(b"[" + b" ,\n".join(parts) + b"]", BATCH)
    assert answer.status_code == 202
    assert {value for _, value in shop.records()} == set(parts)
    assert [result["id"] for result in answer.json()["results"]] == ["0", "1", "2"]


@pytest.mark.asyncio
async def test_a_batch_of_good_and_bad_says_which(shop: Shop) -> None:
    batch = [
        event(id="a"),
        event(id="b", source="https://evil.example"),
        7,
        event(id="c", data="x" * 1_048_576),
        event(id="d"),
    ]
    answer = await shop.post(batch, BATCH)
    assert answer.status_code == 202
    results = answer.json()["results"]
    assert [(found["id"], found["accepted"], found.get("reason")) for found in results] == [
        ("a", True, None),
        ("b", False, "foreign_source"),
        (None, False, "not_an_event"),
        ("c", False, "too_large"),
        ("d", True, None),
    ]
    assert len(shop.records()) == 2
    assert shop.site.counters()["events_refused"] == 3


@pytest.mark.asyncio
async def test_an_empty_batch_is_nothing(shop: Shop) -> None:
    answer = await shop.post([], BATCH)
    assert (answer.status_code, answer.json()) == (202, {"results": []})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer ll_x", "Basic YTpi", "Bearer ll_" + "A" * 43]
)
async def test_without_a_good_key(shop: Shop, authorization: str) -> None:
    answer = await shop.post(EVENT, Authorization=authorization)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="loginlake"'
    assert answer.json()["reason"] == "api_key"
    assert shop.records() == []


@pytest.mark.asyncio
async def test_a_revoked_key(shop: Shop) -> None:
    assert (await shop.post(EVENT)).status_code == 202
    shop.keys.revoke(shop.made.id, "2026-11-24T13:00:00Z")
    assert (await shop.post(EVENT)).status_code == 401


BAD: list[tuple[bytes, int, str]] = [
    (b"", 400, "not_an_event"),
    (b"hello", 400, "not_an_event"),
    (b"[]", 400, "not_an_event"),
    (b"null", 400, "not_an_event"),
    (b"{}", 400, "not_an_event"),
    (b"\xef\xbb\xbf{}", 400, "not_an_event"),
    (b'{"id":"\xff"}', 400, "not_an_event"),
    (b'{"data":' + b"[" * 30_000, 400, "not_an_event"),
    (json.dumps(event(specversion="0.3")).encode(), 400, "not_an_event"),
    (json.dumps(event(id=7)).encode(), 400, "not_an_event"),
    (json.dumps(event(id="")).encode(), 400, "not_an_event"),
    (json.dumps(event(type=None)).encode(), 400, "not_an_event"),
    (json.dumps(event(source=...)).encode(), 400, "not_an_event"),
    (json.dumps(event(source="https://evil.example")).encode(), 403, "foreign_source"),
    (json.dumps(event(source=SHOP + "/")).encode(), 403, "foreign_source"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("body", "status", "reason"), BAD)
@pytest.mark.parametrize("kind", [SINGLE, BATCH])
async def test_what_is_no_event_of_this_source(shop: Shop, body: bytes, status: int, reason: str, kind: str) -> None:
    if kind == BATCH and reason == "foreign_source":
        body = b"[" + body + b"]"
    if kind == BATCH and body == b"[]":
        body = b"[7]"
    answer = await shop.post(body, kind)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == reason
    assert shop.records() == []


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["application/json", "", "text/plain", "application/cloudevents+xml"])
async def test_another_kind_of_content(shop: Shop, kind: str) -> None:
    assert (await shop.post(EVENT, kind)).status_code == 415


@pytest.mark.asyncio
async def test_charset_and_case_of_the_kind(shop: Shop) -> None:
    assert (await shop.post(EVENT, "Application/CloudEvents+JSON; charset=utf-8")).status_code == 202


@pytest.mark.asyncio
async def test_sizes(shop: Shop) -> None:
    assert (await shop.post(event(data="x" * 1_048_576))).status_code == 413
    assert (await shop.post([event(data="x" * 900_000)] * 5, BATCH)).status_code == 413
    many = await shop.post([event()] * 1001, BATCH)
    assert (many.status_code, many.json()["reason"]) == (413, "too_many_events")
    assert shop.records() == []
    assert (await shop.post([event()] * 1000, BATCH)).status_code == 202
    assert len(shop.records()) == 1000


@pytest.mark.asyncio
async def test_the_rate_of_a_key(tmp_path: Path) -> None:
    shop = Shop(tmp_path, Limits(events_a_minute=10))
    assert (await shop.post([event()] * 8, BATCH)).status_code == 202
    answer = await shop.post([event()] * 3, BATCH)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["reason"] == "events"
    assert (await shop.post([event()] * 2, BATCH)).status_code == 202
    shop.clock.pass_s(60)
    assert (await shop.post([event()] * 10, BATCH)).status_code == 202
    assert shop.site.counters()["events_limited"] == 3
    await shop.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [Unavailable("away"), Overloaded("busy")])
async def test_a_log_that_does_not_take_it(shop: Shop, error: Exception) -> None:
    shop.log.fail_next("send", error=error)  # type: ignore[arg-type]
    answer = await shop.post(EVENT)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert answer.json()["results"] == [{"id": "e1", "accepted": False, "reason": "unavailable"}]
    shop.log.fail_next("send", 1, error=error)  # type: ignore[arg-type]
    partly = await shop.post([event(id="a"), event(id="b")], BATCH)
    assert partly.status_code == 202
    assert [found["accepted"] for found in partly.json()["results"]] == [False, True]
    assert shop.site.counters()["events_unavailable"] == 2


@pytest.mark.asyncio
async def test_a_log_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    shop = Shop(tmp_path, Limits(send_s=0.01))
    shop.log.holding = True
    assert (await shop.post(EVENT)).status_code == 503
    shop.log.let_go()
    await shop.close()


@pytest.mark.asyncio
async def test_in_the_spool_it_is_accepted_and_said_so(tmp_path: Path) -> None:
    shop = Shop(tmp_path, spool=SpoolLimits(slow_s=0.05))
    shop.log.fail_next("send", 1_000_000)
    answer = await shop.post([event(id="a"), event(id="b")], BATCH)
    assert answer.status_code == 202
    assert answer.json()["results"] == [
        {"id": "a", "accepted": True, "spooled": True},
        {"id": "b", "accepted": True, "spooled": True},
    ]
    await shop.close()


def value(**changes: Any) -> bytes:
    return json.dumps(event(**changes)).encode()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, b"google|1"),
        ({"subject": ...}, b"google|1"),
        ({"subject": ""}, b"google|1"),
        ({"subject": 7}, b"google|1"),
        ({"subject": ..., "data": {"provider": "google"}}, b"e1"),
        ({"subject": ..., "data": "text"}, b"e1"),
        ({"subject": "someone else"}, b"someone else"),
        ({"type": "loginlake.signin_refused.v1", "subject": "unverified"}, b"e1"),
    ],
)
def test_the_key_of_an_event(changes: dict[str, Any], key: bytes) -> None:
    assert envelope(value(**changes), SHOP, 10_000) == Event("e1", key)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_an_event_or_refused(data: bytes) -> None:
    found = envelope(data, SHOP, 10_000)
    assert isinstance(found, Result)
    assert not found.accepted
    assert found.reason == "not_an_event"
