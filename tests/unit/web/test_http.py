"""A request's head is bounded; its body is the app's business."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from loginlake.web.http import HEAD_BYTES, BoundedHttp


async def _size(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[Route("/", _size, methods=["GET", "POST"])])
    server = uvicorn.Server(uvicorn.Config(app, http=BoundedHttp, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


def ask(port: int, *parts: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        answer = b""
        try:
            for part in parts:
                client.sendall(part)
            while piece := client.recv(65536):
                answer += piece
        except ConnectionError:  # it hung up on us in the middle: what it said before counts
            pass
        return answer


def test_an_endless_header_is_cut(port: int) -> None:
    filler = b"a" * 16384
    answer = ask(port, b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *([filler] * 64))
    assert b" 200 " not in answer


def test_an_endless_address_is_cut(port: int) -> None:
    assert b" 200 " not in ask(port, b"GET /", *([b"a" * 16384] * 64))


def test_a_large_body_and_a_second_request_pass(port: int) -> None:
    body = b"b" * (4 * HEAD_BYTES)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = ask(port, head, body, last)
    assert answer.count(b" 200 OK") == 2
    assert str(len(body)).encode() in answer
