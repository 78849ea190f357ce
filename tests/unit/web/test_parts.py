"""The small parts: texts, avatars, addresses, buckets, state, health."""

from __future__ import annotations

import sqlite3
import string
import time
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from fakes.issuer import AUDIENCE, START, Clock, FakeIssuer
from fakes.web_site import Browser, Site
from hypothesis import given
from hypothesis import strategies as st

from loginlake.errors import Misconfigured, Unavailable
from loginlake.silver.reasons import is_email
from loginlake.web.avatar import initials, initials_avatar
from loginlake.web.google import ISSUER, Expected, identity_of
from loginlake.web.identity import Reason, Refused
from loginlake.web.pages import script_texts
from loginlake.web.rate import Buckets
from loginlake.web.security import allowed_origins, truncated
from loginlake.web.session import new_nonce, open_nonce
from loginlake.web.state import Claim, Use, WebState
from loginlake.web.texts import CATALOGUES, language_of

EXPECTED = Expected(provider="google", issuers=frozenset({ISSUER}), audience=AUDIENCE)


def test_both_catalogues_have_the_same_keys_and_the_same_blanks() -> None:
    spanish, english = CATALOGUES["es"], CATALOGUES["en"]
    assert list(spanish) == list(english)
    for name, text in spanish.items():
        assert text.strip()
        assert english[name].strip()
        assert fields(text) == fields(english[name]), name
    assert set(script_texts("es")) == set(script_texts("en"))


def fields(text: str) -> set[str | None]:
    return {field for _, _, field, _ in string.Formatter().parse(text)}


@pytest.mark.parametrize(
    ("asked", "remembered", "language"),
    [
        (None, None, "es"),
        ("en", None, "en"),
        (None, "en", "en"),
        ("es", "en", "es"),
        ("fr", "en", "en"),
        ("", "x", "es"),
    ],
)
def test_spanish_unless_asked(asked: str | None, remembered: str | None, language: str) -> None:
    assert language_of(asked, remembered) == language


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Lucía Ferrer", "LF"),
        ("Ana María de la O", "AO"),
        ("lucia", "L"),
        ("ليلى حداد", "لح"),
        ("李 小龙", "李小"),
        ("🦆", "?"),
        ("", "?"),
        ("=SUM(A1)", "S"),
        ("<b>x</b>", "B"),
        ("ñandú ß", "ÑSS"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


@given(st.text(max_size=40), st.text(max_size=20))
def test_an_avatar_is_always_well_formed_and_inert(name: str, user_id: str) -> None:
    uri = initials_avatar(name, user_id)
    assert uri == initials_avatar(name, user_id)
    assert not any(character in uri for character in '<>"#\n')
    tags = [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(unquote(uri.partition(",")[2])).iter()]
    assert tags == ["svg", "rect", "text"]


@pytest.mark.parametrize(
    "picture",
    [
        "javascript:alert(1)",
        "data:text/html,<script>",
        "http://x.example/a.png",
        "//x",
        "",
        " ",
        None,
        7,
        ["https://x"],
    ],
)
def test_only_a_safe_picture_is_kept(picture: object) -> None:
    claims = FakeIssuer(Clock()).claims() | {"picture": picture}
    assert identity_of(claims, EXPECTED, START).picture.startswith("data:image/svg+xml,")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "=cmd()", "ليلى حداد", "👩‍🚀", "a\x00b", "x" * 5000])
def test_a_name_is_kept_as_it_is(name: str) -> None:
    assert identity_of(FakeIssuer(Clock()).claims(name=name), EXPECTED, START).username == name


