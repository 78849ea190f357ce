"""Who may see the dashboard, and as what: addresses and hosted domains, believed only where they are proven. Pure.

A list holds addresses (ana@gmail.com) and hosted domains (@example.com). An address counts only where the provider is
authoritative for it: verified, and of gmail.com or of an organisation's own domain; else whoever once held an address,
or a mailbox of the same name elsewhere, would come in. A domain is the token's `hd`, never an address's end.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

Role = Literal["person", "viewer", "admin"]
_OWN_MAIL = "@gmail.com"


class Person(Protocol):
    """Who is signed in, as the verified token said."""

    @property
    def provider(self) -> str:
        """The provider that verified them."""
        ...

    @property
    def email(self) -> str:
        """Their address."""
        ...

    @property
    def email_verified(self) -> bool | None:
        """Whether the provider has verified it."""
        ...

    @property
    def hosted_domain(self) -> str | None:
        """The organisation that holds the account."""
        ...


class Access(NamedTuple):
    """The lists, in lower case. `own` is a provider whose made-up addresses are all believed (developer mode)."""

    viewers: frozenset[str]
    admins: frozenset[str]
    own: str = ""

    def role(self, person: Person) -> Role:
        """What a person is."""
        known = _names(person, own=self.own)
        if known & self.admins:
            return "admin"
        return "viewer" if known & self.viewers else "person"


def _names(person: Person, *, own: str) -> frozenset[str]:
    """The entries of a list that stand for a person.

    An address of other letters than ASCII is nobody's: lower() makes an ASCII letter of some (the Kelvin sign a k).
    """
    email, domain = person.email, person.hosted_domain or ""
    if person.email_verified is not True or not (email.isascii() and domain.isascii()):
        return frozenset()
    address = email.lower()
    believed = bool(domain) or address.endswith(_OWN_MAIL) or (own != "" and person.provider == own)
    names = {address} if believed else set()
    return frozenset(names | ({f"@{domain.lower()}"} if domain else set()))
