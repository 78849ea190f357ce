"""Who may see the dashboard."""

from __future__ import annotations

import pytest

from loginlake.web.context import Person
from loginlake.web_wiring import is_viewer

VIEWERS = frozenset({"kim@example.com", "josé@example.com"})


def person(email: str, *, verified: bool | None = True) -> Person:
    return Person(
        provider="google",
        user_id="1",
        name="Kim",
        email=email,
        email_verified=verified,
        picture="",
        hosted_domain=None,
    )


@pytest.mark.parametrize("email", ["kim@example.com", "Kim@Example.COM"])
def test_a_verified_viewer_in_any_case(email: str) -> None:
    assert is_viewer(person(email), VIEWERS)


@pytest.mark.parametrize("verified", [False, None])
def test_an_email_that_is_not_verified_is_nobodys(*, verified: bool | None) -> None:
    assert not is_viewer(person("kim@example.com", verified=verified), VIEWERS)


@pytest.mark.parametrize("email", ["\N{KELVIN SIGN}im@example.com", "josé@example.com", "ana@example.com", ""])
def test_somebody_else(email: str) -> None:
    assert not is_viewer(person(email), VIEWERS)