@pytest.mark.parametrize("name", ["", "   ", None, 7, ["Ana"], {"given": "Ana"}])
def test_no_name_is_the_local_part(name: object) -> None:
    claims = FakeIssuer(Clock()).claims() | {"name": name}
    assert identity_of(claims, EXPECTED, START).username == "lucia"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2:3::4", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("127.0.0.1", "127.0.0.0"),
        ("unknown", None),
        ("", None),
        ("203.0.113.77:80", None),
    ],
)
def test_addresses_are_cut(address: str, network: str | None) -> None:
    assert truncated(address) == network


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("proxies", "forwarded", "ip"),
    [
        (0, "198.51.100.9", "203.0.113.0"),
        (1, "198.51.100.9", "198.51.100.0"),
        (1, "6.6.6.6, 198.51.100.9", "198.51.100.0"),
        (2, "6.6.6.6, 198.51.100.9, 10.0.0.1", "198.51.100.0"),
        (5, "198.51.100.9", "198.51.100.0"),
        (1, "nonsense", "203.0.113.0"),
    ],
)
async def test_only_trusted_proxies_are_believed(tmp_path: Path, proxies: int, forwarded: str, ip: str) -> None:
    site = Site(tmp_path, trusted_proxies=proxies)
    async with site.browser() as browser:
        browser.headers["X-Forwarded-For"] = forwarded
        await browser.sign_in(await browser.credential())
        assert site.log.events()[0]["data"]["ip"] == ip
    await site.close()


@given(st.emails() | st.from_regex(r"[^@]{1,3}@[^@]{1,3}(\.[a-z])?", fullmatch=True))
def test_an_email_that_is_let_in_is_never_rejected_later(email: str) -> None:
    claims = FakeIssuer(Clock()).claims() | {"email": email}
    try:
        kept = identity_of(claims, EXPECTED, START).email
    except Refused as refused:
        assert refused.reason == Reason.BAD_EMAIL
        assert not is_email(email.strip())
    else:
        assert is_email(kept)


def test_origins() -> None:
    assert allowed_origins("http://localhost:8000") == {"http://localhost:8000", "http://127.0.0.1:8000"}
    assert allowed_origins("https://login.example") == {"https://login.example"}
    assert allowed_origins("http://localhost:80") == {"http://localhost", "http://127.0.0.1"}
    assert allowed_origins("HTTPS://Login.Example:443/") == {"https://login.example"}
    with pytest.raises(Misconfigured):
        allowed_origins("http://[::1")


def test_buckets_forget_the_longest_unseen() -> None:
    buckets = Buckets(1, addresses=2)
    assert [buckets.take("a", 0), buckets.take("a", 0), buckets.take("a", 60)] == [True, False, True]
    assert buckets.take("b", 60)
    assert buckets.take("c", 60)
    assert buckets.take("a", 60)


@given(st.text(max_size=100))
def test_no_text_is_a_nonce_by_chance(value: str) -> None:
    assert open_nonce(b"s", "visit", value) is None


def test_a_nonce_belongs_to_its_visit_and_its_secret() -> None:
    nonce = new_nonce(b"s", "visit", 1_800_000_000)
    assert open_nonce(b"s", "visit", nonce.value) == nonce
    assert open_nonce(b"s", "other", nonce.value) is None
    assert open_nonce(b"t", "visit", nonce.value) is None
    assert open_nonce(b"s", "", new_nonce(b"s", "", 1).value) is None


def use(**changes: object) -> Use:
    values = {"nonce": "n", "token": "t", "visit": "v", "fresh": True, "now": 0.0, "lease_s": 10.0, "expires": 100.0}
    return Use(**(values | changes))  # type: ignore[arg-type]


def test_a_nonce_through_its_life(tmp_path: Path) -> None:
    state = WebState(tmp_path / "web.db", lambda: 0.0)
    assert state.claim(use(fresh=False)).result() == (Claim.EXPIRED, None)
    assert state.claim(use()).result() == (Claim.YOURS, None)
    assert state.claim(use(now=9.0)).result() == (Claim.PENDING, None)
    assert state.claim(use(now=9.0, token="u")).result() == (Claim.REPLAYED, None)
    assert state.claim(use(now=9.0, visit="w")).result() == (Claim.REPLAYED, None)
    state.release("n").result()
    assert state.claim(use(now=9.0, fresh=False)).result() == (Claim.YOURS, None)
    state.finish("n", b"answer", "cookie", 50.0, counter="answered").result()
    assert state.claim(use(now=99.0)).result() == (Claim.ANSWERED, b"answer")
    assert state.session("cookie") == b"answer"
    state.close()


