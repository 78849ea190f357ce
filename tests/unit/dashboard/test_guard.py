"""Every route below /dashboard/, known and unknown, as nobody, as a person and as a viewer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from dash import Dash
from fakes.sites import site
from fakes.snapshots import FakeAnswers
from fastapi import FastAPI, Request
from starlette.types import Message

from loginlake.dashboard.app import PREFIX, Viewer
from loginlake.dashboard.callbacks import INPUTS, OUTPUTS
from loginlake.dashboard.guard import MAX_BODY
from loginlake.dashboard.pages import PAGES
from loginlake.errors import Unavailable

EXTRA = (
    "/dashboard",
    "/dashboard/nope",
    "/dashboard/people/1",
    "/dashboard/..%2Fdashboard/",
    "/dashboard/assets/dashboard.css",
    "/dashboard/assets/..%2F..%2F..%2F..%2Fetc%2Fpasswd",
    "/dashboard/_nope",
    "/dashboard/_mcp",
    "/dashboard/_dash-component-suites/dash/deps/nope.js",
    "/dashboard/_dash-component-suites/os/path.py",
)
REFRESH: dict[str, Any] = {
    "output": "..{}..".format("...".join(f"{component}.{prop}" for component, prop in OUTPUTS)),
    "outputs": [{"id": component, "property": prop} for component, prop in OUTPUTS],
    "inputs": [
        {"id": name, "property": prop, "value": value}
        for (name, prop), value in zip(INPUTS, (1, "/dashboard/", ""), strict=True)
    ],
    "changedPropIds": ["ask.data"],
    "state": [{"id": "stamp", "property": "data", "value": None}],
}


async def start(app: FastAPI) -> None:
    """Go through the app's own start-up and shut-down, middleware included, as a server does."""
    told: list[str] = []
    ready = asyncio.Event()

    async def receive() -> Message:
        if not told:
            return {"type": "lifespan.startup"}
        await ready.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: Message) -> None:
        told.append(message["type"])
        ready.set()

    await app({"type": "lifespan", "state": {}}, receive, send)
    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.fixture
def app() -> FastAPI:
    made = site(FakeAnswers())
    asyncio.run(start(made))
    return made


