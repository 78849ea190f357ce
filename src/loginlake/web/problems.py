"""Every error that the web answers: one table, as problem+json (RFC 9457), or as a page where a browser navigates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import msgspec
from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from loginlake.web.pages import language_for, render
from loginlake.web.texts import CATALOGUES

RETRY_AFTER_S = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. `name` ends the stable type, and names the texts."""

    status: int
    name: str
    retry_after_s: int | None = None


class Problem(Enum):
    """The table."""

    BAD_REQUEST = Row(400, "bad_request")
    REFUSED = Row(401, "refused")
    UNAUTHENTICATED = Row(401, "unauthenticated")
    FORBIDDEN = Row(403, "forbidden")
    NOT_FOUND = Row(404, "not_found")
    METHOD = Row(405, "method")
    CONFLICT = Row(409, "conflict")
    TOO_LARGE = Row(413, "too_large")
    MEDIA_TYPE = Row(415, "media_type")
    INVALID = Row(422, "invalid")
    TOO_MANY = Row(429, "too_many", 60)
    INTERNAL = Row(500, "internal")
    UNAVAILABLE = Row(503, "unavailable", RETRY_AFTER_S)


_BY_STATUS = {
    problem.value.status: problem for problem in Problem if problem not in {Problem.REFUSED, Problem.UNAUTHENTICATED}
} | {401: Problem.UNAUTHENTICATED}


class Answer(Exception):
    """Ends a request with a problem. `reason` is a closed word (a refusal's reason), never a person's datum."""

    def __init__(self, problem: Problem, reason: str = "") -> None:
        self.problem, self.reason = problem, reason
        super().__init__(problem.value.name)


def for_status(status: int) -> Problem:
    """The line of the table for a status that the framework chose."""
    return _BY_STATUS.get(status, Problem.INTERNAL if status >= 500 else Problem.BAD_REQUEST)


def problem_response(
    request: Request,
    problem: Problem,
    reason: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    extra: Mapping[str, object] | None = None,
) -> Response:
    """The answer, in the reader's language. `extra` members go into the JSON form."""
    row, language = problem.value, language_for(request)
    texts = CATALOGUES[language]
    title = texts[f"{row.name}.title"]
    detail = texts.get(f"{row.name}.{reason}", texts[f"{row.name}.detail"])
    sent = {"Cache-Control": "no-store", "Content-Language": language, **(headers or {})}
    if row.retry_after_s is not None:
        sent["Retry-After"] = str(row.retry_after_s)
    if _navigates(request):
        page = render("problem.html", language, title=title, detail=detail, status=row.status)
        return HTMLResponse(page, row.status, sent)
    body: dict[str, object] = {
        "type": f"urn:loginlake:problem:{row.name}",
        "title": title,
        "status": row.status,
        "detail": detail,
        **(extra or {}),
    }
    if reason:
        body["reason"] = reason
    return Response(msgspec.json.encode(body), row.status, sent, media_type="application/problem+json")


def _navigates(request: Request) -> bool:
    """Whether a person looks at the answer itself: a browser on its way to a page, not a script's call."""
    wants_page = "text/html" in request.headers.get("accept", "")
    return wants_page and not request.url.path.startswith(("/api/", "/dev/", "/static/"))
