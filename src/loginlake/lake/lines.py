"""Lines of JSON as they are stored: gzip, the same bytes for the same lines. ISA-L: ten times zlib's speed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO

from isal import igzip, igzip_lib, isal_zlib

from loginlake.errors import Corrupt

_LEVEL = 1
_PIECE = 200  # lines packed at a time, counted from the first: what comes out does not depend on how they came
_GZIP = 31  # zlib's window bits of a gzip member


def encode(lines: Iterable[bytes]) -> bytes:
    r"""The lines (without their ends) as a gzip member; each is ended by \n. Equal lines give equal bytes."""
    return compress(join(lines))


def decode(data: bytes) -> bytes:
    """The uncompressed lines; Corrupt when the data is no whole gzip file."""
    try:
        if not data:
            raise EOFError("it is empty")
        return bytes(igzip.decompress(data))  # type: ignore[no-untyped-call]
    except (EOFError, OSError, igzip_lib.error) as error:  # type: ignore[misc]  # its stub is wrong
        raise Corrupt("A stored object is no whole gzip file:", f"{error}.", "Restore it from a copy.") from error


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """The uncompressed lines in pieces of about `size` bytes, each of whole lines; Corrupt as soon as it is seen."""
    rest = b""
    try:
        if not data:
            raise EOFError("it is empty")
        with igzip.IGzipFile(fileobj=BytesIO(data)) as file:  # type: ignore[no-untyped-call]
            while piece := file.read(size):
                whole, end, begun = piece.rpartition(b"\n")
                if end:
                    yield rest + whole + end
                    rest = begun
                else:
                    rest += piece
    except (EOFError, OSError, igzip_lib.error) as error:  # type: ignore[misc]  # its stub is wrong
        raise Corrupt("A stored object is no whole gzip file:", f"{error}.", "Restore it from a copy.") from error
    if rest:
        yield rest


def join(lines: Iterable[bytes]) -> bytes:
    r"""The lines, each ended by \n."""
    return b"\n".join((*lines, b""))


def compress(content: bytes) -> bytes:
    """Already joined lines as a gzip member without a time stamp."""
    return igzip.compress(content, _LEVEL, mtime=0)


def compress_pieces(pieces: Iterable[bytes]) -> bytes:
    """Lines that come in pieces as a gzip member without a time stamp; they need not be in memory at once."""
    coder = isal_zlib.compressobj(_LEVEL, wbits=_GZIP)
    return b"".join([*map(coder.compress, pieces), coder.flush()])


class Packer:
    """Lines that come bit by bit, packed as they come: the same bytes for the same lines, in however many calls."""

    def __init__(self) -> None:
        """No lines yet."""
        self._coder = isal_zlib.compressobj(_LEVEL, wbits=_GZIP)
        self._packed: list[bytes] = []
        self._waiting: list[bytes] = []
        self._ended = b""
        self.size = 0  # of the lines with their ends

    def add(self, lines: Sequence[bytes]) -> None:
        """Take lines (without their ends), before the first `end`."""
        self._waiting += lines
        self.size += sum(map(len, lines)) + len(lines)
        while len(self._waiting) >= _PIECE:
            self._pack(self._waiting[:_PIECE])
            del self._waiting[:_PIECE]

    def end(self) -> bytes:
        """The gzip member, without a time stamp."""
        if not self._ended:
            self._pack(self._waiting)
            self._ended = b"".join([*self._packed, self._coder.flush()])
            self._packed, self._waiting = [], []
        return self._ended

    def _pack(self, lines: Sequence[bytes]) -> None:
        self._packed.append(self._coder.compress(join(lines)))


def split(content: bytes) -> list[bytes]:
    r"""The lines of uncompressed content, without their ends. Only \n ends a line, never U+2028 or \r."""
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def count(content: bytes) -> int:
    """The number of lines of uncompressed content."""
    return content.count(b"\n")
