"""HTTP with a bounded head: uvicorn's httptools parser holds a request line and headers of any size."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"  # RFC 6585
)


class BoundedHttp(HttpToolsProtocol):
    """Ends a connection whose request has no end of its head after HEAD_BYTES."""

    _head = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        """Bytes from the client. What comes in one piece with the end of the head is not counted."""
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request has ended: what comes next is another head."""
        super().on_message_complete()
        self._in_head, self._head = True, 0
