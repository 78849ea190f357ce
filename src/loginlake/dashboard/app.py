"""The dashboard on the web's own FastAPI app: Dash at /dashboard/, behind a door that lets nobody in by default."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dash import Dash
from fastapi import FastAPI, Request

from loginlake.dashboard import callbacks, layout, served
from loginlake.dashboard.ask import Shown, Sources
from loginlake.dashboard.guard import PREFIX, Guard, Rules, chosen_language
from loginlake.dashboard.photos import Photos
from loginlake.dashboard.sieve import Sieve
from loginlake.dashboard.source import Viewer, visit
from loginlake.dashboard.texts import text
from loginlake.dashboard.theme import mantine_theme, scheme_css
from loginlake.web.texts import Language

__all__ = ["PHOTO_SOURCES", "PREFIX", "Options", "Viewer", "attach"]

logger = logging.getLogger(__name__)

PHOTO_SOURCES = ("https://*.googleusercontent.com",)
_HERE = Path(__file__).parent
_TOKENS = _HERE.parent / "web" / "static" / "tokens.css"

_INDEX = """<!DOCTYPE html>
<html lang="{language}" data-mantine-color-scheme="light">
<head>
{metas}
<title>{title}</title>
<link rel="icon" href="/static/favicon.svg">
<link rel="stylesheet" href="/static/tokens.css">
<style>{schemes}</style>
<script src="{prefix}assets/first/scheme.js"></script>
{css}
</head>
<body>
<div id="react-entry-point"><div class="first-load" role="status"><img src="/static/logo.svg" width="48" height="48"
alt=""><span>{loading}</span></div></div>
<footer>
{config}
{scripts}
{renderer}
</footer>
</body>
</html>
"""


class _Page(Dash):
    """Dash with our document around it: the reader's language, our icons, the colour scheme before the first paint."""

    schemes: str = ""

    def interpolate_index(self, *_: Any, **parts: Any) -> str:
        """The document. Dash calls it once a page view."""
        language = visit.get().language
        return _INDEX.format(
            language=language,
            title=f"{text(language, 'title')} · loginlake",
            loading=text(language, "loading"),
            schemes=self.schemes,
            prefix=self.config.requests_pathname_prefix,
            **{name: parts[name] for name in ("metas", "css", "config", "scripts", "renderer")},
        )


class Options(NamedTuple):
    """What has a default. `origin` is the web's own: its pictures may be shown as photos, beside `photo_sources`."""

    origin: str = ""
    photo_sources: tuple[str, ...] = PHOTO_SOURCES
    unmask: bool = False
    stale_s: float = 120.0
    refresh_s: float = 3.0
    language: Callable[[Request], Language] = lambda request: chosen_language(request.cookies)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


DEFAULTS = Options()


def attach(
    app: FastAPI,
    *,
    sources: Sources,
    allowed: Callable[[Request], Viewer | None],
    timezone: str,
    options: Options = DEFAULTS,
) -> None:
    """Put the dashboard on `app`, at PREFIX. Call it last: its door must be the outermost middleware.

    `sources` and `allowed` are called in threads and may raise errors of errors.py: the page says so and goes on.
    `allowed` tells who is signed in (None: nobody), and as what.
    The app must serve /static/tokens.css, logo.svg and favicon.svg.
    """
    photos = Photos(options.photo_sources, options.origin)
    zone = ZoneInfo(timezone)
    tokens = _TOKENS.read_text(encoding="utf-8")
    server: Any = app
    page = _Page(
        __name__,
        server=server,
        routes_pathname_prefix=PREFIX,
        requests_pathname_prefix=PREFIX,
        assets_folder=str(_HERE / "assets"),
        assets_ignore=r"scheme\.js",
        update_title="",
        add_log_handler=False,
        on_error=_failed,
        suppress_callback_exceptions=True,
    )
    page.schemes = scheme_css(tokens)
    look = layout.Look(PREFIX, photos, mantine_theme(tokens), round(options.refresh_s * 1000))
    page.layout = lambda: layout.page(visit.get(), look)
    shown = Shown(zone, photos, options.stale_s, options.unmask)
    refresh = callbacks.Refresh(PREFIX, sources, shown, options.clock)
    callbacks.register(page, refresh)
    served.register(app, refresh)
    _close_catch_all(page)
    _name_files(page)
    app.add_middleware(Sieve, prefix=PREFIX, files=page.registered_paths, callbacks=page.callback_map)
    policy, secure = _policy(page, options.photo_sources), options.origin.startswith("https:")
    app.add_middleware(Guard, rules=Rules(PREFIX, allowed, options.language, policy, secure))


def _close_catch_all(page: Dash) -> None:
    """Dash adds a route at start-up that answers every unknown path of the whole app with its page, and 200.

    Its renderer would also keep trying a web socket that no callback of ours uses.
    """
    backend: Any = page.backend
    backend.websocket_capability = False
    backend._setup_catchall = lambda: None  # there is no public switch: a test walks unknown paths


def _name_files(page: Dash) -> None:
    """Dash serves only the files that a page has named: after a restart, an open page asks for some before that."""
    dash: Any = page
    dash._generate_css_dist_html()
    dash._generate_scripts_html()


def _failed(error: Exception) -> None:
    """Dash would end a failed callback without a word in any log."""
    logger.error("dashboard: a callback failed", exc_info=error)
    raise error


def _policy(page: Dash, sources: tuple[str, ...]) -> str:
    """The page's own policy. Mantine writes its styles in the document, hence 'unsafe-inline' for styles alone."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' " + " ".join(page.csp_hashes()),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: " + " ".join(sources),
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
