"""What is served beside Dash's page: the people on screen as a file, and everybody's own page."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, Response

from loginlake.dashboard import export, me
from loginlake.dashboard.ask import Ask
from loginlake.dashboard.callbacks import Refresh
from loginlake.dashboard.denied import page as said
from loginlake.dashboard.guard import OWN_PAGE, SEES
from loginlake.dashboard.page_people import found
from loginlake.dashboard.source import visit
from loginlake.dashboard.texts import text
from loginlake.dashboard.wish import parse
from loginlake.errors import LoginlakeError


def register(app: FastAPI, refresh: Refresh) -> None:
    """Add the routes. The door has let in who asks; each looks again at who that is."""

    async def own(request: Request) -> Response:
        del request
        now = visit.get()
        if now.viewer is None:
            return Response(status_code=401)
        try:
            one = await to_thread.run_sync(refresh.sources.people.person, now.viewer.key)
        except LoginlakeError:
            title, detail = text(now.language, "error_title"), text(now.language, "error_text")
            return HTMLResponse(said(now.language, 503, title, detail, text(now.language, "back")), 503)
        return HTMLResponse(me.page(now.viewer, one, now.language, refresh.clock(), refresh.shown.zone))

    async def exported(request: Request) -> Response:
        now = visit.get()
        if now.viewer is None or now.viewer.role not in SEES:
            return Response(status_code=403)
        wish = parse("people", request.url.query, refresh.clock().date())
        ask = Ask(wish, now.language, refresh.clock(), refresh.shown, now.viewer.role == "admin").within_reach()
        try:
            hits = await to_thread.run_sync(found, refresh.sources.people, ask)
        except LoginlakeError:
            return Response(status_code=503)
        rows: Any = export.rows(hits.people, ask.email)
        csv = request.url.path.endswith(".csv")
        name = f"people.{'csv' if csv else 'json'}"
        return Response(
            export.as_csv(rows) if csv else export.as_json(rows),
            media_type="text/csv; charset=utf-8" if csv else "application/json",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    app.add_api_route(OWN_PAGE, own, methods=["GET", "HEAD"])
    for kind in ("csv", "json"):
        app.add_api_route(f"{refresh.prefix}export.{kind}", exported, methods=["GET", "HEAD"])