def test_what_expired_is_swept(tmp_path: Path) -> None:
    clock = Clock()
    state = WebState(tmp_path / "web.db", clock.seconds)
    now = clock.seconds()
    state.claim(use(now=now, expires=now + 100)).result()
    state.finish("n", b"answer", "cookie", now + 50).result()
    clock.pass_s(101)
    assert state.session("cookie") is None
    state.end_session("nobody's").result()
    with sqlite3.connect(tmp_path / "web.db") as db:
        assert [db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("nonces", "sessions")] == [0, 0]
    db.close()
    state.close()


def test_many_writers_lose_no_count(tmp_path: Path) -> None:
    states = [WebState(tmp_path / "web.db", lambda: 0.0) for _ in range(3)]
    for _ in range(300):
        for state in states:
            state.count("n")
    for state in states[1:]:
        state.close()
    states[0].end_session("nobody's").result()
    assert states[0].counters() == {"n": 900}
    states[0].close()


def test_what_is_only_counted_is_written_too(tmp_path: Path) -> None:
    one, other = (WebState(tmp_path / "web.db", lambda: 0.0) for _ in range(2))
    until = time.monotonic() + 60
    for seen in (1, 2):
        one.count("n")
        while other.counters().get("n") != seen:
            assert time.monotonic() < until
    one.count("n")
    one.close()
    assert other.counters() == {"n": 3}
    other.close()


def test_a_state_out_of_reach_is_unavailable(tmp_path: Path) -> None:
    state = WebState(tmp_path / "missing" / "web.db", lambda: 0.0)
    with pytest.raises(Unavailable):
        state.session("x")
    with pytest.raises(Unavailable):
        state.end_session("x").result()
    state.count("lost")
    with pytest.raises(Unavailable):
        state.end_session("x").result()
    (tmp_path / "missing").mkdir()
    state.count("kept")
    state.end_session("x").result()
    assert state.counters() == {"kept": 1}
    state.close()


def test_what_is_kept_is_made_once(tmp_path: Path) -> None:
    one, two = (WebState(tmp_path / "web.db", lambda: 0.0) for _ in range(2))
    assert one.keep("key", lambda: b"first") == b"first"
    assert two.keep("key", lambda: b"second") == b"first"
    assert (tmp_path / "web.db").stat().st_mode & 0o077 == 0
    one.close()
    two.close()


@pytest.mark.asyncio
async def test_alive_and_ready(site: Site, browser: Browser) -> None:
    assert (await browser.get("/health")).json() == {"alive": True}
    ready = await browser.get("/ready")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "log": "ok", "state": "ok", "keys": "ok"})
    site.log.fail_next("ranges")
    away = await browser.get("/ready")
    assert (away.status_code, away.json()["log"], away.headers["Retry-After"]) == (503, "unavailable", "2")
    assert (await browser.get("/ready")).status_code == 200


@pytest.mark.asyncio
async def test_a_stage_of_this_process_that_is_down_is_named(site: Site, browser: Browser) -> None:
    site.stages = {"land": "ok", "clean and publish": "ok"}
    well = await browser.get("/ready")
    assert (well.status_code, well.json()["stages"]) == (200, site.stages)
    site.stages["land"] = "UnknownLog"
    down = await browser.get("/ready")
    assert (down.status_code, down.json()["ready"], down.json()["stages"]["land"]) == (503, False, "UnknownLog")


@pytest.mark.asyncio
async def test_without_keys_it_is_not_ready_and_answers_503(site: Site, browser: Browser) -> None:
    site.issuer.fail_next(2)
    credential = await browser.credential()
    assert (await browser.sign_in(credential)).status_code == 503
    assert (await browser.get("/ready")).json()["keys"] == "unavailable"
    site.clock.pass_s(2)
    site.issuer.failing = 0
    assert (await browser.sign_in(credential)).status_code == 200
    assert (await browser.get("/ready")).status_code == 200


@pytest.mark.asyncio
async def test_metrics_carry_numbers_and_no_person(site: Site, browser: Browser) -> None:
    await browser.sign_in(await browser.credential())
    await browser.sign_in("noise")
    site.counters()
    text = (await browser.get("/metrics")).text
    assert "loginlake_web_answered_total 1.0" in text
    assert "loginlake_web_refusals_dropped_total 0.0" in text
    assert 'loginlake_web_refused_by_reason_total{reason="malformed"} 1.0' in text
    assert "lucia" not in text
