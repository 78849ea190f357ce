"""Which pictures may be shown. A picture is a request that a viewer's browser makes: its author chose where to.

Pure. What is not plainly harmless is not shown: the page shows initials in its place.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

INLINE_BYTES = 4096
_INLINE = re.compile(r"data:image/(?:svg\+xml|png|jpeg|webp)(?:;[\w=-]+)*,[ -~]*", re.ASCII).fullmatch
_ADDRESS = re.compile(r"[!-\[\]-~]{1,2048}").fullmatch  # no space, control character, backslash or letter beyond ASCII
_OWN_PATH = re.compile(r"/static/people/[\w-]+(?:\.[\w-]+)+", re.ASCII).fullmatch
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+").fullmatch


class Photos(NamedTuple):
    """Whose pictures may be shown: `sources` as in a CSP (https://host, https://*.host), and the web's own origin."""

    sources: tuple[str, ...]
    origin: str = ""


def photo(url: object, photos: Photos) -> str | None:
    """A picture's URL if it may be shown: a small inline image, one of our people's (a path), or of `sources`."""
    if not isinstance(url, str):
        return None
    if url.startswith("data:"):
        return url if len(url) <= INLINE_BYTES and _INLINE(url) else None
    if not _ADDRESS(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if photos.origin and f"{parts.scheme}://{parts.netloc.lower()}" == photos.origin:
        return parts.path if _OWN_PATH(parts.path) else None
    return parts.geturl() if any(_is_of(parts, source) for source in photos.sources) else None


def _is_of(parts: SplitResult, source: str) -> bool:
    """Whether a URL is https on a host of `source`, without a port or anybody's name before the host."""
    host, wanted = parts.netloc.lower(), source.removeprefix("https://")
    if parts.scheme != "https" or wanted == source or not _HOST(host):
        return False
    return host.endswith(wanted[1:]) if wanted.startswith("*.") else host == wanted
