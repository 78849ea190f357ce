"""What any `IdentityVerifier` must do: Google's adapter on a stand-in issuer, and behind the developer provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio
from fakes.issuer import Clock, FakeIssuer

from loginlake.web.developer import PEOPLE, DeveloperProvider, MadeUp
from loginlake.web.identity import Identity, IdentityVerifier, Reason, Refused
from loginlake.web.state import WebState

pytestmark = pytest.mark.asyncio


class Provider(Protocol):
    """One way to make tokens, and the verifier that reads them."""

    verifier: IdentityVerifier
    clock: Clock

    def token(self, *, name: str | None = "Ana", photo: bool = True, nonce: str | None = "n") -> str: ...
    def close(self) -> None: ...


class Google:
    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.issuer = FakeIssuer(self.clock)
        self.verifier: IdentityVerifier = self.issuer.verifier()

    def token(self, *, name: str | None = "Ana", photo: bool = True, nonce: str | None = "n") -> str:
        changes: dict[str, Any] = {} if photo else {"picture": None}
        return self.issuer.token(nonce=nonce, sub="77", email="ana@example.com", name=name, **changes)

    def close(self) -> None:
        return None


class Developer:
    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.state = WebState(path / "web.db", self.clock.seconds)
        self.provider = DeveloperProvider("http://localhost:8000", self.state, self.clock)
        self.verifier: IdentityVerifier = self.provider.verifier()

    def token(self, *, name: str | None = "Ana", photo: bool = True, nonce: str | None = "n") -> str:
        made_up = MadeUp(user_id="77", email="ana@example.com", name=name, photo="lucia.svg" if photo else None)
        return self.provider.token(made_up, nonce)

    def close(self) -> None:
        self.state.close()


@pytest_asyncio.fixture(params=[Google, Developer])
async def provider(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Provider]:
    made: Provider = request.param(tmp_path)
    yield made
    await made.verifier.close()
    made.close()


async def test_a_good_token_is_a_whole_identity(provider: Provider) -> None:
    identity = await provider.verifier.verify(provider.token())
    assert isinstance(identity, Identity)
    assert (identity.user_id, identity.username, identity.email) == ("77", "Ana", "ana@example.com")
    assert (identity.email_verified, identity.nonce) == (True, "n")
    assert identity.picture.startswith(("https://lh3.", "http://localhost:8000/static/people/"))
    assert identity.issued_at == provider.clock.now
    assert (identity.expires_at - identity.issued_at).total_seconds() == 3600


async def test_name_and_picture_are_never_empty(provider: Provider) -> None:
    identity = await provider.verifier.verify(provider.token(name=None, photo=False))
    assert identity.username == "ana"
    assert identity.picture.startswith("data:image/svg+xml,")


async def test_the_nonce_is_handed_on_not_judged(provider: Provider) -> None:
    assert (await provider.verifier.verify(provider.token(nonce=None))).nonce is None


async def test_the_same_token_is_the_same_identity(provider: Provider) -> None:
    token = provider.token()
    assert await provider.verifier.verify(token) == await provider.verifier.verify(token)


async def test_an_expired_token_is_refused(provider: Provider) -> None:
    token = provider.token()
    provider.clock.pass_s(3610)
    with pytest.raises(Refused) as refused:
        await provider.verifier.verify(token)
    assert refused.value.reason is Reason.EXPIRED


async def test_a_token_of_another_provider_is_refused(provider: Provider, tmp_path: Path) -> None:
    other = (Developer if isinstance(provider, Google) else Google)(tmp_path)
    with pytest.raises(Refused) as refused:
        await provider.verifier.verify(other.token())
    assert refused.value.reason is Reason.UNKNOWN_KEY
    await other.verifier.close()
    other.close()


@pytest.mark.parametrize("credential", ["", "x", "a.b.c", "\x00", "é" * 100, "." * 50])
async def test_noise_is_refused(provider: Provider, credential: str) -> None:
    with pytest.raises(Refused) as refused:
        await provider.verifier.verify(credential)
    assert refused.value.reason is Reason.MALFORMED


async def test_it_says_when_it_is_ready(provider: Provider) -> None:
    assert await provider.verifier.ready() is True


async def test_the_made_up_people_are_those_that_are_needed() -> None:
    assert any(person.name and person.photo for person in PEOPLE)
    assert any(person.photo is None for person in PEOPLE)
    assert any(person.name is None for person in PEOPLE)
    assert all(person.email.rpartition("@")[2] in {"example.com", "example.org"} for person in PEOPLE)
