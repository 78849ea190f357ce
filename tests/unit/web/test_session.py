"""Whose session a cookie is: nobody's after a new secret."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fakes.web_site import Site

from loginlake.web.session import session_key

pytestmark = pytest.mark.asyncio


async def test_a_new_secret_ends_every_session(tmp_path: Path) -> None:
    before, after = Site(tmp_path), Site(tmp_path, secret=b"another secret of thirty-two bytes")
    async with before.browser() as old, after.browser() as new:
        await old.sign_in(await old.credential())
        assert (await old.get("/api/me")).status_code == 200
        new.cookies = old.cookies
        assert (await new.get("/api/me")).status_code == 401
        assert (await new.get("/api/journey")).status_code == 401
    await before.close()
    await after.close()


async def test_made_up_people_do_not_outlive_the_developer_mode(tmp_path: Path) -> None:
    made_up, google = Site(tmp_path, developer=True), Site(tmp_path)
    async with made_up.browser() as old, google.browser() as new:
        wish = {"person": "1002", "nonce": await old.nonce()}
        credential = (await old.post("/dev/token", json=wish)).json()["credential"]
        assert (await old.sign_in(credential)).json()["dashboard"] == "/dashboard/"
        new.cookies = old.cookies
        assert (await new.get("/api/me")).status_code == 401
        assert (await new.sign_in(await new.credential())).status_code == 200
        old.cookies = new.cookies
        assert (await new.get("/api/me")).status_code == 200
        assert (await old.get("/api/me")).status_code == 401
    await made_up.close()
    await google.close()


async def test_the_state_has_neither_the_cookie_nor_a_plain_hash_of_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    async with site.browser() as browser:
        await browser.sign_in(await browser.credential())
        cookie = browser.cookies["ll_session"]
    site.counters()
    with sqlite3.connect(tmp_path / "web.db") as db:
        assert db.execute("SELECT cookie FROM sessions").fetchall() == [(session_key(site.context.secret, cookie),)]
    db.close()
    await site.close()
