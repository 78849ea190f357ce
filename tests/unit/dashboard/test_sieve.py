"""What Dash cannot answer is answered before it, for a viewer: nobody else gets so far."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fakes.sites import site
from fakes.snapshots import FakeAnswers
from starlette.types import Message, Receive, Scope, Send

from loginlake.dashboard.app import PREFIX
from loginlake.dashboard.callbacks import INPUTS, OUTPUTS
from loginlake.dashboard.sieve import MOST_OBJECTS, Sieve

PROPS = [{"id": component, "property": prop} for component, prop in OUTPUTS]
CALL: dict[str, Any] = {
    "output": "..{}..".format("...".join(f"{prop['id']}.{prop['property']}" for prop in PROPS)),
    "outputs": PROPS,
    "inputs": [
        {"id": name, "property": prop, "value": value}
        for (name, prop), value in zip(INPUTS, (1, PREFIX, ""), strict=True)
    ],
    "changedPropIds": ["ask.data"],
    "state": [{"id": "stamp", "property": "data", "value": None}],
}
FILES = f"{PREFIX}_dash-component-suites/"
DEEP: list[Any] = []
for _ in range(MOST_OBJECTS):
    DEEP = [DEEP]


def ask(method: str, path: str, **sent: Any) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app=site(FakeAnswers()))
        async with httpx.AsyncClient(transport=transport, base_url="http://a.example", cookies={"who": "viewer"}) as it:
            return await it.request(method, path, **sent)

    return asyncio.run(one())


def call(body: bytes, kind: str = "application/json") -> httpx.Response:
    return ask("POST", f"{PREFIX}_dash-update-component", content=body, headers={"content-type": kind})


def test_what_the_page_asks_passes() -> None:
    assert call(json.dumps(CALL).encode()).status_code == 200
    assert call(json.dumps(CALL).encode(), "application/json; charset=utf-8").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"output": "nope.children"},
        {"output": "ask.data", "outputs": [{"id": "ask", "property": "data"}]},
        {"output": None},
        {"outputs": []},
        {"outputs": PROPS[:-1]},
        {"outputs": {"a": 1}},
        {"inputs": []},
        {"inputs": None},
        {"inputs": [1, 2]},
        {"inputs": [CALL["inputs"][1], CALL["inputs"][0]]},
        {"inputs": [CALL["inputs"][0], {"id": {"index": 1}, "property": "value"}]},
        {"state": []},
        {"changedPropIds": [1]},
        {"changedPropIds": "ask.data"},
        {"state": [{"id": "stamp", "property": "data", "value": DEEP}]},
    ],
)
def test_another_call_is_malformed(change: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    answer = call(json.dumps({**CALL, **change}).encode())
    assert (answer.status_code, answer.json()["title"]) == (400, "malformed")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert caplog.text == ""


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 60_000, b"{}", b'"\\ud800"'])
def test_what_is_no_call_at_all_is_malformed(body: bytes) -> None:
    assert call(body).status_code == 400


def test_a_call_that_is_not_said_to_be_json_is_malformed() -> None:
    assert call(json.dumps(CALL).encode(), "text/plain").status_code == 400


@pytest.mark.parametrize(
    "path", ["", "dash", "dash/", "dash/deps/nope.js", "os/path.py", "dash/..%2F..%2Fos.py", "%00/%00", "dash//x.js"]
)
def test_a_file_that_no_page_names_is_missing(path: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = ask("GET", FILES + path)
    assert answer.status_code == 404
    assert caplog.text == ""


def test_the_files_of_the_page_are_there_even_before_a_first_page() -> None:
    page = ask("GET", PREFIX).text
    names = [part.partition('"')[0] for part in page.split(FILES)[1:]]
    assert len(names) > 5
    for name in names:
        assert ask("GET", FILES + name).status_code == 200, name


def test_a_caller_who_leaves_in_the_middle_ends_it() -> None:
    told: Iterator[Message] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> Message:
        return next(told)

    async def send(message: Message) -> None:
        raise AssertionError(message)

    async def dash(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError(scope)

    scope = {"type": "http", "method": "POST", "path": f"{PREFIX}_dash-update-component", "headers": []}
    asyncio.run(Sieve(dash, prefix=PREFIX, files={}, callbacks={})(scope, receive, send))
