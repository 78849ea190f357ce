"""The path as a picture with its counts, rejected rows by rule, and from a day to where its rows are from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from dash import dcc, html

from loginlake.dashboard import figures, formats
from loginlake.dashboard.ask import Ask, Sources, known, series
from loginlake.dashboard.charts import day_link
from loginlake.dashboard.lists import nothing
from loginlake.dashboard.parts import Parts, card, table
from loginlake.dashboard.source import Answers, Origin, Path, Stages
from loginlake.dashboard.views import reason_words
from loginlake.dashboard.wish import address
from loginlake.errors import LoginlakeError

Component = Any
SAMPLE = 10
ROWS = 20
DAYS = 14


def page(parts: Parts, snapshot: Answers, sources: Sources, ask: Ask) -> list[Component]:
    """The page."""
    found = figures.path(snapshot.pipeline(), 100)
    try:
        stages, away = sources.path.stages(), False
    except LoginlakeError:
        stages, away = Stages(), True
    flow = parts.div("flow", _flow(stages, found, snapshot, ask), className="flow")
    note = parts(html.Span, "flow-note", {"children": ask.text("flow_away" if away else "flow_note")})
    cards = [card("flow-card", ask.text("pipeline"), [flow], note=note)]
    cards.append(
        html.Div(
            [
                _rejected(parts, found, sources.path, _rejected_days(snapshot, ask), ask),
                _days(parts, snapshot, ask),
            ],
            className="row row-half",
        )
    )
    if ask.wish.day:
        parts.shape += f":{ask.wish.day}"
        cards.append(_origin(parts, sources.path, ask))
    return cards


def _flow(stages: Stages, found: figures.Path, snapshot: Answers, ask: Ask) -> Component:
    accepted = None if stages.accepted is None else stages.accepted + (stages.spooled or 0)
    waiting = None if accepted is None or stages.landed is None else max(0, accepted - stages.landed)
    clean = found.signins + found.refusals
    ends: dict[str, int | None] = {
        "stage_clean": clean,
        "stage_repeated": found.repeated,
        "stage_rejected": found.rejected,
    }
    steps: list[tuple[str, Mapping[str, int | None], str]] = [
        ("web", {"stage_accepted": accepted}, ask.text("stage_spooled", n=ask.number(stages.spooled or 0))),
        ("topic", {"stage_waiting": waiting}, ask.text("stage_waiting_note")),
        ("bronze", {"stage_landed": stages.landed}, ask.text("stage_landed_note")),
        ("silver", ends, _until(stages.cleaned_until, ask)),
        ("gold", {"stage_gold": clean}, _until(snapshot.complete_until, ask)),
    ]
    return html.Ol([_step(*step, ask) for step in steps], className="steps")


def _step(name: str, counts: Mapping[str, int | None], note: str, ask: Ask) -> Component:
    shown = [
        html.Div(
            [
                html.Span(ask.text(key), className="step-name"),
                html.Strong(_number(count, ask), className="step-count"),
            ],
            className="step-pair",
        )
        for key, count in counts.items()
    ]
    return html.Li([*shown, html.Span(note, className="step-note")], className=f"step step-{name}")


def _number(count: int | None, ask: Ask) -> str:
    return "—" if count is None else ask.number(count)


def _until(value: str | None, ask: Ask) -> str:
    if value is None:
        return ask.text("until_never")
    at = formats.moment(value).astimezone(ask.shown.zone)
    lag = max(0.0, (ask.now - at).total_seconds())
    return ask.text("until", clock=f"{at:%H:%M:%S}", lag=formats.ago(lag, ask.language))


def _rejected_days(snapshot: Answers, ask: Ask) -> list[str]:
    """The days of the last year on which rejected rows arrived, the last one first."""
    year = series(snapshot, ask.today - timedelta(days=364), ask.today).documents()
    return [day.isoformat() for day in sorted(year, reverse=True) if year[day]["rejected"]]


def _rejected(parts: Parts, found: figures.Path, path: Path, days: list[str], ask: Ask) -> Component:
    rows = [
        [html.Span(reason_words(name, ask.language), title=name), ask.number(count)] for name, count in found.reasons
    ]
    columns = [ask.text("reason"), ask.text("rows")]
    live: list[Component] = [table(ask.text("rejected"), columns, rows) if rows else nothing(ask)]
    try:
        sample = path.rejected(days, SAMPLE)
    except LoginlakeError:
        sample = []
    if sample:
        live += [html.H3(ask.text("sample")), _origins(sample, ask), html.P(ask.text("sample_note"), className="note")]
    box = parts.scroll("rejected-rows", live, "rejected", "wide")
    return card("rejected", ask.text("rejected"), [box], note=ask.text("rejected_total", n=ask.number(found.rejected)))


def _days(parts: Parts, snapshot: Answers, ask: Ask) -> Component:
    first, told = ask.today - timedelta(days=DAYS - 1), known(snapshot)
    rows = [
        [
            day_link(date.fromisoformat(document["day"]), told, ask),
            ask.number(document["signins"]),
            ask.number(document["refusals"]),
            _number(document.get("repeated"), ask),
            ask.number(document["rejected"]),
        ]
        for document in reversed(list(snapshot.days(first.isoformat(), ask.today.isoformat())))
    ]
    columns = [
        ask.text("day"),
        ask.text("signins"),
        ask.text("refusals"),
        ask.text("stage_repeated"),
        ask.text("stage_rejected"),
    ]
    live = table(ask.text("by_day"), columns, rows) if rows else nothing(ask)
    box = parts.scroll("by-day", live, "by-day", "wide")
    return card("by-day", ask.text("by_day"), [box], note=ask.text("by_day_note"))


def _origin(parts: Parts, path: Path, ask: Ask) -> Component:
    """A day's silver objects, and of the one that is asked for (else the first) where each row is from."""
    day = formats.full_day(date.fromisoformat(ask.wish.day), ask.language)
    try:
        objects = list(path.objects(ask.wish.day))
        chosen = next((key for key, _ in objects if key == ask.wish.object), objects[0][0] if objects else "")
        rows = path.origins(chosen, ROWS) if chosen and ask.admin else []
    except LoginlakeError:
        objects, rows, chosen = [], [], ""
    columns = [ask.text("object"), ask.text("rows")]
    named = [[_object(key, ask), ask.number(n)] for key, n in objects]
    live: list[Component] = [table(ask.text("silver_objects"), columns, named) if objects else nothing(ask)]
    if rows:
        live += [html.H3(ask.text("origins", object=chosen)), _origins(rows, ask)]
    elif objects and not ask.admin:
        live.append(html.P(ask.text("origins_admin"), className="note"))
    box = parts.scroll("origin-rows", live, "origin", "wide")
    return card("origin", ask.text("origin", day=day), [box], note=ask.text("origin_note"))


def _object(key: str, ask: Ask) -> Component:
    """A silver object; for who may see rows, the way to them."""
    name = html.Code(key)
    return dcc.Link(name, href=f"/dashboard/pipeline{address(day=ask.wish.day, object=key)}") if ask.admin else name


def _origins(found: Sequence[Origin], ask: Ask) -> Component:
    rows = [
        [
            html.Code(one.place),
            reason_words(one.reason, ask.language) if one.reason else one.time,
            html.Code(one.object),
        ]
        for one in found
    ]
    columns = [ask.text("place"), ask.text("what"), ask.text("object")]
    return table(ask.text("origin_rows"), columns, rows, kind="words")
