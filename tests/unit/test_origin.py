"""One spelling of an origin, and addresses that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loginlake.errors import Misconfigured
from loginlake.origin import normal_origin
from loginlake.settings import Settings


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://login.example:443/", "https://login.example"),
        ("https://login.example:80", "https://login.example:80"),
        ("HTTPS://Login.Example:8443", "https://login.example:8443"),
        ("https://login.example//", "https://login.example"),
        ("https://login.example:", "https://login.example"),
        ("http://localhost:08000", "http://localhost:8000"),
        (" https://login.example\n", "https://login.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[0:0::1]:8000", "http://[::1]:8000"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_what_browsers_send(url: str, origin: str) -> None:
    assert normal_origin(url) == origin
    assert normal_origin(origin) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "login.example",
        "//login.example",
        "ftp://login.example",
        "https://",
        "https://login.example/app",
        "https://login.example?x",
        "https://login.example#x",
        "https://ana:hunter2@login.example",
        "https://login.example:0",
        "https://login.example:65536",
        "https://login.example:x",
        "https://login.example:٨٠",
        "https://bücher.example",
        "https://log in.example",
        "http://[::1",
        "http://[1::2::3]",
        "http://[127.0.0.1]",
        "http://127.1",
        "http://1.2.3.999",
    ],
)
def test_anything_else_is_refused_with_the_next_move(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        normal_origin(url)
    assert caught.value.why
    assert "LOGINLAKE_PUBLIC_URL" in caught.value.next_move
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=40) | st.from_regex(r"https?://.{0,20}"))
def test_no_text_ends_in_a_traceback(url: str) -> None:
    try:
        assert normal_origin(normal_origin(url)) == normal_origin(url)
    except Misconfigured:
        return


def test_the_settings_use_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(port=80).origin == "http://localhost"
    settings = Settings(public_url="HTTPS://Login.Example:443/")
    assert settings.origin == settings.application == "https://login.example"
    with pytest.raises(Misconfigured):
        _ = Settings(public_url="http://[::1").origin
