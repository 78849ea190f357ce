"""The one place where pymongo's errors get our names. pymongo's own text may quote documents: it stays out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from loginlake.errors import Denied, GiveUp, LoginlakeError, Misconfigured, Overloaded, TooLarge, Unavailable
from loginlake.gold.mongo_url import Address

_AGAIN = "It is tried again."
_THROTTLED = 16_500
_PASSING = {6, 7, 50, 64, 89, 91, 112, 134, 189, 262, 9001, 10_107, 11_600, 11_602, 13_435, 13_436, 14_031}
_CODES: tuple[tuple[set[int], type[LoginlakeError], str, str, str], ...] = (
    ({_THROTTLED}, Overloaded, "takes no more requests for now.", "Its request units are used up", _AGAIN),
    (
        {11, 18, 33, 8000},
        Denied,
        "did not let us in.",
        "User, password or authSource is wrong, or the account is closed",
        "Correct them in LOGINLAKE_GOLD_URL (percent-encoded).",
    ),
    (
        {13, 31, 72},
        Denied,
        "does not let this user do that.",
        "No user was given, or it lacks a role",
        "Name one in LOGINLAKE_GOLD_URL that has readWrite on the database (read, for the dashboard alone).",
    ),
    (
        {85, 86},
        Misconfigured,
        "has another index under the name of ours.",
        "It was made by hand, or by another version",
        "Drop that index (by_...); it is made anew.",
    ),
    ({10_334, 17_419, 17_420}, TooLarge, "cannot hold a document.", "It is too large", "Report it."),
)
# What the driver says of a server that it cannot reach, and what that means.
_CAUSES = (
    (("certificate verify failed", "hostname mismatch"), "Its TLS certificate is not trusted here.", True),
    (("ssl", "tls", "eof occurred"), "TLS could not be agreed with it.", True),
    (("name or service not known", "nodename nor servname", "getaddrinfo", "temporary failure in name"),
     "Its host name is not known.", False),
    (("connection refused",), "Nothing listens at its address and port.", False),
    (("timed out", "no servers found yet"), "It did not answer in time.", False),
    (("connection closed", "reset by peer"), "It closed the connection (does it ask for TLS?).", False),
)  # fmt: skip


@contextmanager
def named(address: Address) -> Iterator[None]:
    """Raise what the driver raises under our names. DuplicateKeyError and throttling are the caller's to judge."""
    try:
        yield
    except (DuplicateKeyError, BulkWriteError) as error:
        if isinstance(error, DuplicateKeyError):
            raise
        raise _of_code(address, _worst(error)) from error
    except OperationFailure as error:
        passing = isinstance(error, ExecutionTimeout | WriteConcernError) or error.has_error_label(
            "RetryableWriteError"
        )
        raise _of_code(address, error.code or 0, passing=passing) from error
    except (DocumentTooLarge, BSONError, OverflowError, UnicodeEncodeError) as error:
        raise TooLarge(
            f"{address} cannot hold a document.",
            "It is larger than a document may be, or holds a value that is none of its.",
            "Report it: loginlake makes no such document of clean rows.",
        ) from error
    except PyMongoError as error:
        raise _of_connection(address, error) from error


@contextmanager
def bad_address() -> Iterator[None]:
    """What the driver finds wrong in a URL becomes Misconfigured; its text may hold the password, so it is not kept."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # an unknown or wrong option is only warned of
            yield
    except (PyMongoError, ValueError, TypeError, UserWarning):
        raise Misconfigured(
            "LOGINLAKE_GOLD_URL cannot be used.",
            "A host, a port or an option of it is wrong.",
            "See MongoDB's page on connection strings; user and password are percent-encoded.",
        ) from None
    except OSError as error:
        raise Misconfigured(
            "LOGINLAKE_GOLD_URL names a TLS file that cannot be read.",
            f"{error.strerror}.",
            "Correct tlsCAFile or tlsCertificateKeyFile.",
        ) from None


def _of_code(address: Address, code: int, *, passing: bool = False) -> LoginlakeError:
    for codes, family, what, why, next_move in _CODES:
        if code in codes:
            return family(f"{address} {what}", f"{why} (code {code}).", next_move)
    if passing or code in _PASSING:
        return Unavailable(f"{address} could not do it now.", f"It said so (code {code}).", _AGAIN)
    return GiveUp(
        f"{address} refused what was asked.", f"It gave the code {code}.", "Look it up in MongoDB's error codes."
    )


def _worst(error: BulkWriteError) -> int:
    """The code to judge a batch by: what will not pass goes before what will."""
    codes = [fault.get("code", 0) for fault in error.details.get("writeErrors", [])]
    codes += [64 for _ in error.details.get("writeConcernErrors", [])]
    lasting = [code for code in codes if code not in {*_PASSING, _THROTTLED, 11_000}]
    return int((lasting or codes or [0])[0])


def _of_connection(address: Address, error: PyMongoError) -> LoginlakeError:
    if isinstance(error, InvalidOperation) and "after close" in str(error):
        return Unavailable(f"{address} is closed.", "It was asked for an answer while stopping.")
    if isinstance(error, ConfigurationError):
        if address.scheme == "mongodb+srv" and "DNS" in str(error):
            return Unavailable(f"{address} cannot be found.", "DNS has no such name (or does not answer).", _AGAIN)
        return Misconfigured(
            f"{address} and LOGINLAKE_GOLD_URL do not fit together.",
            "An option of the URL is not the server's.",
            "Correct the URL's options.",
        )
    if not isinstance(error, ConnectionFailure | AutoReconnect):
        return GiveUp(f"{address} refused what was asked.", f"The driver says {type(error).__name__}.", "Report it.")
    why, lasting = _cause(error)
    what = (
        f"{address} cannot be reached." if isinstance(error, ServerSelectionTimeoutError) else f"{address} broke off."
    )
    if lasting:
        return Misconfigured(what, why, "Check tls=, tlsCAFile= and the host name in LOGINLAKE_GOLD_URL.")
    return Unavailable(what, why, "Check LOGINLAKE_GOLD_URL and that it runs. " + _AGAIN)


def _cause(error: PyMongoError) -> tuple[str, bool]:
    text = str(error).partition("(configured timeouts")[0].partition("Topology Description")[0].lower()
    for words, why, lasting in _CAUSES:
        if any(word in text for word in words):
            return why, lasting
    return "The connection failed.", False
