"""dashboard: a gold of many people and a year, made by publish's own writers; then what a page and a list cost.

.venv/bin/python bench/bench_dashboard.py [--people 1000000] [--signins 50000000] [--days 365] [--gold PATH]

Each person's document is made by gold/persons.py, each day's by gold/answers.py, the months, retention and census by
their modules; they are written by EmbeddedGold and made current by the pointer. Only silver is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import gzip
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fastapi import FastAPI

from loginlake.dashboard.app import Options, attach
from loginlake.dashboard.ask import Sources
from loginlake.dashboard.callbacks import INPUTS, OUTPUTS
from loginlake.dashboard.pages import PAGES
from loginlake.dashboard.source import Stages, Viewer
from loginlake.gold import census, cohorts, months, persons, pointer, search, totals
from loginlake.gold.answers import Tally, day_facts, day_people
from loginlake.gold.embedded import EmbeddedGold
from loginlake.gold.read import Snapshot
from loginlake.gold.store import Document
from loginlake.gold.windows import Window
from loginlake.path import People

LAST = date(2026, 11, 24)
NAMES = ("Ana", "Luis", "Marta", "Iker", "Noa", "Hugo", "Lea", "Omar", "Inés", "Zoe")
SURNAMES = ("García", "Ferrer", "Ibáñez", "Duarte", "Quiroga", "Soler", "Vidal", "Rey", "Cano", "Mora")
APPS = ("https://tienda.example", "https://aula.example", "https://app.example")


def document(number: int, days: np.ndarray[Any, Any], counts: np.ndarray[Any, Any]) -> Document:
    active = {(LAST - timedelta(days=int(back))).isoformat(): int(n) for back, n in zip(days, counts, strict=True)}
    first, last = min(active), max(active)
    name = f"{NAMES[number % 10]} {SURNAMES[number // 10 % 10]} {number}"
    change = persons.Change(
        f"google|{number}",
        list(active),
        list(active.values()),
        ["desktop|Chrome|Windows" if number % 3 else "mobile|Chrome Mobile|Android"] * len(active),
        list(active),
        first,
        f"{first}T08:00:00.000000Z",
        last,
        f"{last}T09:{number % 60:02d}:00.000000Z",
        "google",
        str(number),
        name,
        f"person.{number}@domain{number % 37}.example",
        True,
        None,
        None,
    )
    return persons.document(None, change, active, 1)


def people(
    rng: np.random.Generator, many: int, signins: int, days: int, seen: np.ndarray[Any, Any]
) -> Iterator[Document]:
    mean = signins / many
    for number in range(many):
        active = int(min(days, 1 + rng.exponential(mean * 0.7)))
        back = np.sort(rng.choice(days, active, replace=False))[::-1]
        counts = 1 + rng.poisson(0.43, active)
        np.add.at(seen, back, np.ones(active, np.int64))
        yield document(number, back, counts)


def day_document(day: str, number: int, seen: int) -> dict[str, Any]:
    tally = Tally()
    for app, source in enumerate(APPS):
        share = seen * (3 - app) // 6
        for hour in range(24):
            tally.hours[source, f"{hour:02d}"] = share // 24 + hour
        total = sum(n for (at, _), n in tally.hours.items() if at == source)
        tally.methods.update({(source, "btn"): total // 2, (source, "auto"): total - total // 2})
        tally.domains.update({(source, f"domain{n}.example"): total // 37 for n in range(37)})
        tally.agents[source, "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36"] = total
        tally.refusals[source, "expired"] = 7 + number % 5
    window = Window(day, seen, 4 * seen, 8 * seen, seen * 9 // 10, seen // 30, [""] * (seen // 10))
    return {"day": day, **day_facts(tally), **day_people(window, seen // 20)}


def make(gold: EmbeddedGold, many: int, signins: int, days: int) -> None:
    gold.prepare((pointer.BY_GENERATION,))
    seen = np.zeros(days, np.int64)
    rng = np.random.default_rng(7)
    batch: list[Document] = []
    for one in people(rng, many, signins, days, seen):
        batch.append(one)
        if len(batch) == 5_000:
            gold.replace_newer(pointer.USERS, batch)
            batch = []
    gold.replace_newer(pointer.USERS, batch)
    gold.prepare(search.INDEXES)
    documents = [day_document((LAST - timedelta(days=b)).isoformat(), b, int(seen[b])) for b in range(days - 1, -1, -1)]
    rows: dict[str, dict[str, Any]] = {pointer.DAY + one["day"]: one for one in documents}
    for month in sorted({one["day"][:7] for one in documents}):
        rows.update(months.rows(month, [one for one in documents if one["day"].startswith(month)]))
    weeks = sorted({cohorts.monday(one["day"]) for one in documents})[:-1]
    rows[cohorts.COHORTS] = cohorts.document(
        {
            week: [[first, 9_000 // (1 + at - n)] for n, first in enumerate(weeks[: at + 1])]
            for at, week in enumerate(weeks)
        }
    )
    rows[pointer.CENSUS] = census.Census(gold, None, LAST.isoformat()).row(())
    lines = {one["day"]: totals.DayTotal(one["signins"], one["refusals"], one["new"], "", ()) for one in documents}
    rows[pointer.PIPELINE] = totals.pipeline_document(lines)
    rows[pointer.RECENT_KEY] = {"items": []}
    gold.replace(pointer.ROWS, [{"_id": pointer.row_id(1, key), "generation": 1, **row} for key, row in rows.items()])
    claimed = pointer.claim(gold, pointer.read(gold), datetime.now(UTC))
    now = f"{LAST}T23:00:00.000000Z"
    new = pointer.Pointer(claimed.version, pointer.SHAPE, 1, now, now, dict.fromkeys(rows, 1))
    pointer.switch(gold, claimed, new)


class NoPath:
    """The live path, which is measured elsewhere."""

    def stages(self) -> Stages:
        return Stages(1, 0, 1, None)

    def rejected(self, days: Iterable[str], limit: int) -> list[Any]:
        return [day for day in days if not day][:limit]

    def objects(self, day: str) -> list[Any]:
        return [(day, 1)][:0]

    def origins(self, key: str, limit: int) -> list[Any]:
        return [] if key else [][:limit]


class Spent(NamedTuple):
    """What some tries took: CPU of the whole process, and by the clock; milliseconds."""

    cpu: list[float]
    wall: list[float]

    def __str__(self) -> str:
        cpu, wall = (np.percentile(some, (50, 95)) for some in self)
        return f"CPU p50 {cpu[0]:.1f}, p95 {cpu[1]:.1f} ms; wall p50 {wall[0]:.1f}, p95 {wall[1]:.1f} ms"


def taken(act: Callable[[], Any], times: int = 100) -> Spent:
    spent = Spent([], [])
    for _ in range(times):
        began, clock = time.process_time(), time.perf_counter()
        act()
        spent.cpu.append(1000 * (time.process_time() - began))
        spent.wall.append(1000 * (time.perf_counter() - clock))
    return spent


class Site:
    """The dashboard on an app, asked as uvicorn asks it: door, Dash, the figures, JSON and gzip, but no socket."""

    def __init__(self, gold: EmbeddedGold) -> None:
        self._loop = asyncio.new_event_loop()
        self._app = FastAPI()
        now = datetime(LAST.year, LAST.month, LAST.day, 23, tzinfo=UTC)
        attach(
            self._app,
            sources=Sources(lambda: Snapshot.open(gold), People(gold), NoPath()),
            allowed=lambda _: Viewer("viewer", "V"),
            timezone="Europe/Madrid",
            options=Options(clock=lambda: now),
        )
        started = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        self._loop.run_until_complete(self._send({"type": "lifespan", "state": {}}, started))

    async def _send(self, scope: dict[str, Any], messages: list[dict[str, Any]]) -> bytes:
        body, waiting = bytearray(), iter(messages)

        async def receive() -> Any:
            return next(waiting, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            body.extend(message.get("body", b""))
            if message.get("status", 200) != 200:
                raise RuntimeError(f"answered {message['status']}")

        await self._app(scope, receive, send)
        return bytes(body)

    def call(self, page: str, query: str, stamp: object = None) -> bytes:
        """A page's callback, as its browser calls it; the answer, compressed."""
        values = (1, f"/dashboard/{page}", query)
        asked = {
            "output": "..{}..".format("...".join(f"{name}.{prop}" for name, prop in OUTPUTS)),
            "outputs": [{"id": name, "property": prop} for name, prop in OUTPUTS],
            "inputs": [{"id": n, "property": p, "value": v} for (n, p), v in zip(INPUTS, values, strict=True)],
            "changedPropIds": ["ask.data"],
            "state": [{"id": "stamp", "property": "data", "value": stamp}],
        }
        body = json.dumps(asked).encode()
        headers = {"host": "a", "content-type": "application/json", "accept-encoding": "gzip"}
        headers["content-length"] = str(len(body))
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/dashboard/_dash-update-component",
            "raw_path": b"/dashboard/_dash-update-component",
            "query_string": b"",
            "root_path": "",
            "headers": [
                *((k.encode(), v.encode()) for k, v in headers.items()),
                (b"content-length", b"%d" % len(body)),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("a", 80),
        }
        return self._loop.run_until_complete(self._send(scope, [{"type": "http.request", "body": body}]))


