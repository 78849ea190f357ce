"""A page of plain HTML, without script, with the tokens of all the others."""

from __future__ import annotations

from loginlake.web.texts import Language

_DOCUMENT = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · loginlake</title>
<link rel="icon" href="/static/favicon.svg">
<link rel="stylesheet" href="/static/tokens.css">
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def document(language: Language, title: str, style: str, body: str) -> str:
    """The page; `title` and `body` are HTML already."""
    return _DOCUMENT.format(language=language, title=title, style=style, body=body)
