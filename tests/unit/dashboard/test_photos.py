from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loginlake.dashboard.photos import INLINE_BYTES, Photos, photo
from loginlake.web.avatar import initials_avatar

GOOGLE = Photos(("https://*.googleusercontent.com", "https://photos.example"), "http://localhost:8000")
OWN = "http://localhost:8000"
HOST = "lh3.googleusercontent.com"
INLINE = "data:image/png;base64,"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://{HOST}/a/x=s96-c", f"https://{HOST}/a/x=s96-c"),
        (f"HTTPS://{HOST.upper()}/a", f"https://{HOST.upper()}/a"),
        ("https://photos.example/a", "https://photos.example/a"),
        (f"{OWN}/static/people/noa.svg", "/static/people/noa.svg"),
        ("HTTP://LOCALHOST:8000/static/people/noa.svg?v=1#x", "/static/people/noa.svg"),
        ("data:image/svg+xml,%3Csvg/%3E", "data:image/svg+xml,%3Csvg/%3E"),
        (INLINE + "A" * (INLINE_BYTES - len(INLINE)), INLINE + "A" * (INLINE_BYTES - len(INLINE))),
    ],
)
def test_pictures_that_are_shown(url: str, shown: str) -> None:
    assert photo(url, GOOGLE) == shown


@pytest.mark.parametrize(
    "url",
    [
        f"{OWN}/?lang=en",
        f"{OWN}/dashboard/?lang=en",
        f"{OWN}/static/logo.svg",
        f"{OWN}/static/people/",
        f"{OWN}/static/people/../logo.svg",
        f"{OWN}/static/people/%2e%2e/logo.svg",
        f"{OWN}/static/people/..%2flogo.svg",
        f"{OWN}/static/people/a/b.svg",
        f"{OWN}//outside.example/static/people/noa.svg",
        f"{OWN}/\\outside.example/x",
        "http://x@localhost:8000/static/people/noa.svg",
        "https://localhost:8000/static/people/noa.svg",
        "/static/people/noa.svg",
        f"http://{HOST}/a",
        f"https://{HOST}:443/a",
        f"https://{HOST}:/a",
        f"https://{HOST}./a",
        f"https://x@{HOST}/a",
        f"https://outside.example\\@{HOST}/a",
        "https://outside.example\\.googleusercontent.com/a",
        f"https://{HOST}/\u00e9",
        f"https://{HOST}/a b",
        f"https://{HOST}/a\n",
        f"https://{HOST}/{'a' * 2048}",
        "https://googleusercontent.com/a",
        "https://.googleusercontent.com/a",
        "https://googleusercontent.com.evil.example/a",
        "https://evilgoogleusercontent.com/a",
        "https://sub.photos.example/a",
        "https://outside.example/x.png",
        "https:/lh3.googleusercontent.com/a",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "data:image/svg+xml",
        "data:image/svg+xml-evil,x",
        INLINE + "A" * (INLINE_BYTES - len(INLINE) + 1),
        "//outside.example/x.png",
        "https://[broken/x",
        "",
        None,
        7,
    ],
)
def test_pictures_that_are_not_shown(url: object) -> None:
    assert photo(url, GOOGLE) is None


def test_without_an_origin_nothing_is_our_own() -> None:
    assert photo(":///static/people/noa.svg", Photos(())) is None
    assert photo(f"{OWN}/static/people/noa.svg", Photos(())) is None


@given(st.text(max_size=60))
def test_the_initials_that_the_web_draws_are_shown(name: str) -> None:
    drawn = initials_avatar(name, "1002")
    assert photo(drawn, GOOGLE) == drawn


@given(st.text() | st.text().map(lambda end: f"{OWN}/static/people/{end}"))
def test_any_text_as_a_photo_is_inert(url: str) -> None:
    shown = photo(url, GOOGLE)
    assert shown is None or shown.startswith(("data:image/", "https://", "/static/people/"))
    assert shown is None or ".." not in shown
