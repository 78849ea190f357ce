"""A person's own event on its way: which stages it has reached, and the JSON behind each. Only for its session."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from loginlake.errors import LoginlakeError, Unavailable
from loginlake.stream.spool_record import SPOOLED
from loginlake.web.context import Session, Step, context_of
from loginlake.web.problems import Answer, Problem
from loginlake.web.session import current_session

STEPS = ("web", "topic", "bronze", "silver", "gold")
router = APIRouter(prefix="/api/journey")


@router.get("")
async def journey(request: Request) -> Response:
    """Every step: name, done, at, place. The topic's place is "spool" while the event waits there."""
    session = _own(request)
    seen = {step.name: step for step in await _trace(request, session)}
    steps = [_web(session)]
    for name in STEPS[1:]:
        step = seen.get(name)
        done = step is not None and step.done
        waits = name == "topic" and not done and session.partition == SPOOLED
        steps.append(
            {
                "name": name,
                "done": done,
                "at": step.at if step and done else None,
                "place": step.place if step and done else "spool" if waits else None,
            }
        )
    return _json({"event_id": session.event_id, "steps": steps})


@router.get("/{name}")
async def content(request: Request, name: str) -> Response:
    """The JSON behind a step that is done. With ?event=, 409 when the session is of another sign-in by now."""
    session = _own(request)
    if request.query_params.get("event", session.event_id) != session.event_id:
        raise Answer(Problem.CONFLICT)
    if name == "web":
        return _json(session.event)
    for step in await _trace(request, session):
        if step.name == name and step.done:
            return _json(step.content)
    raise Answer(Problem.NOT_FOUND)


def _own(request: Request) -> Session:
    session = current_session(request)
    if session is None:
        raise Answer(Problem.UNAUTHENTICATED)
    return session


def _web(session: Session) -> dict[str, Any]:
    return {"name": "web", "done": True, "at": session.received, "place": "POST /api/signin"}


async def _trace(request: Request, session: Session) -> Sequence[Step]:
    context, person = context_of(request), session.person
    call = asyncio.to_thread(
        context.trace,
        person.provider,
        person.user_id,
        session.event_id,
        session.time,
        session.partition,
        session.offset,
    )
    try:
        return await asyncio.wait_for(call, context.limits.trace_s)
    except TimeoutError as error:
        raise Unavailable("The event cannot be followed right now.", "A stage does not answer.") from error
    except LoginlakeError as error:
        raise Answer(Problem.UNAVAILABLE) from error


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json", headers={"Cache-Control": "no-store"})
