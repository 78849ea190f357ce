"""The table of bad requests, and what every answer carries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes.web_site import Browser, Site

from loginlake.web.problems import Problem
from loginlake.web.texts import CATALOGUES

pytestmark = pytest.mark.asyncio
JSON = {"Content-Type": "application/json"}

BODIES: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"hello",
    "a list": b"[]",
    "a string": b'"credential"',
    "null": b"null",
    "no credential": b"{}",
    "a null credential": b'{"credential":null}',
    "a number": b'{"credential":7}',
    "select_by of another type": b'{"credential":"x","select_by":{}}',
    "broken UTF-8": b'{"credential":"\xff"}',
    "NUL": b"\x00",
    "cut": b'{"credential":"x',
    "very deep": b'{"credential":' + b"[" * 30_000,
    "very deep beside it": b'{"x":' + b"[" * 30_000,
    "a lone surrogate": b'{"credential":"\\ud800"}',
    "two values": b'{"credential":"x"}{}',
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_not_understood(site: Site, browser: Browser, name: str) -> None:
    answer = await browser.post("/api/signin", content=BODIES[name], headers=JSON)
    assert_problem(answer.status_code, answer.headers, answer.json(), 400)
    assert site.log.events() == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "http://localhost:8001", "http://localhost"])
@pytest.mark.parametrize("path", ["/api/signin", "/api/signout"])
async def test_another_origin(browser: Browser, origin: str, path: str) -> None:
    answer = await browser.post(path, json={"credential": "x"}, headers={"Origin": origin})
    assert_problem(answer.status_code, answer.headers, answer.json(), 403)


@pytest.mark.parametrize("path", ["/api/signin", "/api/signout", "/signin/redirect"])
async def test_no_origin(browser: Browser, path: str) -> None:
    del browser.headers["Origin"]
    answer = await browser.post(path, json={"credential": "x"})
    assert_problem(answer.status_code, answer.headers, answer.json(), 403)


async def test_the_other_name_of_loopback_is_ours(browser: Browser) -> None:
    answer = await browser.post("/api/signin", json={"credential": "x"}, headers={"Origin": "http://127.0.0.1:8000"})
    assert answer.status_code == 401


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
async def test_another_content_type(browser: Browser, kind: str) -> None:
    answer = await browser.post("/api/signin", content=b'{"credential":"x"}', headers={"Content-Type": kind})
    assert_problem(answer.status_code, answer.headers, answer.json(), 415)


async def test_a_content_type_with_charset_is_fine(browser: Browser) -> None:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    assert (await browser.post("/api/signin", content=b'{"credential":"x"}', headers=kind)).status_code == 401


async def test_a_declared_body_over_the_limit_is_not_read(site: Site, browser: Browser) -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"x"

    answer = await browser.post("/api/signin", content=body(), headers=JSON | {"Content-Length": "65537"})
    assert_problem(answer.status_code, answer.headers, answer.json(), 413)


async def test_an_undeclared_body_is_read_up_to_the_limit(site: Site) -> None:
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 16_384, "more_body": True}

    answers: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        answers.append(message)

    headers = [(b"origin", b"http://localhost:8000"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/api/signin", "raw_path": b"/api/signin", "query_string": b""}
    await site.app({**scope, "headers": headers, "client": None, "server": None, "scheme": "http"}, receive, send)
    assert answers[0]["status"] == 413
    assert taken == 5


@pytest.mark.parametrize("path", ["/api/signin", "/signin/redirect"])
async def test_who_goes_away_in_the_middle_is_no_fault_of_ours(
    site: Site, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        raise AssertionError(f"nobody is there to hear {message}")

    kind = {"/api/signin": b"application/json", "/signin/redirect": b"application/x-www-form-urlencoded"}[path]
    headers = [(b"origin", b"http://localhost:8000"), (b"content-type", kind)]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    await site.app({**scope, "headers": headers, "client": None, "server": None, "scheme": "http"}, receive, send)
    assert caplog.messages == []
    assert site.log.events() == []


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "9" * 40])
async def test_a_strange_content_length(browser: Browser, length: str) -> None:
    answer = await browser.post("/api/signin", content=b"{}", headers=JSON | {"Content-Length": length})
    assert answer.status_code in {400, 413}


@pytest.mark.parametrize(
    "path", ["/nothing", "/docs", "/redoc", "/openapi.json", "/dev/jwks", "/dev/gsi/client", "/static/nothing.css"]
)
async def test_no_such_address(browser: Browser, path: str) -> None:
    answer = await browser.get(path)
    assert_problem(answer.status_code, answer.headers, answer.json(), 404)


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2f..%2fsettings.py"])
async def test_static_stays_in_its_folder(browser: Browser, path: str) -> None:
    assert (await browser.get(path)).status_code == 404


async def test_another_method(browser: Browser) -> None:
    answer = await browser.get("/api/signin")
    assert_problem(answer.status_code, answer.headers, answer.json(), 405)
    assert answer.headers["Allow"] == "POST"


async def test_a_fault_of_ours_tells_nothing(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: str) -> bytes:
        raise RuntimeError("a secret inside")

    monkeypatch.setattr(site.state, "session", broken)
    answer = await browser.get("/api/me", headers={"Cookie": "ll_session=x"})
    assert_problem(answer.status_code, answer.headers, answer.json(), 500)
    assert "secret" not in answer.text
    assert "request failed" in caplog.text


async def test_the_readers_language(browser: Browser) -> None:
    assert (await browser.get("/nothing")).json()["title"] == "Aquí no hay nada"
    assert (await browser.get("/nothing?lang=en")).json()["title"] == "There is nothing here"
    assert (await browser.get("/?lang=en")).headers["Content-Language"] == "en"
    answer = await browser.get("/nothing")
    assert (answer.json()["title"], answer.headers["Content-Language"]) == ("There is nothing here", "en")
    assert (await browser.get("/nothing?lang=xx")).headers["Content-Language"] == "en"


async def test_a_person_who_navigates_sees_a_page(browser: Browser) -> None:
    answer = await browser.get("/nothing", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "Aquí no hay nada" in answer.text


async def test_every_problem_has_its_words_in_both_languages() -> None:
    for texts in CATALOGUES.values():
        for problem in Problem:
            assert texts[f"{problem.value.name}.title"]
            assert texts[f"{problem.value.name}.detail"]


async def test_headers_on_every_answer(browser: Browser) -> None:
    for path in ("/", "/nothing", "/api/me", "/static/page.css", "/health"):
        headers = (await browser.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "strict-transport-security" not in headers


async def test_google_is_named_only_with_a_client_id(tmp_path: Path, browser: Browser) -> None:
    policy = (await browser.get("/")).headers["Content-Security-Policy"]
    assert "script-src 'self' https://accounts.google.com/gsi/client;" in policy
    assert "frame-src https://accounts.google.com/gsi/;" in policy
    own = Site(tmp_path, developer=True)
    async with own.browser() as made_up:
        page = await made_up.get("/")
        assert "google.com" not in page.text + page.headers["Content-Security-Policy"]
    await own.close()


async def test_cookies_by_http_and_by_https(tmp_path: Path, browser: Browser) -> None:
    plain = (await browser.get("/")).headers["Set-Cookie"]
    assert plain.startswith("ll_visit=")
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    assert "Secure" not in plain
    site = Site(tmp_path, origin="https://login.example")
    async with site.browser() as safe:
        page = await safe.get("/")
        visit = page.headers["Set-Cookie"]
        assert visit.startswith("__Host-ll_visit=")
        assert "SameSite=none; Secure" in visit
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
        session = (await safe.sign_in(await safe.credential())).headers["Set-Cookie"]
        assert session.startswith("__Host-ll_session=")
        assert all(word in session for word in ("HttpOnly", "SameSite=lax", "Secure", "Path=/"))
    await site.close()


async def test_static_files_by_version(browser: Browser) -> None:
    assert (await browser.get("/static/page.css")).headers["Cache-Control"] == "no-cache"
    assert "immutable" in (await browser.get("/static/page.css?v=1")).headers["Cache-Control"]
    assert (await browser.get("/favicon.ico")).headers["Location"] == "/static/favicon.svg"


def assert_problem(status: int, headers: Mapping[str, str], body: dict[str, Any], expected: int) -> None:
    assert status == expected
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-store"
    assert body["status"] == expected
    assert body["type"].startswith("urn:loginlake:problem:")
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in str(body)
