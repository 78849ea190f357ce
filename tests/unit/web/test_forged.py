"""The forged-token table: each row is refused with its reason, becomes a refusal event, and opens no session."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.issuer import FakeIssuer, base64url, rsa_key
from fakes.web_site import AGENT, Browser, Site

from loginlake.web.context import Limits
from loginlake.web.identity import Reason

pytestmark = pytest.mark.asyncio

Forge = Callable[[FakeIssuer, str], str]


def changed(**changes: Any) -> Forge:
    return lambda issuer, nonce: issuer.token(**({"nonce": nonce} | changes))


def later(**seconds: float) -> Forge:
    """Claims at a distance from now."""

    def forge(issuer: FakeIssuer, nonce: str) -> str:
        now = issuer.clock.seconds()
        claims: dict[str, Any] = {name: now + distance for name, distance in seconds.items()}
        return issuer.token(nonce=nonce, **claims)

    return forge


def tampered(issuer: FakeIssuer, nonce: str) -> str:
    head, _, signature = issuer.token(nonce=nonce).split(".")
    body = base64url(json.dumps(issuer.claims(nonce=nonce, email="boss@example.com")).encode())
    return f"{head}.{body}.{signature}"


def cut(issuer: FakeIssuer, nonce: str) -> str:
    return issuer.token(nonce=nonce)[:-8]


def other_key_same_kid(issuer: FakeIssuer, nonce: str) -> str:
    return issuer.token(key="stranger", header={"kid": "one"}, nonce=nonce)


def key_in_header(issuer: FakeIssuer, nonce: str) -> str:
    jwk = rsa_key("stranger").as_dict(private=False)
    return issuer.token(key="stranger", header={"kid": "one", "jwk": jwk}, nonce=nonce)


FORGED: dict[str, tuple[Forge, Reason]] = {
    "another audience": (changed(aud="somebody.else"), Reason.WRONG_AUDIENCE),
    "our audience among others": (changed(aud=["client.apps.example", "x"]), Reason.WRONG_AUDIENCE),
    "no audience": (changed(aud=None), Reason.WRONG_AUDIENCE),
    "another issuer": (changed(iss="https://evil.example"), Reason.WRONG_ISSUER),
    "no issuer": (changed(iss=None), Reason.WRONG_ISSUER),
    "an issuer that is a number": (changed(iss=7), Reason.BAD_CLAIMS),
    "an issuer that is an object": (changed(iss={"x": 1}), Reason.BAD_CLAIMS),
    "an issuer that is a list": (changed(iss=["https://accounts.google.com"]), Reason.BAD_CLAIMS),
    "expired": (later(iat=-7200, exp=-11), Reason.EXPIRED),
    "expired beyond the skew": (later(iat=-3600, exp=-10), Reason.EXPIRED),
    "no expiry": (changed(exp=None), Reason.BAD_CLAIMS),
    "an expiry of another type": (changed(exp="tomorrow"), Reason.BAD_CLAIMS),
    "an expiry past all calendars": (changed(exp=10**18), Reason.BAD_CLAIMS),
    "an expiry in the last second of the calendar": (changed(exp=253_402_300_799), Reason.BAD_CLAIMS),
    "issued in the future": (later(iat=11), Reason.FROM_THE_FUTURE),
    "no issue time": (changed(iat=None), Reason.BAD_CLAIMS),
    "an issue time that is a bool": (changed(iat=True), Reason.BAD_CLAIMS),
    "alg none": (lambda i, n: i.unsigned({"alg": "none", "kid": "one"}, nonce=n), Reason.BAD_ALGORITHM),
    "alg None with capitals": (lambda i, n: i.unsigned({"alg": "nOnE", "kid": "one"}, nonce=n), Reason.BAD_ALGORITHM),
    "no alg": (lambda i, n: i.unsigned({"kid": "one"}, nonce=n), Reason.BAD_ALGORITHM),
    "RS256 without signature": (lambda i, n: i.unsigned({"alg": "RS256", "kid": "one"}, nonce=n), Reason.BAD_SIGNATURE),
    "HS256 with the public key": (lambda i, n: i.signed_by_public_key(nonce=n), Reason.BAD_ALGORITHM),
    "RS512": (lambda i, n: i.unsigned({"alg": "RS512", "kid": "one"}, nonce=n), Reason.BAD_ALGORITHM),
    "an unknown kid": (lambda i, n: i.token(key="stranger", nonce=n), Reason.UNKNOWN_KEY),
    "no kid": (lambda i, n: i.unsigned({"alg": "RS256"}, nonce=n), Reason.UNKNOWN_KEY),
    "another key under our kid": (other_key_same_kid, Reason.BAD_SIGNATURE),
    "its own key in the header": (key_in_header, Reason.BAD_SIGNATURE),
    "tampered claims": (tampered, Reason.BAD_SIGNATURE),
    "a cut signature": (cut, Reason.BAD_SIGNATURE),
    "a crit header nobody knows": (
        lambda i, n: i.unsigned({"alg": "RS256", "kid": "one", "crit": ["x"], "x": 1}, nonce=n),
        Reason.BAD_SIGNATURE,
    ),
    "not a token": (lambda i, n: "hello", Reason.MALFORMED),
    "empty": (lambda i, n: "", Reason.MALFORMED),
    "two dots": (lambda i, n: "..", Reason.MALFORMED),
    "five parts": (lambda i, n: i.token(nonce=n) + ".a.b", Reason.MALFORMED),
    "a header that is no JSON": (lambda i, n: "aGk.aGk.aGk", Reason.MALFORMED),
    "a header that is a list": (lambda i, n: base64url(b"[1]") + ".aGk.aGk", Reason.MALFORMED),
    "a very deep header": (lambda i, n: base64url(b'{"a":' + b"[" * 9000) + ".aGk.aGk", Reason.MALFORMED),
    "NUL and newlines": (lambda i, n: "a\x00b.c\n.d", Reason.MALFORMED),
    "emoji": (lambda i, n: "🦆.🦆.🦆", Reason.MALFORMED),
    "a payload that is a list": (lambda i, n: i.signed_raw(b"[]"), Reason.BAD_CLAIMS),
    "a payload that is no JSON": (lambda i, n: i.signed_raw(b"hello"), Reason.BAD_CLAIMS),
    "a payload of broken UTF-8": (lambda i, n: i.signed_raw(b'{"iss":"\xff"}'), Reason.BAD_CLAIMS),
    "a very deep payload": (lambda i, n: i.signed_raw(b'{"a":' + b"[" * 9000), Reason.BAD_CLAIMS),
    "no subject": (changed(sub=None), Reason.BAD_CLAIMS),
    "a blank subject": (changed(sub="  "), Reason.BAD_CLAIMS),
    "a subject that is a number": (changed(sub=1), Reason.BAD_CLAIMS),
    "a subject too long": (changed(sub="9" * 256), Reason.BAD_CLAIMS),
    "no e-mail": (changed(email=None), Reason.BAD_EMAIL),
    "an e-mail that is none": (changed(email="hello"), Reason.BAD_EMAIL),
    "an e-mail with markup": (changed(email="<b>@example.com"), Reason.BAD_EMAIL),
    "an e-mail without a dot in its domain": (changed(email="ana@localhost"), Reason.BAD_EMAIL),
    "an e-mail with a comma": (changed(email="ana,b@example.com"), Reason.BAD_EMAIL),
    "an e-mail too long": (changed(email=f"ana@{'e' * 250}.com"), Reason.BAD_EMAIL),
    "no nonce": (changed(nonce=None), Reason.MISSING_NONCE),
    "a nonce of another type": (changed(nonce=["x"]), Reason.MISSING_NONCE),
    "a nonce of nobody": (changed(nonce="A" * 67), Reason.FOREIGN_NONCE),
    "a nonce that is no base64": (changed(nonce="ñandú"), Reason.FOREIGN_NONCE),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_is_refused(site: Site, browser: Browser, name: str) -> None:
    forge, reason = FORGED[name]
    credential = forge(site.issuer, await browser.nonce())
    answer = await browser.sign_in(credential)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:loginlake:problem:refused"
    assert answer.json()["reason"] == reason
    assert "ll_session" not in browser.cookies
    (event,) = site.log.events()
    assert event["type"] == "loginlake.signin_refused.v1"
    assert event["data"] == {"reason": reason, "user_agent": AGENT, "ip": "203.0.113.0"}
    assert site.counters() == {"refused": 1, f"refused:{reason}": 1}


async def test_every_reason_of_a_token_alone_is_in_the_table() -> None:
    elsewhere = {Reason.WRONG_DOMAIN, Reason.EXPIRED_NONCE, Reason.REPLAYED_NONCE}
    assert {reason for _, reason in FORGED.values()} | elsewhere == set(Reason)


async def test_within_the_skew_it_is_good(site: Site, browser: Browser) -> None:
    for forge in (later(iat=10), later(iat=-3600, exp=-9)):
        assert (await browser.sign_in(forge(site.issuer, await browser.nonce()))).status_code == 200


async def test_the_latest_expiry_that_is_taken(site: Site, browser: Browser) -> None:
    assert (await browser.sign_in(await browser.credential(exp=253_402_214_400))).status_code == 200


async def test_the_issuer_without_scheme_is_good(site: Site, browser: Browser) -> None:
    assert (await browser.sign_in(await browser.credential(iss="accounts.google.com"))).status_code == 200


async def test_a_token_of_one_megabyte_is_not_even_read(site: Site, browser: Browser) -> None:
    answer = await browser.sign_in("a" * 1_000_000)
    assert answer.status_code == 413
    assert site.log.events() == []


async def test_without_cookies_it_says_that_they_are_needed(browser: Browser) -> None:
    credential = await browser.credential()
    for language, word in (("es", "cookies"), ("en", "Cookies")):
        browser.cookies.clear()
        answer = await browser.post(f"/api/signin?lang={language}", json={"credential": credential})
        assert (answer.status_code, answer.json()["reason"]) == (401, Reason.FOREIGN_NONCE)
        assert word in answer.json()["detail"]


async def test_a_nonce_of_another_visit(site: Site, browser: Browser) -> None:
    async with site.browser() as other:
        credential = await other.credential()
    await browser.nonce()
    assert (await browser.sign_in(credential)).json()["reason"] == "foreign_nonce"


async def test_a_token_without_any_visit(site: Site, browser: Browser) -> None:
    credential = await browser.credential()
    async with site.browser() as fresh:
        assert (await fresh.sign_in(credential)).json()["reason"] == "foreign_nonce"


async def test_an_old_nonce(site: Site, browser: Browser) -> None:
    await browser.nonce()
    nonce = browser.old_nonce(int(site.clock.seconds()))
    assert (await browser.sign_in(site.issuer.token(nonce=nonce))).json()["reason"] == "expired_nonce"


async def test_a_used_nonce_with_another_token(site: Site, browser: Browser) -> None:
    nonce = await browser.nonce()
    assert (await browser.sign_in(site.issuer.token(nonce=nonce))).status_code == 200
    answer = await browser.sign_in(site.issuer.token(nonce=nonce, name="Otra persona"))
    assert (answer.status_code, answer.json()["reason"]) == (401, "replayed_nonce")
    assert len(site.log.signins()) == 1
    assert [event["data"]["reason"] for event in site.log.refusals()] == ["replayed_nonce"]


async def test_another_spelling_of_a_used_nonce_is_no_new_nonce(site: Site, browser: Browser) -> None:
    nonce = await browser.nonce()
    await browser.sign_in(site.issuer.token(nonce=nonce))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    sibling = nonce[:-1] + letters[letters.index(nonce[-1]) ^ 1]
    for spelling in (sibling, nonce + "=", nonce + "=="):
        answer = await browser.sign_in(site.issuer.token(nonce=spelling))
        assert answer.json()["reason"] == "foreign_nonce"


@pytest.mark.parametrize(
    ("domain", "status"), [("example.com", 200), ("EXAMPLE.com", 200), ("x.org", 401), (None, 401)]
)
async def test_only_the_required_domain(tmp_path: Path, domain: str | None, status: int) -> None:
    site = Site(tmp_path, hosted_domain="example.com")
    async with site.browser() as browser:
        answer = await browser.sign_in(await browser.credential(hd=domain))
        assert answer.status_code == status
        if status == 401:
            assert answer.json()["reason"] == "wrong_domain"
    await site.close()


async def test_refusals_are_limited_by_network_and_the_dropped_are_counted(tmp_path: Path) -> None:
    site = Site(tmp_path, limits=Limits(refusals_a_minute=3))
    async with site.browser() as noisy, site.browser("203.0.113.200") as neighbour, site.browser("198.51.100.1") as far:
        statuses = [(await noisy.sign_in("noise")).status_code for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        limited = await neighbour.sign_in("noise")
        assert (limited.status_code, limited.headers["Retry-After"]) == (429, "60")
        assert (await far.sign_in("noise")).status_code == 401
        good = await noisy.sign_in(await noisy.credential())
        assert good.status_code == 200
        assert len(site.log.refusals()) == 4
        counters = site.counters()
        assert (counters["refused"], counters["refusals_dropped"]) == (4, 3)
        site.clock.pass_s(20)
        assert (await noisy.sign_in("noise")).status_code == 401
    await site.close()


async def test_a_refusal_that_the_log_does_not_take_is_counted(site: Site, browser: Browser) -> None:
    site.log.fail_next("send")
    assert (await browser.sign_in("noise")).status_code == 401
    assert site.counters() == {"refusals_lost": 1}
