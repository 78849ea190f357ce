"""The pages of those who are not let in: plain HTML, no script, the same looks."""

from __future__ import annotations

from html import escape

from loginlake.dashboard.document import document
from loginlake.web.texts import Language

_STYLE = """\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ll-bg);color:var(--ll-text);
font:1rem/1.55 var(--ll-font)}
main{box-sizing:border-box;width:min(30rem,100% - 2rem);padding:2.5rem 2rem;background:var(--ll-surface);
border:1px solid var(--ll-line);border-radius:var(--ll-radius-l);box-shadow:var(--ll-shadow);text-align:center}
h1{margin:1.25rem 0 .5rem;font-size:1.35rem;line-height:1.3;font-weight:650}
p{margin:0 0 1.5rem;color:var(--ll-muted)}
a{display:inline-block;padding:.6rem 1.1rem;border-radius:var(--ll-radius-s);background:var(--ll-accent);
color:var(--ll-on-accent);font-weight:600;text-decoration:none}
a:focus-visible{outline:3px solid var(--ll-focus);outline-offset:2px}
"""
_BODY = """\
<main data-status="{status}">
<img src="/static/logo.svg" width="56" height="56" alt="">
<h1>{title}</h1>
<p>{detail}</p>
<a href="/">{back}</a>
</main>"""


def page(language: Language, status: int, title: str, detail: str, back: str) -> str:
    """The page that says why, and leads back to the sign-in page."""
    body = _BODY.format(status=status, title=escape(title), detail=escape(detail), back=escape(back))
    return document(language, escape(title), _STYLE, body)
