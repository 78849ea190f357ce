"""Who may see the dashboard, and as what."""

from __future__ import annotations

import pytest

from loginlake.access import Access
from loginlake.web.context import Person

ACCESS = Access(
    viewers=frozenset({"kim@example.com", "lea@gmail.com", "josé@example.com", "@acme.example"}),
    admins=frozenset({"ada@acme.example", "@root.example"}),
    own="developer",
)


def person(email: str, *, verified: bool | None = True, domain: str | None = None, provider: str = "google") -> Person:
    return Person(
        provider=provider,
        user_id="1",
        name="Kim",
        email=email,
        email_verified=verified,
        picture="",
        hosted_domain=domain,
    )


@pytest.mark.parametrize("email", ["kim@example.com", "Kim@Example.COM"])
def test_an_address_counts_in_any_case_where_google_is_authoritative_for_it(email: str) -> None:
    assert ACCESS.role(person(email, domain="example.com")) == "viewer"
    assert ACCESS.role(person(email)) == "person"  # a Google account on somebody else's mail server


def test_gmail_needs_no_hosted_domain() -> None:
    assert ACCESS.role(person("Lea@gmail.com")) == "viewer"


def test_a_domain_is_the_tokens_and_not_an_addresss_end() -> None:
    assert ACCESS.role(person("bo@acme.example", domain="acme.example")) == "viewer"
    assert ACCESS.role(person("bo@acme.example")) == "person"
    assert ACCESS.role(person("bo@acme.example", domain="other.example")) == "person"


def test_an_admin_by_address_or_domain_is_more_than_a_viewer() -> None:
    assert ACCESS.role(person("ada@acme.example", domain="acme.example")) == "admin"
    assert ACCESS.role(person("x@root.example", domain="Root.Example")) == "admin"


@pytest.mark.parametrize("verified", [False, None])
def test_an_email_that_is_not_verified_is_nobodys(*, verified: bool | None) -> None:
    assert ACCESS.role(person("kim@example.com", verified=verified, domain="example.com")) == "person"
    assert ACCESS.role(person("bo@acme.example", verified=verified, domain="acme.example")) == "person"


@pytest.mark.parametrize("email", ["\N{KELVIN SIGN}im@example.com", "josé@example.com", "ana@example.com", ""])
def test_somebody_else(email: str) -> None:
    assert ACCESS.role(person(email, domain="example.com")) == "person"


def test_the_developers_made_up_addresses_are_believed_in_developer_mode_alone() -> None:
    made_up = person("kim@example.com", provider="developer")
    assert ACCESS.role(made_up) == "viewer"
    assert ACCESS._replace(own="").role(made_up) == "person"
