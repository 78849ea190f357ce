"""Where a lake in Azure is, with which credential it is opened, and what its refusals say. No service is asked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from loginlake.errors import Conflict, Denied, LoginlakeError, Misconfigured, Overloaded, Unavailable
from loginlake.lake import azure_errors
from loginlake.lake.azure import AzureAccount, place
from loginlake.lake.by_url import open_store
from loginlake.lake.obstore_store import _name_before, _named, _version

KEY = "c2VjcmV0LWtleQ=="
SAS = "sv=2026-01-01&sig=secret-signature"
KEYED = AzureAccount("myaccount", key=SecretStr(KEY))
KEYLESS = AzureAccount()
CONNECTION = f"DefaultEndpointsProtocol=https;AccountName=myaccount;AccountKey={KEY};EndpointSuffix=core.windows.net"


@pytest.mark.parametrize(
    ("url", "account", "endpoint", "container", "prefix"),
    [
        ("az://lake", KEYED, "https://myaccount.blob.core.windows.net", "lake", ""),
        ("az://lake/a/b/", KEYED, "https://myaccount.blob.core.windows.net", "lake", "a/b"),
        (
            "https://acc1.blob.core.windows.net/lake/a",
            AzureAccount(),
            "https://acc1.blob.core.windows.net",
            "lake",
            "a",
        ),
        ("https://acc1.dfs.core.windows.net/lake", AzureAccount(), "https://acc1.blob.core.windows.net", "lake", ""),
        (
            "http://127.0.0.1:10000/devstoreaccount1/lake/a",
            AzureAccount(),
            "http://127.0.0.1:10000/devstoreaccount1",
            "lake",
            "a",
        ),
        (
            "az://lake",
            AzureAccount(connection_string=SecretStr(CONNECTION)),
            "https://myaccount.blob.core.windows.net",
            "lake",
            "",
        ),
        (
            "az://lake",
            AzureAccount(
                connection_string=SecretStr(
                    f"BlobEndpoint=https://acc2.blob.core.windows.net/;SharedAccessSignature={SAS}"
                )
            ),
            "https://acc2.blob.core.windows.net",
            "lake",
            "",
        ),
        (
            "az://lake",
            AzureAccount(connection_string=SecretStr("UseDevelopmentStorage=true")),
            "http://127.0.0.1:10000/devstoreaccount1",
            "lake",
            "",
        ),
    ],
)
def test_a_url_and_an_account_name_a_place(
    url: str, account: AzureAccount, endpoint: str, container: str, prefix: str
) -> None:
    where = place(url, account)
    assert (where.endpoint, where.container, where.prefix) == (endpoint, container, prefix)
    for secret in (KEY, "secret-signature"):
        assert secret not in str(where)
        assert secret not in repr(where)


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("az://", KEYED),
        ("az://Lake_1", KEYED),
        ("az://no", KEYED),
        ("az://a--b", KEYED),
        ("az://lake", AzureAccount()),
        ("az://lake", AzureAccount("Not An Account")),
        ("ftp://lake", KEYED),
        ("https://acc1.blob.core.windows.net/", AzureAccount()),
        ("https://acc1.blob.core.windows.net/lake", KEYED),
        (f"https://acc1.blob.core.windows.net/lake?{SAS}", AzureAccount()),
        ("http://acc1.blob.core.windows.net/lake", AzureAccount()),
        ("az://lake", AzureAccount(connection_string=SecretStr(f"AccountKey={KEY}"))),
        ("az://lake", AzureAccount(connection_string=SecretStr("AccountName=myaccount"))),
    ],
)
def test_what_names_no_place_is_said_without_secrets(url: str, account: AzureAccount) -> None:
    with pytest.raises(Misconfigured) as caught:
        place(url, account)
    assert caught.value.why
    assert caught.value.next_move
    assert KEY not in str(caught.value)
    assert "secret-signature" not in str(caught.value)


def config(account: AzureAccount, url: str = "az://lake") -> dict[str, Any]:
    return place(url, account).obstore_config()


def test_exactly_one_credential_is_used() -> None:
    assert config(KEYED)["account_key"] == KEY
    assert config(AzureAccount("acc1", sas=SecretStr(SAS)))["sas_key"] == SAS
    assert config(AzureAccount(connection_string=SecretStr(CONNECTION)))["account_key"] == KEY
    assert "credential_provider" in config(AzureAccount("acc1"))
    emulator = config(AzureAccount(), "http://127.0.0.1:10000/devstoreaccount1/lake")
    assert emulator["credential_type"] == "access_key"


def test_a_malformed_key_is_told_and_not_shown() -> None:
    with pytest.raises(Misconfigured) as caught:
        open_store("az://lake", AzureAccount("acc1", key=SecretStr("no base64!")))
    assert "no base64!" not in str(caught.value)
    assert caught.value.__cause__ is None


REFUSALS: list[tuple[int, str, type[LoginlakeError]]] = [
    (404, "ContainerNotFound", Misconfigured),
    (403, "AuthorizationPermissionMismatch", Denied),
    (403, "AuthenticationFailed", Denied),
    (401, "", Denied),
    (400, "InvalidResourceName", Misconfigured),
    (429, "", Overloaded),
    (503, "ServerBusy", Overloaded),
    (500, "InternalError", Unavailable),
    (409, "ContainerBeingDeleted", Unavailable),
]


@pytest.mark.parametrize(("status", "code", "family"), REFUSALS)
def test_refusals_have_names(status: int, code: str, family: type[LoginlakeError]) -> None:
    error = azure_errors.refusal("It cannot.", status, code)
    assert type(error) is family
    assert str(status) in str(error)
    assert error.next_move


@pytest.mark.parametrize(
    ("text", "family", "words"),
    [
        ("dns error: failed to lookup", Unavailable, "host name"),
        ("tcp connect error: Connection refused (os error 111)", Unavailable, "listens"),
        ("operation timed out", Unavailable, "in time"),
        ("invalid peer certificate: UnknownIssuer", Misconfigured, "TLS"),
        ("something else, with sig=secret-signature", Unavailable, "did not answer"),
    ],
)
def test_what_cannot_be_reached_says_why(text: str, family: type[LoginlakeError], words: str) -> None:
    error = azure_errors.unreachable("It cannot.", text)
    assert type(error) is family
    assert words in str(error)
    assert "secret-signature" not in str(error)


def test_a_conflict_of_the_container_is_not_one_of_the_blob() -> None:
    from obstore.exceptions import AlreadyExistsError

    assert isinstance(_named(AlreadyExistsError("status code: 409 <Code>BlobAlreadyExists</Code>"), "x"), Conflict)
    busy = AlreadyExistsError("status code: 409 Conflict <Code>ContainerBeingDeleted</Code>")
    assert isinstance(_named(busy, "x"), Unavailable)


def test_versions_have_one_form() -> None:
    assert _version("0x8D") == _version('"0x8D"') == '"0x8D"'
    assert _version("7") == "7"
    assert _version(None) == ""


@pytest.mark.parametrize(
    ("after", "before"), [("a/b", "a/b"), ("a/\x7f", "a/~"), ("a/\x01b", "a/"), ("a//b", "a"), ("\x00", "")]
)
def test_any_text_may_be_listed_past(after: str, before: str) -> None:
    assert _name_before(after) == before
    assert _name_before(after) <= after