def pages(gold: EmbeddedGold, reads: list[int]) -> None:
    site = Site(gold)
    usual = ("", "?range=7", "?range=90", "?range=365", "?range=365&compare=none")
    searches = {"overview": usual, "security": ("", "?range=365"), "person": ("?id=google%7C77",)}
    for name in PAGES:
        for query in searches.get(name, ("",)):
            reads.clear()
            answer = site.call(name, query)
            documents = sum(reads)
            told = taken(lambda name=name, query=query: site.call(name, query))  # type: ignore[misc]
            size = f"{len(answer) / 1024:.0f} kB compressed"
            print(f"{name or 'summary'}{query}: {told}; {documents} documents, {size}", flush=True)
    stamp = json.loads(gzip.decompress(site.call("", "")))["response"]["stamp"]["data"]
    told = taken(lambda: site.call("", "", stamp), 200)
    print(f"a refresh that finds nothing new: {told}; 50 viewers every 5 s are 10 of them a second")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--signins", type=int, default=50_000_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--gold", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        gold = EmbeddedGold(asked.gold or Path(folder) / "gold.db")
        began = time.perf_counter()
        if Snapshot.open(gold).generation == 0:
            make(gold, asked.people, asked.signins, asked.days)
        print(f"gold of {gold.count('users'):,} people: made in {time.perf_counter() - began:.0f} s", flush=True)
        reads: list[int] = []
        read = gold.read

        def counted(collection: str, ids: Any) -> dict[str, Document]:
            reads.append(len(ids))
            return read(collection, ids)

        gold.read = counted  # type: ignore[method-assign]
        gc.collect()
        gc.freeze()  # as `loginlake run` does when it is up
        pages(gold, reads)
        for order in search.ORDERS:
            place: list[Any] = [None]

            def following(order: str = order, place: list[Any] = place) -> None:
                page = search.page(gold, order, descending=True, after=place[0])
                field = search.ORDERS[order].fields[0]
                place[0] = (page.people[-1][field], page.people[-1]["_id"]) if page.more else None

            print(f"people by {order}, page after page: {taken(following)}")
        for words in ("ana", "ferrer 1234", "person.99", "zzz"):
            print(f"search {words!r}: {taken(lambda words=words: search.search(gold, words))}")  # type: ignore[misc]
        gold.close()
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
