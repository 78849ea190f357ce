"""Templates and static files: rendering, versioned addresses, the reader's language."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request

from loginlake.web.texts import CATALOGUES, LANGUAGES, Language, language_of

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
LANGUAGE_COOKIE = "ll_lang"


def language_for(request: Request) -> Language:
    """The language that a request is answered in: ?lang=, the cookie, Spanish."""
    return language_of(request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE))


def static_url(name: str) -> str:
    """The address of a static file, with its version: it may be cached for ever."""
    return f"/static/{name}?v={_version(name)}"


@cache
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = static_url
    return environment


def script_texts(language: Language) -> dict[str, str]:
    """The texts that the page's script needs."""
    names = ("hello", "signed_in_at", "title", "title_in", "working", "button_failed", "copied", "loading")
    starts = ("journey_", "step_", "unavailable.")
    return {name: text for name, text in CATALOGUES[language].items() if name in names or name.startswith(starts)}


def render(template: str, language: Language, **values: Any) -> str:
    """A page as text. `t` is the catalogue, `lang` the language, `other` the language to switch to."""
    other = next(choice for choice in LANGUAGES if choice != language)
    return _templates().get_template(template).render(t=CATALOGUES[language], lang=language, other=other, **values)
