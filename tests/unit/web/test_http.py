"""A request's head is bounded; its body is the app's business."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from loginlake.web.http import HEAD_BYTES, BoundedHttp, Gathering


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


class Told(asyncio.Transport):
    """What a transport is told, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.gone = False

    def is_closing(self) -> bool:
        return self.gone

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.pieces.append(b"closed")


@pytest.mark.asyncio
async def test_head_and_body_of_a_turn_go_out_in_one_piece() -> None:
    told = Told()
    gathering = Gathering(told, asyncio.get_running_loop())
    for piece in (b"head ", b"body"):
        gathering.write(piece)
    assert told.pieces == []
    await asyncio.sleep(0)
    gathering.write(b"next")
    await asyncio.sleep(0)
    assert told.pieces == [b"head body", b"next"]


@pytest.mark.asyncio
async def test_what_was_written_goes_out_before_the_end() -> None:
    told = Told()
    gathering = Gathering(told, asyncio.get_running_loop())
    gathering.write(b"last")
    gathering.close()
    await asyncio.sleep(0)
    assert told.pieces == [b"last", b"closed"]


@pytest.mark.asyncio
async def test_much_is_not_held() -> None:
    told = Told()
    gathering = Gathering(told, asyncio.get_running_loop())
    gathering.write(b"a")
    gathering.write(b"b" * HEAD_BYTES)
    assert [len(piece) for piece in told.pieces] == [HEAD_BYTES + 1]


@pytest.mark.asyncio
async def test_nothing_is_written_to_a_client_that_went_away_meanwhile() -> None:
    told = Told()
    gathering = Gathering(told, asyncio.get_running_loop())
    gathering.write(b"too late")
    told.gone = True
    await asyncio.sleep(0)
    assert told.pieces == []
