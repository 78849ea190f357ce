"""Where a lake is in Azure, and with what it is opened: values in, obstore's and Azure's own clients out.

az://CONTAINER/PREFIX                                    the account is named by the settings
https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX   everything but the credential
http://127.0.0.1:10000/devstoreaccount1/CONTAINER/PREFIX Azurite, whose one account and key are public
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from loginlake.errors import LoginlakeError, Misconfigured
from loginlake.lake import azure_errors

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

logger = logging.getLogger(__name__)
# At its info level the SDK logs every request.
logging.getLogger("azure").setLevel(logging.WARNING)
EMULATOR = "devstoreaccount1"
# Azurite's own, printed in its documentation: it opens nothing but emulators.
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_CONTAINER = re.compile(r"^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$")
_ACCOUNT = re.compile(r"^[a-z0-9]{3,24}$")
_NONE = SecretStr("")


@dataclass(frozen=True)
class AzureAccount:
    """A storage account and one credential: `key`, `sas` or `connection_string` (which names the account as well).

    Without any, what Azure finds by itself is used: managed or workload identity, a service principal in AZURE_*, `az
    login`. `endpoint` is the Blob service's URL where it isn't https://NAME.blob.core.windows.net.
    """

    name: str = ""
    endpoint: str = ""
    key: SecretStr = _NONE
    sas: SecretStr = _NONE
    connection_string: SecretStr = _NONE


@dataclass(frozen=True)
class AzurePlace:
    """A container and a prefix in it, and how to open it. As a string it carries no secret."""

    container: str
    prefix: str
    account: AzureAccount

    def __str__(self) -> str:
        """For messages."""
        return f"The lake {self.endpoint}/{self.container}"

    @property
    def endpoint(self) -> str:
        """The Blob service's URL, without a slash at its end."""
        return self.account.endpoint or f"https://{self.account.name}.blob.core.windows.net"

    def obstore_config(self) -> dict[str, Any]:
        """What obstore's AzureStore takes beside the container. Exactly one credential, whatever is in AZURE_*."""
        config: dict[str, Any] = {"account_name": self.account.name, "endpoint": self.endpoint}
        if key := self.account.key.get_secret_value():
            return {**config, "account_key": key, "credential_type": "access_key"}
        if sas := self.account.sas.get_secret_value():
            return {**config, "sas_key": sas, "credential_type": "sas_token"}
        from obstore.auth.azure import AzureCredentialProvider

        return {**config, "credential_provider": AzureCredentialProvider()}

    def client(self) -> ContainerClient:
        """Azure's own client of the container, for what obstore does not do. It asks once, and waits 5 s at most."""
        from azure.identity import DefaultAzureCredential
        from azure.storage.blob import ContainerClient

        secret = self.account.key.get_secret_value() or self.account.sas.get_secret_value().lstrip("?")
        return ContainerClient(
            self.endpoint,
            self.container,
            credential=secret or DefaultAzureCredential(),
            retry_total=0,
            connection_timeout=5,
            read_timeout=5,
        )


def place(url: str, account: AzureAccount) -> AzurePlace:
    """The place that LOGINLAKE_LAKE_URL names; Misconfigured when it names none, or when the account is not clear."""
    account = _connected(account)
    parts = urlsplit(url)
    path = [part for part in parts.path.split("/") if part]
    if parts.scheme == "az":
        path = [parts.netloc, *path]
    elif parts.scheme in ("http", "https"):
        account, path = _at_endpoint(url, account, path)
    else:
        path = []
    if not path or not _CONTAINER.match(path[0]):
        raise _wrong("A container's name has 3 to 63 lower-case letters, digits and single dashes.")
    if not _ACCOUNT.match(account.name):
        raise _wrong("The storage account is not named: set LOGINLAKE_AZURE_ACCOUNT, or a connection string.")
    if account.name == EMULATOR and not (account.key.get_secret_value() or account.sas.get_secret_value()):
        account = replace(account, key=SecretStr(_EMULATOR_KEY))
    return AzurePlace(path[0], "/".join(path[1:]), account)


