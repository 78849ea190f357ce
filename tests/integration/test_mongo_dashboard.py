"""Every question that the dashboard puts to a MongoDB server, as it goes over the wire, and the plan for it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fakes import whole_path
from fakes.object_store import FakeStore
from pymongo import MongoClient, monitoring
from pymongo.uri_parser import parse_uri
from services_azurite_mongo import Golds

from loginlake.dashboard.ask import Ask, Shown, Sources
from loginlake.dashboard.pages import PAGES
from loginlake.dashboard.parts import Parts
from loginlake.dashboard.photos import Photos
from loginlake.dashboard.source import Stages
from loginlake.dashboard.wish import ORDERS, parse
from loginlake.gold.read import Snapshot
from loginlake.path import People

pytestmark = pytest.mark.services


class Heard(monitoring.CommandListener):
    """The questions to one database, while it listens. A client's own housekeeping comes at any time: it is none."""

    def __init__(self) -> None:
        self.database = ""
        self.found: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.database_name == self.database and event.command_name not in {"endSessions", "getMore", "killCursors"}:
            self.found.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to note."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to note."""


HEARD = Heard()


@pytest.fixture(scope="module", autouse=True)
def listening() -> None:
    monitoring.register(HEARD)


class NoPath:
    """The live side of the path asks no gold."""

    def stages(self) -> Stages:
        return Stages()

    def rejected(self, *_: object) -> list[Any]:
        return []


def test_every_question_of_every_page_is_answered_from_an_index(golds: Golds) -> None:
    url = golds.url()
    gold, store = golds.again(url), FakeStore()
    whole_path.pass_through(whole_path.filled(300), store, gold)
    now = whole_path.NOW
    shown = Shown(ZoneInfo("Europe/Madrid"), Photos(()), 120)
    people = People(gold)
    addresses = [(name, "") for name in PAGES]
    addresses += [("people", f"?order={order}&dir={way}") for order in ORDERS for way in ("asc", "desc")]
    addresses += [("people", f"?order={order}&after={after}&at=google|0001") for order, after in AFTER.items()]
    addresses += [
        ("people", "?q=ñu"),
        ("people", "?q=u0001@"),
        ("person", "?id=google|0001"),
        ("overview", "?range=365"),
    ]
    HEARD.found.clear()
    HEARD.database = database_of(url)
    for page, query in addresses:
        ask = Ask(parse(page, query, now.date()), "es", now, shown, admin=True)
        snapshot = Snapshot.open(gold)
        sources = Sources(lambda snapshot=snapshot: snapshot, people, NoPath())  # type: ignore[arg-type, misc]
        PAGES[page].draw(Parts(page), snapshot, sources, ask)
    HEARD.database = ""
    assert {command_name(one) for one in HEARD.found} == {"find"}
    with MongoClient[dict[str, Any]](url) as client:
        database = client.get_default_database()
        plans = {repr(plain(one)): explained(database, one) for one in HEARD.found}
    assert len(plans) > 20
    scans = {question: plan for question, plan in plans.items() if "COLLSCAN" in plan or "IXSCAN" not in plan}
    assert not {question: plan for question, plan in scans.items() if "IDHACK" not in plan}


AFTER = {"last": "2026-01-01", "first": "2026-01-01", "name": "u", "email": "u", "signins": "2", "active_days": "2"}


def database_of(url: str) -> str:
    return str(parse_uri(url)["database"])


def command_name(command: dict[str, Any]) -> str:
    return next(iter(command))


def plain(command: dict[str, Any]) -> dict[str, Any]:
    """What is asked, without the session's own words."""
    return {name: command[name] for name in ("find", "filter", "sort", "limit") if name in command}


def explained(database: Any, command: dict[str, Any]) -> str:
    """The plan that the server chose."""
    asked = plain(command)
    found = database[asked["find"]].find(asked.get("filter", {}))
    if "sort" in asked:
        found = found.sort(list(asked["sort"].items()))
    return str(dict(found.limit(asked.get("limit", 0)).explain())["queryPlanner"]["winningPlan"])


def test_the_listener_hears(golds: Golds) -> None:
    url = golds.url()
    HEARD.found.clear()
    HEARD.database = database_of(url)
    golds.again(url).read("users", ["x"])
    HEARD.database = ""
    assert [command_name(one) for one in HEARD.found] == ["find"]
