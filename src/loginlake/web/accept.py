"""A credential arrives: verify it, use its nonce once, make the event durable, open the session. In that order."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import msgspec

from loginlake.errors import LoginlakeError, TooLarge, Unavailable
from loginlake.event import (
    HEADERS,
    REFUSED,
    SIGNIN,
    RefusalData,
    SignIn,
    SignInData,
    encode,
    person_key,
    refusal_id,
    rfc3339,
    token_event_id,
)
from loginlake.stream.log import Position
from loginlake.web.context import Person, Session, WebContext
from loginlake.web.identity import Identity, Reason, Refused
from loginlake.web.problems import Answer, Problem
from loginlake.web.rate import Buckets
from loginlake.web.session import Nonce, decode_session, hashed, new_session, open_nonce, session_key
from loginlake.web.state import Claim, Use

T = TypeVar("T")
logger = logging.getLogger(__name__)

_METHOD = re.compile(r"[a-z0-9_]{1,40}")
_POLL_S = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A credential and how it came. `ip` is truncated already; `old_session` is the key of a session to replace."""

    credential: str
    visit: str
    select_by: str | None = None
    user_agent: str | None = None
    ip: str | None = None
    old_session: str = ""


async def accept(context: WebContext, buckets: Buckets, attempt: Attempt) -> tuple[Session, str]:
    """The session of this sign-in and its cookie, once the event is durable. A retry gets the same two.

    Raises Answer: 401 for a refused token, 429 when refusals of that address exceed the limit, 413 for an event that
    the log will never take, 503 when anything behind does not answer (the same token can be tried again).
    """
    try:
        with context.traced() as traceparent:
            return await _accept(context, attempt, traceparent)
    except Refused as refused:
        problem = await _refuse(context, buckets, attempt, refused.reason)
        raise Answer(problem, refused.reason if problem is Problem.REFUSED else "") from refused
    except TooLarge as error:
        raise Answer(Problem.TOO_LARGE) from error
    except LoginlakeError as error:
        logger.warning("sign-in not answered", extra={"cause": type(error).__name__, "what": error.what})
        context.state.count("unavailable")
        raise Answer(Problem.UNAVAILABLE) from error


async def _accept(context: WebContext, attempt: Attempt, traceparent: str | None) -> tuple[Session, str]:
    identity = await context.verifier.verify(attempt.credential)
    nonce = _bound_nonce(context, attempt.visit, identity)
    cookie = new_session(context.secret, attempt.visit, nonce.value, attempt.credential)
    answered = await _claim(context, attempt, identity, nonce)
    if answered is not None:
        context.state.count("answered_again")
        return decode_session(answered), cookie
    event = _signin_event(context, attempt, identity, traceparent)
    value = encode(event)
    try:
        key = person_key(identity.provider, identity.user_id).encode()
        position = await durable(context, key, value)
        logger.info("sign-in durable", extra={"event": event.id, **position._asdict()})
    except LoginlakeError:
        await bounded(context.state.release(nonce.value), context.limits.send_s)
        raise
    session = _session(identity, event, value, position)
    expires = context.clock().timestamp() + context.limits.session_s
    finished = context.state.finish(
        nonce.value,
        msgspec.json.encode(session),
        session_key(context.secret, cookie),
        expires,
        replaces=attempt.old_session,
        counter="answered",
    )
    await bounded(finished, context.limits.send_s)
    return session, cookie


def _bound_nonce(context: WebContext, visit: str, identity: Identity) -> Nonce:
    if identity.nonce is None:
        raise Refused(Reason.MISSING_NONCE)
    nonce = open_nonce(context.secret, visit, identity.nonce)
    if nonce is None:
        raise Refused(Reason.FOREIGN_NONCE)
    return nonce


async def _claim(context: WebContext, attempt: Attempt, identity: Identity, nonce: Nonce) -> bytes | None:
    """None when the event is ours to make, else the stored answer. Waits while another request makes it."""
    deadline = asyncio.get_running_loop().time() + context.limits.send_s
    while True:
        now = context.clock()
        use = Use(
            nonce=nonce.value,
            token=hashed(attempt.credential),
            visit=hashed(attempt.visit),
            fresh=now.timestamp() < nonce.expires,
            now=now.timestamp(),
            lease_s=2 * context.limits.send_s,
            expires=max(nonce.expires, (identity.expires_at + timedelta(minutes=1)).timestamp()),
        )
        claim, answer = await bounded(context.state.claim(use), context.limits.send_s)
        if claim is Claim.YOURS:
            return None
        if claim is Claim.ANSWERED:
            return answer
        if claim is Claim.PENDING:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable("The same sign-in is still under way.")
            # The other request may be in another process: there is no event to await, only the shared state.
            await asyncio.sleep(_POLL_S)
            continue
        raise Refused(Reason.EXPIRED_NONCE if claim is Claim.EXPIRED else Reason.REPLAYED_NONCE)


