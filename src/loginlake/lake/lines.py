"""Lines of JSON as they are stored: gzip, the same bytes for the same lines. ISA-L: ten times zlib's speed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO

from isal import igzip, igzip_lib, isal_zlib

from loginlake.errors import Corrupt

_LEVEL = 1
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


def split(content: bytes) -> list[bytes]:
    r"""The lines of uncompressed content, without their ends. Only \n ends a line, never U+2028 or \r."""
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def count(content: bytes) -> int:
    """The number of lines of uncompressed content."""
    return content.count(b"\n")
