"""POST /api/events: other applications' sign-ins, as CloudEvents 1.0 over HTTP, structured, single or in a batch.

Only the envelope is judged here, since it says who sends and what is repeated; every field below is clean's to judge.
An accepted event is durable, byte for byte as it came. Sending it again is harmless: (source, id) is repeated then.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from loginlake.errors import LoginlakeError, TooLarge
from loginlake.event import HEADERS, REFUSED, person_key
from loginlake.stream.log import Position
from loginlake.stream.spool_record import SPOOLED
from loginlake.web.accept import bounded_all
from loginlake.web.context import WebContext, context_of
from loginlake.web.keys import ApiKey
from loginlake.web.problems import Answer, Problem, problem_response
from loginlake.web.security import UNREADABLE, read_body

logger = logging.getLogger(__name__)
router = APIRouter()

SINGLE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
_NO_STORE = {"Cache-Control": "no-store"}
# Why an event is refused, and the problem that a request is in which no event was accepted.
REASONS = {
    "not_an_event": Problem.BAD_REQUEST,
    "foreign_source": Problem.FORBIDDEN,
    "too_large": Problem.TOO_LARGE,
    "unavailable": Problem.UNAVAILABLE,
}


class Event(NamedTuple):
    """What the envelope says: the CloudEvents id, and the log's key."""

    id: str
    key: bytes


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event, in the order of the request. A spooled one has no partition and offset yet."""

    id: str | None
    accepted: bool
    partition: int | None = None
    offset: int | None = None
    spooled: bool = False
    reason: str | None = None


class _Envelope(msgspec.Struct):
    specversion: Any = None
    id: Any = None
    source: Any = None
    type: Any = None
    subject: Any = None
    data: Any = None


_decode = msgspec.json.Decoder(_Envelope).decode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


async def events(request: Request) -> Response:
    """202 with a result an event, when at least one was accepted; else the problem of the first."""
    context = context_of(request)
    key = _authenticated(request, context)
    if key is None:
        challenge = {"WWW-Authenticate": 'Bearer realm="loginlake"'}
        return problem_response(request, Problem.UNAUTHENTICATED, "api_key", challenge)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {SINGLE, BATCH}:
        raise Answer(Problem.MEDIA_TYPE)
    limits = context.limits
    body = await read_body(request, limits.batch_bytes if kind == BATCH else limits.event_bytes)
    values = _values(body, limits.batch_events) if kind == BATCH else [body]
    if not request.app.state.event_buckets.take(key.id, context.clock().timestamp(), max(1, len(values))):
        context.state.count("events_limited", len(values))
        raise Answer(Problem.TOO_MANY, "events")
    results = await accept_events(context, key.source, values)
    refused = [REASONS[result.reason] for result in results if result.reason]
    if refused and len(refused) == len(results):
        reason = results[0].reason or ""
        return problem_response(request, refused[0], reason, extra={"results": msgspec.to_builtins(results)})
    return Response(msgspec.json.encode({"results": results}), 202, _NO_STORE, media_type="application/json")


router.add_route("/api/events", events, methods=["POST"])


async def accept_events(context: WebContext, source: str, values: Sequence[bytes]) -> list[Result]:
    """Make every event of this source durable, as far as it can be; a result each."""
    judged = [envelope(value, source, context.limits.event_bytes) for value in values]
    sent = [
        context.log.send(event.key, value, HEADERS)
        for event, value in zip(judged, values, strict=True)
        if isinstance(event, Event)
    ]
    ended = await bounded_all(sent, context.limits.send_s)
    outcomes = iter(ended)
    results = [_result(event, next(outcomes)) if isinstance(event, Event) else event for event in judged]
    _count(context, results)
    return results


def envelope(value: bytes, source: str, max_bytes: int) -> Event | Result:
    """The event in a value, or the result that refuses it: not_an_event, foreign_source or too_large.

    An event without a `source` is not one: nothing is added to what an application sends.
    """
    try:
        found = _decode(value)
    except UNREADABLE:
        return Result(None, accepted=False, reason="not_an_event")
    named = (found.id, found.source, found.type)
    if found.specversion != "1.0" or not all(isinstance(text, str) and text for text in named):
        return Result(found.id if isinstance(found.id, str) else None, accepted=False, reason="not_an_event")
    if len(value) > max_bytes:
        return Result(found.id, accepted=False, reason="too_large")
    if found.source != source:
        return Result(found.id, accepted=False, reason="foreign_source")
    return Event(found.id, _key(found).encode())


def _key(found: _Envelope) -> str:
    """As the web's own: the person, so that a person's events keep their order; a refusal's is its id."""
    if found.type == REFUSED:
        return str(found.id)
    if isinstance(found.subject, str) and found.subject:
        return found.subject
    data = found.data if isinstance(found.data, dict) else {}
    provider, user_id = data.get("provider"), data.get("user_id")
    if isinstance(provider, str) and isinstance(user_id, str):
        return person_key(provider, user_id)
    return str(found.id)


def _values(body: bytes, most: int) -> list[bytes]:
    """The bytes of each event of a batch."""
    try:
        values = _split(body)
    except UNREADABLE as error:
        raise Answer(Problem.BAD_REQUEST, "not_an_event") from error
    if len(values) > most:
        raise Answer(Problem.TOO_LARGE, "too_many_events")
    return [bytes(value) for value in values]


def _result(event: Event, outcome: Position | BaseException) -> Result:
    if isinstance(outcome, TooLarge):
        return Result(event.id, accepted=False, reason="too_large")
    if isinstance(outcome, LoginlakeError):
        logger.warning("event not accepted", extra={"cause": type(outcome).__name__, "what": outcome.what})
        return Result(event.id, accepted=False, reason="unavailable")
    if isinstance(outcome, BaseException):
        raise outcome
    if outcome.partition == SPOOLED:
        return Result(event.id, accepted=True, spooled=True)
    return Result(event.id, accepted=True, partition=outcome.partition, offset=outcome.offset)


def _count(context: WebContext, results: Sequence[Result]) -> None:
    counts = Counter(
        "events_accepted"
        if result.accepted
        else f"events_{'unavailable' if result.reason == 'unavailable' else 'refused'}"
        for result in results
    )
    for name, number in counts.items():
        context.state.count(name, number)


def _authenticated(request: Request, context: WebContext) -> ApiKey | None:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return context.api_key(text.strip())  # it looks at a small file's date: less than the way to a thread and back