async def durable(context: WebContext, key: bytes, value: bytes) -> Position:
    """Send a record and wait, bounded, until the log has it for good."""
    return await bounded(context.log.send(key, value, HEADERS), context.limits.send_s)


async def bounded(future: Future[T], seconds: float) -> T:
    """The future's result. A time-out leaves the future alone: its owner still ends it."""
    (outcome,) = await bounded_all([future], seconds)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


async def bounded_all(futures: Sequence[Future[T]], seconds: float) -> list[T | BaseException]:
    """The futures' outcomes, their errors among them, in order; Unavailable for one that has none in time."""
    if not futures:
        return []
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    left = iter(range(len(futures) - 1, -1, -1))  # its next() is atomic: they end in other threads

    def wake() -> None:
        if not ended.done():
            ended.set_result(None)

    def settle(_: Future[T]) -> None:
        if next(left) == 0 and not ended.done():
            loop.call_soon_threadsafe(wake)

    for future in futures:
        future.add_done_callback(settle)
    late = loop.call_later(seconds, wake)
    try:
        await ended
    finally:
        late.cancel()
    return [(future.exception() or future.result()) if future.done() else _late() for future in futures]


def _late() -> Unavailable:
    return Unavailable("No confirmation in time.", "The log or the disk is slow or away.", "Try again.")


async def _refuse(context: WebContext, buckets: Buckets, attempt: Attempt, reason: Reason) -> Problem:
    """Make the refusal an event, unless its address makes too many. Gives the problem to answer."""
    if not buckets.take(attempt.ip or "", context.clock().timestamp()):
        context.state.count("refusals_dropped")
        return Problem.TOO_MANY
    data = RefusalData(reason=reason.value, user_agent=attempt.user_agent, ip=attempt.ip)
    moment = rfc3339(context.clock())
    event = SignIn(
        type=REFUSED,
        id=refusal_id(),
        source=context.application,
        subject="unverified",
        time=moment,
        received=moment,
        data=data,
    )
    try:
        await durable(context, event.id.encode(), encode(event))
    except LoginlakeError as error:
        logger.warning("refusal not kept", extra={"cause": type(error).__name__, "reason": reason.value})
        context.state.count("refusals_lost")
    else:
        logger.info("refusal kept", extra={"event": event.id, "reason": reason.value})
        context.state.count("refused")
        context.state.count(f"refused:{reason.value}")
    return Problem.REFUSED


def _signin_event(context: WebContext, attempt: Attempt, identity: Identity, traceparent: str | None) -> SignIn:
    method = attempt.select_by
    return SignIn(
        type=SIGNIN,
        id=token_event_id(attempt.credential),
        source=context.application,
        subject=person_key(identity.provider, identity.user_id),
        time=rfc3339(identity.issued_at),
        received=rfc3339(context.clock()),
        traceparent=traceparent or msgspec.UNSET,
        data=SignInData(
            provider=identity.provider,
            user_id=identity.user_id,
            username=identity.username,
            email=identity.email,
            email_verified=identity.email_verified,
            picture=identity.picture,
            hosted_domain=identity.hosted_domain,
            method=method if method is not None and _METHOD.fullmatch(method) else None,
            locale=identity.locale,
            user_agent=attempt.user_agent,
            ip=attempt.ip,
        ),
    )


def _session(identity: Identity, event: SignIn, value: bytes, position: Position) -> Session:
    return Session(
        person=Person(
            provider=identity.provider,
            user_id=identity.user_id,
            name=identity.username,
            email=identity.email,
            email_verified=identity.email_verified,
            picture=identity.picture,
            hosted_domain=identity.hosted_domain,
        ),
        event_id=event.id,
        time=event.time,
        received=event.received,
        partition=position.partition,
        offset=position.offset,
        event=msgspec.Raw(value),
    )
