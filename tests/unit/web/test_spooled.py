"""The web with a spool before its log: sign-ins are answered while the log is away, and the numbers say what waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path

import pytest
import pytest_asyncio
from fakes.web_site import HeldLog, Site

from loginlake.stream.log import Headers, Position
from loginlake.stream.spool import SpooledLog
from loginlake.stream.spool_record import SPOOLED, SpoolLimits

pytestmark = pytest.mark.asyncio


class Heard(HeldLog):
    """Tells when something was sent to it."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def send(self, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Future[Position]:
        done = super().send(key, value, headers)
        self.heard.set()
        return done


class Away:
    """A site whose log does not answer."""

    def __init__(self, path: Path, limits: SpoolLimits) -> None:
        self.log = HeldLog()
        self.log.fail_next("send", 1_000_000)
        self.log.fail_next("ranges", 1_000_000)
        self.spool = SpooledLog(self.log, path / "spool", limits=limits)
        self.site = Site(path, log=self.log, spool=self.spool)

    async def close(self) -> None:
        await asyncio.to_thread(self.spool.stop)
        await self.site.close()


@pytest_asyncio.fixture
async def away(tmp_path: Path) -> AsyncIterator[Away]:
    made = Away(tmp_path, SpoolLimits())
    yield made
    await made.close()


async def test_a_sign_in_is_answered_and_waits(away: Away) -> None:
    async with away.site.browser() as browser:
        answer = await browser.sign_in(await browser.credential())
        assert answer.status_code == 200
        assert away.site.counters()["answered"] == 1
        assert away.spool.state().entries == 1
        away.site.trace.reached = ["web"]
        steps = (await browser.get("/api/journey")).json()["steps"]
        assert steps[1] == {"name": "topic", "done": False, "at": None, "place": "spool"}
        assert away.site.trace.asked[0][4] == SPOOLED
        away.site.trace.reached = ["web", "topic"]
        assert (await browser.get("/api/journey")).json()["steps"][1]["place"] == "topic/place"


async def test_ready_and_metrics_tell_the_depth(away: Away) -> None:
    async with away.site.browser() as browser:
        await browser.sign_in(await browser.credential())
        answer = await browser.get("/ready")
        assert answer.status_code == 200
        said = answer.json()
        assert (said["ready"], said["log"]) == (True, "unavailable")
        assert said["spool"]["entries"] == 1
        assert said["spool"]["size_bytes"] > 100
        assert said["spool"]["takes"] is True
        metrics = (await browser.get("/metrics")).text
        assert "loginlake_spool_entries 1.0" in metrics
        assert "loginlake_spool_takes 1.0" in metrics
        assert "loginlake_spool_oldest_seconds" in metrics
        assert "loginlake_spool_bytes" in metrics


async def test_a_full_spool_is_503_with_retry_after(tmp_path: Path) -> None:
    away = Away(tmp_path, SpoolLimits(max_bytes=10))
    async with away.site.browser() as browser:
        credential = await browser.credential()
        answer = await browser.sign_in(credential)
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        assert away.spool.state().entries == 0
        away.log.fail_next("send", 0)
        assert (await browser.sign_in(credential)).status_code == 200, "the same token, once the log is back"
        assert len(away.log.signins()) == 1
    await away.close()


async def test_not_ready_when_neither_log_nor_spool_take(tmp_path: Path) -> None:
    away = Away(tmp_path, SpoolLimits(max_age_s=-1))
    async with away.site.browser() as browser:
        assert (await browser.sign_in(await browser.credential())).status_code == 200, "the first one: none is old"
        answer = await browser.get("/ready")
        assert answer.status_code == 503
        assert answer.json()["spool"]["takes"] is False
    await away.close()


async def test_without_a_spool_there_is_no_such_number(site: Site) -> None:
    async with site.browser() as browser:
        assert "spool" not in (await browser.get("/ready")).json()
        assert "loginlake_spool" not in (await browser.get("/metrics")).text


async def test_the_app_starts_and_stops_the_spool(tmp_path: Path) -> None:
    earlier = Away(tmp_path, SpoolLimits())
    async with earlier.site.browser() as browser:
        await browser.sign_in(await browser.credential())
    await earlier.close()
    log = Heard()
    spool = SpooledLog(log, tmp_path / "spool")
    site = Site(tmp_path, log=log, spool=spool)
    async with site.app.router.lifespan_context(site.app):
        assert await asyncio.to_thread(log.heard.wait, 60)
    assert len(log.signins()) == 1
    assert list((tmp_path / "spool").iterdir()) == []
    site.state.close()
