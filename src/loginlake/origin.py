"""The origin of a web as browsers spell it: they compare text, so there must be one spelling."""

from __future__ import annotations

import ipaddress
import re

from loginlake.errors import Misconfigured

_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{0,5}))?/*")
_NUMERIC = re.compile(r"(?:.*\.)?[0-9]+\.?")


def normal_origin(url: str) -> str:
    """Scheme and host in lower case, no default port, no slash at the end: what a browser sends as Origin.

    Raises Misconfigured for anything else than scheme, host and port. The message does not repeat the address.
    """
    found = _ORIGIN.fullmatch(url.strip().lower())
    if found is None:
        raise _refused("It must be http:// or https://, a host and perhaps a port: no path, name or query.")
    scheme, host, digits = found.groups()
    try:
        if host.startswith("["):
            host = f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]"
        elif _NUMERIC.fullmatch(host):
            host = str(ipaddress.IPv4Address(host))
    except ValueError as error:
        raise _refused("Its host is no IP address.") from error
    port = int(digits or _PORTS[scheme])
    if not 1 <= port <= 65535:
        raise _refused("Its port is not between 1 and 65535.")
    return f"{scheme}://{host}" if port == _PORTS[scheme] else f"{scheme}://{host}:{port}"


def _refused(why: str) -> Misconfigured:
    return Misconfigured(
        "The web's public address is not an origin.",
        why,
        "Correct LOGINLAKE_PUBLIC_URL, for example https://login.example.com (a host of other letters as xn--).",
    )
