"""Addresses and callbacks as somebody hostile writes them: nothing breaks, and no role sees more than its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes.sites import site
from fakes.snapshots import FakeAnswers
from fastapi import FastAPI

from loginlake.dashboard.app import PREFIX
from loginlake.dashboard.pages import PAGES

from .test_guard import REFRESH, ask, call

QUERIES = (
    "?q=" + "x" * 10_000,
    "?q=%00%ff%fe",
    "?q=%ed%a0%80",
    "?q=';DROP TABLE documents_users;--",
    '?q={"$gt":""}&order[$ne]=last',
    "?q=%25&q=_&q=*",
    "?order=__class__&dir=sideways",
    "?order=signins&after=-1e309&at=x",
    "?order=signins&after=99999999999999999999&at=google%7C0",
    "?order=first&after=%00&at=%00",
    "?from=0001-01-01&to=9999-12-31",
    "?from=2026-11-24&to=2000-01-01",
    "?range=-7&compare=all",
    "?app=" + "0" * 12,
    "?app=../../../etc/passwd",
    "?id=../../users&id[]=1",
    "?id=" + "a" * 9_000,
    "?day=../../etc&object=../../../etc/passwd",
    "?day=2026-11-24&object=bronze/signins/secret.jsonl.gz",
    "?" + "&".join(f"a{n}=1" for n in range(500)),
)


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return site(FakeAnswers())


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_a_hostile_address_is_answered_and_tells_nothing(app: FastAPI, page: str, query: str) -> None:
    answer = call(app, "viewer", page, query)
    assert answer.status_code == 200
    assert "Traceback" not in answer.text
    assert "0@example.com" not in answer.text, "a viewer sees no whole address"


@pytest.mark.parametrize("page", ["../me", "export.csv", "_dash-layout", "people/../person", "ADMIN", "\x00", "%2e%2e"])
def test_another_page_id_is_the_first_page(app: FastAPI, page: str) -> None:
    assert "view-simple" in call(app, "viewer", page).text


class Spy(FakeAnswers):
    """Answers that remember which objects were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def origins(self, key: str, limit: int) -> Any:
        self.opened.append(key)
        return super().origins(key, limit)


def test_no_object_but_one_of_the_day_is_opened_and_none_for_a_viewer() -> None:
    answers = Spy()
    watched = site(answers)
    own = "silver/signins/date=2026-11-24/hour=10/shard=00.jsonl.gz"
    for name in ("../../../etc/passwd", "bronze/signins/x.jsonl.gz", own.replace("11-24", "11-23"), own):
        call(watched, "viewer", "pipeline", f"?day=2026-11-24&object={name}")
    assert answers.opened == []
    for name in ("../../../etc/passwd", "bronze/signins/x.jsonl.gz", own.replace("11-24", "11-23"), own):
        call(watched, "admin", "pipeline", f"?day=2026-11-24&object={name}")
    assert answers.opened == [own] * 4


@pytest.mark.parametrize("page", ["people", "person", ""])
def test_an_answer_to_one_role_is_never_given_to_another(app: FastAPI, page: str) -> None:
    query = "?id=google%7C0" if page == "person" else ""
    for who in ("viewer", "admin", "viewer", "admin"):
        assert ("0@example.com" in call(app, who, page, query).text) is (who == "admin"), who


def test_what_an_admins_page_has_opens_nothing_to_a_viewer(app: FastAPI) -> None:
    path = f"{PREFIX}_dash-update-component"
    inputs = [REFRESH["inputs"][0], {**REFRESH["inputs"][1], "value": f"{PREFIX}people"}, REFRESH["inputs"][2]]
    first = ask(app, "POST", path, "admin", json={**REFRESH, "inputs": inputs}).json()
    stamp = first["response"]["stamp"]["data"]
    forged = {**REFRESH, "inputs": inputs, "state": [{"id": "stamp", "property": "data", "value": stamp}]}
    answer = ask(app, "POST", path, "viewer", json=forged)
    assert answer.status_code == 200
    assert "•••@example.com" in json.dumps(answer.json(), ensure_ascii=False), "the viewer's own page is drawn anew"
    assert "0@example.com" not in answer.text


@pytest.mark.parametrize(
    "stamp",
    [
        {"parts": [], "shape": 7, "read": {"a": 1}, "clock": None, "state": ["x"]},
        {"parts": {"people-list": {"a": {}}}, "shape": "people:es:True:"},
        [],
        "x" * 1_000,
        {"read": "0" * 1_000, "state": "error"},
    ],
    ids=range(5),
)
def test_a_forged_stamp_breaks_nothing(app: FastAPI, stamp: object) -> None:
    forged = {**REFRESH, "state": [{"id": "stamp", "property": "data", "value": stamp}]}
    answer = ask(app, "POST", f"{PREFIX}_dash-update-component", "viewer", json=forged)
    assert answer.status_code == 200


@pytest.mark.parametrize("who", ["person", "viewer", "admin"])
def test_nothing_about_people_is_kept_by_a_browser_or_a_proxy(app: FastAPI, who: str) -> None:
    for path in ("/me", f"{PREFIX}export.csv", f"{PREFIX}export.json", f"{PREFIX}people"):
        headers = ask(app, "GET", path, who).headers
        assert headers["cache-control"] == "no-store", path
        assert "etag" not in headers, path
        assert "last-modified" not in headers, path
    answer = call(app, who, "people")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "|calc", "%x", "<b>x</b>"])
def test_a_name_stays_a_name_in_every_export(name: str) -> None:
    answers = FakeAnswers()
    answers.users = [{**answers.users[0], "username": name}]
    app = site(answers)
    text = ask(app, "GET", f"{PREFIX}export.csv", "viewer").text
    cell = text.split("\r\n", 1)[1]
    assert cell.lstrip('"').startswith("<" if name.startswith("<") else "'")
    assert json.loads(ask(app, "GET", f"{PREFIX}export.json", "viewer").text)[0]["name"] == name