def create_container(where: AzurePlace) -> bool:
    """Create the lake's container where it is missing; whether it was. Denied or Unavailable when it cannot."""
    from azure.core.exceptions import AzureError, ResourceExistsError

    try:
        with where.client() as client:
            client.create_container()
    except ResourceExistsError:
        return False
    except (AzureError, ValueError) as error:
        raise _named(where, error, "create") from None
    return True


def server_time(where: AzurePlace) -> datetime | None:
    """The storage's clock (UTC), from the Date of its answer, even of a refusal; None when it does not tell."""
    from azure.core.exceptions import AzureError

    told: list[str] = []
    try:
        with where.client() as client:
            client.get_container_properties(
                raw_response_hook=lambda answer: told.append(answer.http_response.headers.get("Date", ""))
            )
    except (AzureError, ValueError) as error:
        logger.debug("the storage's clock: %s", type(error).__name__)
    return parsedate_to_datetime(told[0]) if told and told[0] else None


def _connected(account: AzureAccount) -> AzureAccount:
    """The account with what its connection string says."""
    text = account.connection_string.get_secret_value()
    if not text:
        return account
    fields = dict(part.strip().split("=", 1) for part in text.split(";") if "=" in part)
    if fields.get("UseDevelopmentStorage", "").lower() == "true":
        return AzureAccount(EMULATOR, f"http://127.0.0.1:10000/{EMULATOR}", SecretStr(_EMULATOR_KEY))
    name, endpoint = fields.get("AccountName", ""), fields.get("BlobEndpoint", "").rstrip("/")
    suffix = fields.get("EndpointSuffix")
    if not endpoint and name and suffix:
        endpoint = f"{fields.get('DefaultEndpointsProtocol', 'https')}://{name}.blob.{suffix}"
    if not name and endpoint:
        name = _account_of(endpoint)
    key, sas = fields.get("AccountKey", ""), fields.get("SharedAccessSignature", "")
    if not name or not (key or sas):
        raise Misconfigured(
            "LOGINLAKE_AZURE_CONNECTION_STRING is none.",
            "It lacks AccountName with AccountKey, or BlobEndpoint with SharedAccessSignature.",
            "Copy it from the storage account's page 'Access keys', as it is.",
        )
    return AzureAccount(name, endpoint, SecretStr(key), SecretStr(sas))


def _at_endpoint(url: str, account: AzureAccount, path: list[str]) -> tuple[AzureAccount, list[str]]:
    """The account that an https: address names, and the rest of its path."""
    parts = urlsplit(url)
    if parts.query or parts.username or parts.password:
        raise _wrong("It carries a credential, and an address is shown: put a SAS into LOGINLAKE_AZURE_SAS.")
    host = parts.netloc.replace(".dfs.", ".blob.", 1)
    if ".blob." in host:
        endpoint = f"{parts.scheme}://{host}"
    else:
        endpoint, path = f"{parts.scheme}://{host}/{path[0] if path else ''}", path[1:]
    name = _account_of(endpoint)
    if account.name not in ("", name):
        raise _wrong(f"It names the storage account {name}, and the settings name {account.name}.")
    if parts.scheme == "http" and name != EMULATOR:
        raise _wrong("http: is for the emulator alone; a storage account is reached by https:.")
    return replace(account, name=name, endpoint=endpoint), path


def _account_of(endpoint: str) -> str:
    """The account's name in a Blob endpoint: the host's first label, or the path where an address has no name."""
    parts = urlsplit(endpoint)
    return (parts.hostname or "").split(".")[0] if ".blob." in parts.netloc else parts.path.strip("/")


def _wrong(why: str) -> Misconfigured:
    return Misconfigured(
        "LOGINLAKE_LAKE_URL names no lake in Azure.",
        why,
        "Write az://CONTAINER/PREFIX or https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX.",
    )


def _named(where: AzurePlace, error: Exception, verb: str) -> LoginlakeError:
    """An error of Azure's own client under our names."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    what = f"{where}: cannot {verb} the container."
    if isinstance(error, HttpResponseError) and error.status_code:
        code = getattr(error, "error_code", "") or ""
        return azure_errors.refusal(what, error.status_code, str(getattr(code, "value", code)))
    if isinstance(error, ClientAuthenticationError):
        return azure_errors.no_credential(what)
    return azure_errors.unreachable(what, str(error))
