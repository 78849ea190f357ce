"""The port `IdentityVerifier`: from a credential to a verified person. Adapters: google (also behind developer)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol


class Reason(StrEnum):
    """Why a token is refused: a closed list. It is the `reason` of a signin_refused event."""

    MALFORMED = "malformed"
    BAD_ALGORITHM = "bad_algorithm"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    BAD_CLAIMS = "bad_claims"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    FROM_THE_FUTURE = "from_the_future"
    WRONG_DOMAIN = "wrong_domain"
    BAD_EMAIL = "bad_email"
    MISSING_NONCE = "missing_nonce"
    FOREIGN_NONCE = "foreign_nonce"
    EXPIRED_NONCE = "expired_nonce"
    REPLAYED_NONCE = "replayed_nonce"


class Refused(Exception):
    """The token proves nothing. Carries the reason alone: nothing in a refused token is verified."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a verified token says. `user_id` is the only key to a person; username and picture are never empty."""

    provider: str
    user_id: str
    username: str
    email: str
    email_verified: bool | None
    picture: str
    hosted_domain: str | None
    locale: str | None
    nonce: str | None
    issued_at: datetime
    expires_at: datetime


class KeysState(NamedTuple):
    """Seconds since the keys were fetched (None: never), and whether the last attempt failed."""

    age_s: float | None
    failed: bool


class IdentityVerifier(Protocol):
    """Verifies credentials of one provider. Called on the event loop; holds no lock while it waits."""

    @property
    def provider(self) -> str:
        """The provider's name, as in the identities that it verifies."""
        ...

    async def verify(self, credential: str) -> Identity:
        """The verified identity; the caller checks that its nonce is bound to the visit.

        Raises Refused with the reason, or Unavailable while the provider's keys are out of reach: then nothing is
        known about the credential, and the same call later can succeed.
        """
        ...

    async def ready(self) -> bool:
        """Whether the keys are at hand (fetched now when they were not)."""
        ...

    def keys(self) -> KeysState:
        """How it stands with the keys, without fetching any."""
        ...

    async def close(self) -> None:
        """End background work and connections."""
        ...
