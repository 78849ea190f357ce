"""Azure's answers and failures under our names, whichever client met them. No text of a client's is passed on."""

from __future__ import annotations

from loginlake.errors import Denied, LoginlakeError, Misconfigured, Overloaded, Unavailable

_TLS = ("certificate", "corrupt message", "invalidcontenttype", "wrong_version_number", "ssl")
_CAUSES = (
    (("dns error", "name or service not known", "failed to resolve", "getaddrinfo"), "Its host name is not known."),
    (("connection refused",), "Nothing listens at its address."),
    (("timed out", "timedout", "timeout"), "It did not answer in time."),
)


def refusal(what: str, status: int, code: str) -> LoginlakeError:
    """The storage's answer under our names: its HTTP status and error code (which name no secret)."""
    told = f"(HTTP {status}, {code or 'no code'})"
    if code in ("ContainerNotFound", "FilesystemNotFound"):
        return Misconfigured(
            what,
            f"There is no such container {told}.",
            "Correct LOGINLAKE_LAKE_URL, or create it: loginlake check --create.",
        )
    if code in ("AuthorizationPermissionMismatch", "InsufficientAccountPermissions", "BlobImmutableDueToPolicy"):
        return Denied(
            what,
            f"This credential may not do that {told}.",
            "It needs to read, write, delete and list (role Storage Blob Data Contributor; SAS permissions racwdl).",
        )
    if status in (401, 403):
        return Denied(
            what,
            f"The storage account refused this credential {told}.",
            "Check that it is the account's and not expired, this machine's clock, and the account's firewall.",
        )
    if status == 429 or code == "ServerBusy":
        return Overloaded(what, f"The storage account is throttled {told}.", "It is tried again.")
    if status == 400:
        return Misconfigured(what, f"The storage does not take the request {told}.", "Check LOGINLAKE_LAKE_URL.")
    return Unavailable(what, f"The storage could not do it now {told}.", "It is tried again.")


def unreachable(what: str, text: str) -> LoginlakeError:
    """No answer: why, as far as the client's own words tell it. They may quote an address with a SAS: not kept."""
    lower = text.lower().replace("retry_timeout", "")  # a setting, which obstore prints with every failure
    if any(word in lower for word in _TLS):
        return Misconfigured(
            what, "TLS could not be agreed with it.", "Check the address (http: or https:) and its CA."
        )
    why = next((why for words, why in _CAUSES if any(word in lower for word in words)), "It did not answer.")
    return Unavailable(what, why, "Check LOGINLAKE_LAKE_URL and the network. It is tried again.")


def no_credential(what: str) -> Denied:
    """Nothing to open the account with was found or accepted."""
    return Denied(
        what,
        "No credential was given, and Azure finds none by itself (managed identity, AZURE_*, az login).",
        "Set LOGINLAKE_AZURE_KEY, LOGINLAKE_AZURE_SAS or LOGINLAKE_AZURE_CONNECTION_STRING.",
    )