def ask(app: FastAPI, method: str, path: str, who: str = "", **sent: Any) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        cookies = {"who": who} if who else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://web.example", cookies=cookies) as client:
            return await client.request(method, path, **sent)

    return asyncio.run(one())


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and path below the prefix that the app knows, and some that it does not."""
    for route in app.routes:
        path = getattr(route, "path", "")
        if path.startswith(PREFIX.rstrip("/")):
            at = path.replace("{package_name}", "dash").replace("{fingerprinted_path:path}", "x.js")
            for method in getattr(route, "methods", None) or {"GET"}:
                yield method, at
    for path in EXTRA:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            yield method, path


def test_dash_is_all_below_the_prefix(app: FastAPI) -> None:
    paths = {getattr(route, "path", "") for route in app.routes}
    known = {"/", "/static", "/me", *(path for path in paths if path.startswith(PREFIX))}
    assert paths - known <= {"/docs", "/redoc", "/docs/oauth2-redirect", "/dashboard/assets"}
    assert {f"{PREFIX}_dash-layout", f"{PREFIX}_dash-dependencies", f"{PREFIX}_dash-update-component"} <= paths


def test_nobody_gets_anything(app: FastAPI) -> None:
    for method, path in routes(app):
        response = ask(app, method, path)
        machine = "/_" in path or "/assets/" in path or "/export." in path
        assert response.status_code == (401 if machine else 303), (method, path)
        if not machine:
            assert response.headers["location"] == "/"
        assert b"dash" not in response.content.lower() or machine
        assert len(response.content) < 200, (method, path)


def test_a_person_off_the_list_gets_a_friendly_no(app: FastAPI) -> None:
    for method, path in routes(app):
        response = ask(app, method, path, "person")
        assert response.status_code == 403, (method, path)
        assert b"react-entry-point" not in response.content
    page = ask(app, "GET", PREFIX, "person")
    assert "quien está en la lista" in page.text
    assert 'href="/"' in page.text
    english = ask(app, "GET", PREFIX, "person", headers={"cookie": "who=person; ll_lang=en"})
    assert "those on its list" in english.text


def test_a_viewer_gets_the_page_and_404_for_what_is_not_there(app: FastAPI) -> None:
    page = ask(app, "GET", PREFIX, "viewer")
    assert page.status_code == 200
    assert 'lang="es"' in page.text
    assert "react-entry-point" in page.text
    assert ask(app, "GET", "/dashboard", "viewer").headers["location"] == PREFIX
    assert ask(app, "GET", f"{PREFIX}nope", "viewer").status_code == 404
    assert ask(app, "GET", f"{PREFIX}_nope", "viewer").status_code == 404
    assert ask(app, "GET", f"{PREFIX}_dash-layout", "viewer").status_code == 200
    assert ask(app, "GET", f"{PREFIX}assets/dashboard.css", "viewer").status_code == 200
    answer = ask(app, "POST", f"{PREFIX}_dash-update-component", "viewer", json=REFRESH)
    assert answer.status_code == 200
    assert answer.json()["sideUpdate"]["page"]["className"] == "page is-ready"


def test_unknown_paths_of_the_whole_app_stay_unknown(app: FastAPI) -> None:
    for who in ("", "person", "viewer"):
        for path in ("/nope", "/dashboards", "/dashboard-x/", "/api/nope", "http://web.example//dashboard/"):
            assert ask(app, "GET", path, who).status_code == 404, (who, path)
    assert ask(app, "GET", "/").status_code == 200


@pytest.mark.parametrize("who", ["", "person", "viewer"])
def test_no_web_socket_opens(app: FastAPI, who: str) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": f"{PREFIX}_dash-ws-callback",
        "headers": [(b"cookie", f"who={who}".encode()), (b"host", b"web.example"), (b"origin", b"http://web.example")],
        "query_string": b"",
        "subprotocols": [],
        "scheme": "ws",
    }
    asyncio.run(app(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_a_proxy_root_path_opens_no_way_around() -> None:
    app = site(FakeAnswers())

    async def one(path: str) -> int:
        transport = httpx.ASGITransport(app=app, root_path="/team")
        async with httpx.AsyncClient(transport=transport, base_url="http://web.example") as client:
            return (await client.get(path)).status_code

    for path in (f"{PREFIX}_dash-layout", f"/team{PREFIX}_dash-layout"):
        assert asyncio.run(one(path)) == 401


@pytest.mark.parametrize("who", ["", "person", "viewer"])
def test_every_answer_carries_its_headers(app: FastAPI, who: str) -> None:
    for path in (PREFIX, f"{PREFIX}_dash-layout", f"{PREFIX}nope"):
        headers = ask(app, "GET", path, who).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert "unsafe" not in policy["script-src"]
        assert "'self' 'sha256-" in policy["script-src"]
        assert policy["img-src"] == "'self' data: https://*.googleusercontent.com"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in headers


def test_bodies_are_bounded(app: FastAPI) -> None:
    path = f"{PREFIX}_dash-update-component"
    assert ask(app, "POST", path, "viewer", content=b"x" * (MAX_BODY + 1)).status_code == 413
    unsized = ask(app, "POST", path, "viewer", content=b"", headers={"content-length": "-1"})
    assert unsized.status_code == 413

    async def endless() -> Any:
        yield b"x"

    assert ask(app, "POST", path, "viewer", content=endless()).status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"output":"nope.children"}', json.dumps({**REFRESH, "inputs": []}).encode()]
)
def test_a_broken_callback_is_told_so(app: FastAPI, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = ask(app, "POST", f"{PREFIX}_dash-update-component", "viewer", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["title"] == "malformed"


@pytest.mark.parametrize(
    "wish", ["?range=x", None, 30, {"a": 1}, "?range=1000000", ["7"], "?from=2026-13-01&to=x", "?" + "a" * 9_000]
)
def test_a_wish_that_is_not_offered_is_the_usual_one(app: FastAPI, wish: object) -> None:
    inputs = [*REFRESH["inputs"][:2], {**REFRESH["inputs"][2], "value": wish}]
    answer = ask(app, "POST", f"{PREFIX}_dash-update-component", "viewer", json={**REFRESH, "inputs": inputs})
    assert answer.status_code == 200
    assert '"value": "30"' in answer.text or '"value":"30"' in answer.text


def call(app: FastAPI, who: str, page: str, search: str = "") -> httpx.Response:
    inputs = [
        REFRESH["inputs"][0],
        *(
            {**one, "value": value}
            for one, value in zip(REFRESH["inputs"][1:], (f"{PREFIX}{page}", search), strict=True)
        ),
    ]
    return ask(app, "POST", f"{PREFIX}_dash-update-component", who, json={**REFRESH, "inputs": inputs})


OWN = "google|3"


@pytest.mark.parametrize("page", [*PAGES, "export.csv", "export.json"])
@pytest.mark.parametrize(("who", "status"), [("", 401), ("person", 403), ("viewer", 200), ("admin", 200)])
def test_every_page_and_callback_by_role(app: FastAPI, page: str, who: str, status: int) -> None:
    """The authorisation matrix: pages, files and the callback of each page, as nobody, a person, a viewer, an admin."""
    document = ask(app, "GET", f"{PREFIX}{page}", who)
    assert document.status_code == (303 if status == 401 and not page.startswith("export.") else status)
    answer = call(app, who, page)
    assert answer.status_code == status
    if status != 200:
        assert b"example.com" not in document.content + answer.content
        assert len(answer.content) < 200


@pytest.mark.parametrize(("who", "status"), [("", 303), ("person", 200), ("viewer", 200), ("admin", 200)])
def test_everybody_sees_their_own_page_and_nobody_elses(app: FastAPI, who: str, status: int) -> None:
    page = ask(app, "GET", "/me?id=google%7C1&key=google%7C1", who)
    assert page.status_code == status
    if status == 200:
        number = {"admin": 1, "viewer": 2, "person": 3}[who]
        assert f">{number + 1}<" in page.text  # their own sign-ins, whatever is asked for
        assert "<script" not in page.text
    for path in ("/me/", "/me/x", "/me/../dashboard/_dash-layout"):
        assert ask(app, "GET", path, "person").status_code in {403, 404}
    assert ask(app, "POST", "/me", "person").status_code == 405


def test_an_export_masks_addresses_for_a_viewer_and_is_no_formula(app: FastAPI) -> None:
    masked, whole = (ask(app, "GET", f"{PREFIX}export.csv?order=name", who).text for who in ("viewer", "admin"))
    assert "•••@example.com" in masked
    assert "0@example.com" not in masked
    assert "0@example.com" in whole
    assert "\"'=HYPERLINK" in whole
    rows = ask(app, "GET", f"{PREFIX}export.json?order=signins&dir=desc", "viewer").json()
    assert [row["signins"] for row in rows] == sorted((row["signins"] for row in rows), reverse=True)


def test_no_order_by_address_tells_a_viewer_what_is_masked(app: FastAPI) -> None:
    way = "order=email&dir=asc&after=a&at=x"
    masked, latest = (
        [row["name"] for row in ask(app, "GET", f"{PREFIX}export.json?{query}", "viewer").json()]
        for query in (way, "order=last&dir=desc")
    )
    assert masked == latest
    shown = call(app, "viewer", "people", f"?{way}").text
    assert "example.com" in shown
    assert "%40example.com" not in shown
    assert "order=email" not in shown
    assert "order=email" in call(app, "admin", "people", "?order=last").text


def test_origins_row_by_row_are_for_admins(app: FastAPI) -> None:
    assert "1:42" in call(app, "admin", "pipeline", "?day=2026-11-24").text
    assert "1:42" not in call(app, "viewer", "pipeline", "?day=2026-11-24").text


def test_the_language_is_kept_in_the_cookie_of_the_sign_in_page(app: FastAPI) -> None:
    chosen = ask(app, "GET", f"{PREFIX}?lang=en", "viewer")
    assert (chosen.status_code, chosen.headers["location"]) == (303, PREFIX)
    assert "ll_lang=en" in chosen.headers["set-cookie"]
    kept = ask(app, "GET", f"{PREFIX}overview?range=7&lang=en", "viewer")
    assert kept.headers["location"] == f"{PREFIX}overview?range=7"
    headers = {"cookie": "who=viewer; ll_lang=en"}
    assert 'lang="en"' in ask(app, "GET", PREFIX, headers=headers).text
    assert "Saltar al contenido" in ask(app, "GET", f"{PREFIX}_dash-layout", "viewer").text
    assert "Skip to content" in ask(app, "GET", f"{PREFIX}_dash-layout", headers=headers).text
    assert ask(app, "GET", f"{PREFIX}?lang=xx", "viewer").status_code == 200


def test_who_cannot_be_recognised_is_not_let_in() -> None:
    def broken(_: Request) -> Viewer | None:
        raise Unavailable("The web's own state cannot be reached.")

    app = site(FakeAnswers(), allowed=broken)
    page = ask(app, "GET", PREFIX, "viewer")
    assert page.status_code == 503
    assert "no se puede comprobar quién eres" in page.text
    assert ask(app, "GET", f"{PREFIX}_dash-layout", "viewer").status_code == 503


def test_two_dashboards_in_one_process_do_not_meet() -> None:
    one, other = site(FakeAnswers()), site(FakeAnswers(0))
    first, second = (
        ask(app, "POST", f"{PREFIX}_dash-update-component", "viewer", json=REFRESH).json() for app in (one, other)
    )
    assert first["sideUpdate"]["page"]["className"] == "page is-ready"
    assert second["sideUpdate"]["page"]["className"] == "page is-empty"


def test_a_callback_that_fails_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answers = FakeAnswers()
    answers.fail_next(1, RuntimeError("a fault of ours"))
    response = ask(site(answers), "POST", f"{PREFIX}_dash-update-component", "viewer", json=REFRESH)
    assert response.status_code == 500
    assert "fault" not in response.text
    assert "a callback failed" in caplog.text


def test_what_people_are_called_stays_text(app: FastAPI) -> None:
    answer = ask(app, "POST", f"{PREFIX}_dash-update-component", "viewer", json=REFRESH)
    assert "javascript:" not in answer.text
    assert "outside.example/x.png" not in answer.text
    assert "data:text/html" not in answer.text
    assert "<img src=x" in answer.text or "\\u003cimg src=x" in answer.text


def test_dash_has_the_parts_that_are_closed() -> None:
    """What app.py switches off by names that Dash does not promise must still be there to switch off."""
    backend = Dash(__name__, server=FastAPI(), add_log_handler=False).backend  # type: ignore[arg-type]
    assert hasattr(backend, "_setup_catchall")
    assert backend.websocket_capability is True
