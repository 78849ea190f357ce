"""/me: a person's own sign-ins, and nothing else. Plain HTML, no script: whoever is signed in may see it."""

from __future__ import annotations

from datetime import date, datetime
from html import escape
from zoneinfo import ZoneInfo

from loginlake.dashboard import figures, formats
from loginlake.dashboard.document import document
from loginlake.dashboard.source import Document, Viewer
from loginlake.dashboard.texts import text
from loginlake.web.texts import Language

_STYLE = """\
*{box-sizing:border-box}
body{margin:0;background:var(--ll-bg);color:var(--ll-text);font:1rem/1.55 var(--ll-font);font-feature-settings:"tnum"}
main{width:min(46rem,100% - 2rem);margin:2rem auto;display:grid;grid-template-columns:minmax(0,1fr);gap:1rem}
header,section{padding:1.25rem 1.5rem;background:var(--ll-surface);border:1px solid var(--ll-line);
border-radius:var(--ll-radius)}
header{display:flex;flex-wrap:wrap;min-width:0;gap:.5rem 1rem;align-items:center}
h1{margin:0;font-size:1.35rem;font-weight:650} h2{margin:0 0 .5rem;font-size:1rem;font-weight:640}
p{margin:0;color:var(--ll-muted)}
nav{margin-left:auto;display:flex;flex-wrap:wrap;gap:.25rem 1rem} a{color:var(--ll-accent);font-weight:560}
dl{display:flex;flex-wrap:wrap;gap:.75rem 2.5rem;margin:0}
dt{color:var(--ll-muted);font-size:.85rem} dd{margin:0;font-weight:640;font-size:1.15rem}
.brand{display:flex;align-items:center;gap:.55rem;margin-bottom:.25rem;font-size:1.05rem;font-weight:680;
letter-spacing:-.01em;color:var(--ll-text);text-decoration:none}
.brand img{display:block} table+p{margin-top:.75rem;font-size:.85rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;font-weight:400;padding:.4rem 0;border-bottom:1px solid var(--ll-line)}
td,th:last-child{text-align:right} thead th{color:var(--ll-muted);font-size:.85rem}
.strip{display:grid;grid-auto-flow:column;grid-template-rows:repeat(7,.7rem);
grid-auto-columns:minmax(0,.7rem);gap:2px}
.strip span{border-radius:2px;background:var(--ll-surface-2)} .strip .on{background:var(--ll-accent)}
@media (max-width:40rem){.strip span:nth-child(-n+231){display:none}}
a:focus-visible,div:focus-visible{outline:3px solid var(--ll-focus);outline-offset:2px}
"""
_BODY = """\
<main>
<a class="brand" href="/"><img src="/static/logo.svg" width="30" height="30" alt=""><span>loginlake</span></a>
<header><div><h1>{title}</h1><p>{who}</p></div><nav aria-label="{nav}">{links}</nav></header>
{body}
</main>"""
_LATEST_DAYS = 60


def page(viewer: Viewer, one: Document | None, language: Language, now: datetime, zone: ZoneInfo) -> str:
    """The page of who is signed in; `one` is their own document, None before their first sign-in is counted."""
    links = [f'<a href="/">{text(language, "back")}</a>']
    if viewer.role != "person":
        links.append(f'<a href="/dashboard/">{text(language, "nav_simple")}</a>')
    sections = (
        f"<section><p>{text(language, 'me_none')}</p></section>" if one is None else _sections(one, language, now, zone)
    )
    body = _BODY.format(
        title=text(language, "me"),
        who=f"<bdi>{escape(viewer.name)}</bdi>",
        nav=text(language, "nav"),
        links="".join(links),
        body=sections,
    )
    return document(language, text(language, "me"), _STYLE, body)


def _sections(one: Document, language: Language, now: datetime, zone: ZoneInfo) -> str:
    facts = (
        ("column_signins", formats.number(int(one["signins"]), language)),
        ("column_active_days", formats.number(int(one["active_days"]), language)),
        ("column_first", formats.minute(one["first"], zone, language)),
        ("column_last", formats.minute(one["last"], zone, language)),
    )
    listed = "".join(f"<div><dt>{text(language, key)}</dt><dd>{escape(value)}</dd></div>" for key, value in facts)
    days = figures.days_of(one)
    rows = "".join(
        f'<tr><th scope="row">{formats.full_day(day, language)}</th><td>{formats.number(number, language)}</td></tr>'
        for day, number in sorted(days.items(), reverse=True)[:_LATEST_DAYS]
    )
    zone_words = text(language, "me_note", zone=formats.zone_words(zone, language))
    return (
        f"<section><dl>{listed}</dl></section>"
        f"<section><h2>{text(language, 'strip')}</h2>{_strip(days, now.date(), language)}</section>"
        f"<section><h2>{text(language, 'history')}</h2><table><thead><tr>"
        f'<th scope="col">{text(language, "day")}</th><th scope="col">{text(language, "signins")}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table><p>{zone_words}</p></section>"
    )


def _strip(days: dict[date, int], today: date, language: Language) -> str:
    found = figures.year(days, today)
    cells = [
        f'<span{" class=on" if number else ""} title="{formats.full_day(at, language)}: {number}"></span>'
        for at, number in found.cells
    ]
    label = text(language, "strip_label", n=formats.number(found.signins, language), days=found.active_days)
    return f'<div class="strip" role="img" aria-label="{label}">{"".join(cells)}</div>'
