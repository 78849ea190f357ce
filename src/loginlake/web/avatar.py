"""The picture of a person who has none: initials on a calm colour, as a data: URI (docs/decisions/0004)."""

from __future__ import annotations

import hashlib
import html
import unicodedata
from urllib.parse import quote

# Each has at least 4.5:1 against white.
_COLOURS = ("0b6e80", "3b5bdb", "6741d9", "9c36b5", "b02a5b", "9a5a2c", "2b7a3d", "495867")
_SAFE = "/:=' ,!;@()*~"
_HEAD, _MIDDLE, _TAIL = (
    quote(part, safe=_SAFE)
    for part in (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 96 96'><rect width='96' height='96' fill='#",
        (
            "'/><text x='48' y='50' fill='#fff' font-family='Inter,system-ui,sans-serif' font-size='38' "
            "font-weight='600' text-anchor='middle' dominant-baseline='central'>"
        ),
        "</text></svg>",
    )
)


def initials(name: str) -> str:
    """The first letters of the first and the last word, in upper case; "?" for a name without letters."""
    words = [letters for word in name.split() if (letters := "".join(c for c in word if c.isalnum()))]
    ends = words[:1] + words[1:][-1:]
    return unicodedata.normalize("NFC", "".join(word[0] for word in ends)).upper()[:3] or "?"


def initials_avatar(name: str, user_id: str) -> str:
    """An SVG as data: URI, the same for the same person everywhere and always. Needs no request."""
    digest = hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).digest()
    letters = quote(html.escape(initials(name)), safe=_SAFE)
    return f"data:image/svg+xml,{_HEAD}{_COLOURS[digest[0] % len(_COLOURS)]}{_MIDDLE}{letters}{_TAIL}"
