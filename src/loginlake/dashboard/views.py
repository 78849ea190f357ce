"""Figures -> Dash components. Every value of a person goes in as text, never as markup: React escapes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import dash_mantine_components as dmc
from dash import html

from loginlake.dashboard import formats
from loginlake.dashboard.ask import Ask
from loginlake.dashboard.figures import OTHERS, Day, Hour, Latest, Path, SameTime, Totals, Window
from loginlake.dashboard.parts import aria, figure_of, table, tile
from loginlake.dashboard.texts import TEXTS, text
from loginlake.web.texts import Language

Component = Any


def clock(complete_until: datetime | None, now: datetime, zone: ZoneInfo, stale_s: float, lang: Language) -> Component:
    """The honest clock: until when everything is counted, in words with its zone; how far behind, when it is."""
    if complete_until is None:
        return _state("waiting", text(lang, "complete_never"), "")
    at, local = formats.clock(complete_until, zone), complete_until.astimezone(zone).date()
    if local == now.astimezone(zone).date():
        words = text(lang, "complete", clock=at)
    else:
        words = text(lang, "complete_on", day=formats.day(local, lang), clock=at)
    zone_words = formats.zone_words(zone, lang)
    behind = (now - complete_until).total_seconds()
    if behind > stale_s:
        return _state("stale", words, text(lang, "stale", ago=formats.ago(behind, lang)), zone_words)
    return _state("fresh", words, "", zone_words)


def unreachable(lang: Language) -> Component:
    """The clock while gold cannot be read."""
    return _state("error", text(lang, "error_title"), "")


def _state(name: str, words: str, more: str, zone: str = "") -> Component:
    parts = [html.Strong(words), html.Span(more or zone, className="state-more")]
    return html.Div(
        [html.Span(className="state-dot"), html.Span(parts, className="state-words")],
        className=f"state state-{name}",
        title=f"{words} ({zone})" if zone else words,
    )


def tiles(found: Totals, lang: Language, today: date) -> list[Component]:
    """The figures on top."""
    week_ago = text(lang, "day_week_ago", n=formats.number(found.people_week_ago, lang))
    rejected = text(lang, "rejected_today", n=formats.number(found.rejected, lang))
    return [
        _tile("signins_today", found.signins, _same_time(found, lang), lang, trend=found.trend_signins),
        _tile("people_today", found.people, html.Span(week_ago), lang, trend=found.trend_people),
        _tile("people_7", found.week.people, _before(found.week, 7, lang), lang, at=_at(found.week, today)),
        _tile("people_30", found.month.people, _before(found.month, 30, lang), lang, at=_at(found.month, today)),
        _tile("refused_today", found.refusals, html.Span(rejected, title=text(lang, "refused_tip")), lang),
    ]


def _at(window: Window, today: date) -> date | None:
    return window.at if window.at != today else None


def _tile(
    key: str,
    value: int,
    more: Component,
    lang: Language,
    *,
    trend: Sequence[int] = (),
    at: date | None = None,
) -> Component:
    label: list[Component] = [text(lang, key)]
    if at is not None:
        label.append(html.Span(f" {text(lang, 'as_of', day=formats.day(at, lang))}", className="tile-at"))
    highest = max(trend, default=0)
    bars = [html.Span(style={"height": f"{8 + 92 * n / highest:.0f}%"}) for n in trend] if highest else []
    number, below = figure_of(formats.number(value, lang), more)
    return tile(label, number, html.Span(bars, className="tile-trend", **aria(hidden="true")), below)


def _same_time(found: Totals, lang: Language) -> Component:
    same: SameTime = found.same_time
    if not same.before:
        return html.Span(text(lang, "day_week_ago", n=formats.number(same.whole, lang)))
    hour = f"{same.hour:02d}:00 UTC"
    now, before, whole = (formats.number(value, lang) for value in (same.now, same.before, same.whole))
    tip = text(lang, "same_time_tip", clock=hour, now=now, before=before, whole=whole)
    change = formats.change(same.now, same.before, lang)
    return html.Span(text(lang, "same_time", change=change), title=tip)


def _before(window: Window, length: int, lang: Language) -> Component:
    if not window.before:
        return html.Span(text(lang, "before_nothing", n=length))
    change = formats.change(window.people, window.before, lang)
    return html.Span(text(lang, "change_before", change=change, n=length, before=formats.number(window.before, lang)))


def daily_label(days: Sequence[Day], lang: Language) -> str:
    """The chart by day in a sentence, for who does not see it."""
    peak = max(days, key=lambda found: found.signins)
    return text(
        lang,
        "daily_label",
        signins=formats.number(sum(found.signins for found in days), lang),
        first=formats.day(days[0].day, lang),
        last=formats.day(days[-1].day, lang),
        peak=formats.weekday(peak.day, lang),
        most=formats.number(peak.signins, lang),
    )


def hourly_points(hours: Sequence[Hour]) -> list[dict[str, Any]]:
    """The data of the chart by hour."""
    return [{"hour": f"{hour:02d}:00", "signins": signins} for hour, signins in hours]


def hourly_label(hours: Sequence[Hour], lang: Language) -> str:
    """The chart by hour in a sentence."""
    peak = max(hours, key=lambda found: found.signins)
    return text(lang, "hourly_label", peak=f"{peak.hour:02d}:00", most=formats.number(peak.signins, lang))


def hourly_table(hours: Sequence[Hour], lang: Language) -> Component:
    """The chart by hour as a table."""
    rows = [(f"{hour:02d}:00", formats.number(signins, lang)) for hour, signins in hours]
    return _table("hourly", ("hour", "signins"), rows, lang)


def _table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], lang: Language) -> Component:
    return table(text(lang, caption), [text(lang, column) for column in columns], rows)


def latest(items: Sequence[Latest], ask: Ask) -> Component:
    """The latest sign-ins, newest first."""
    lang = ask.language
    if not items:
        return html.P(text(lang, "latest_none"), className="nothing")
    columns = ("person", "application", "device", "time")
    head = html.Tr([html.Th(text(lang, column), scope="col", className=f"c-{column}") for column in columns])
    rows = [html.Tr(_latest_cells(item, ask)) for item in items]
    caption = html.Caption(text(lang, "latest"), className="unseen")
    return html.Table([caption, html.Thead(head), html.Tbody(rows)], className="latest")


def _latest_cells(item: Latest, ask: Ask) -> list[Component]:
    lang = ask.language
    name = formats.person_name(item.username, lang)
    who = html.Span(
        [
            html.Span(html.Bdi(name), className="who-name", title=name),
            html.Span(html.Bdi(ask.email(item.email)), className="who-mail"),
        ],
        className="who-words",
    )
    device = device_words((item.device, item.agent), lang)
    moment = html.Time(formats.when(item.time, ask.now, ask.shown.zone, lang), dateTime=item.time.isoformat())
    return [
        html.Th(html.Span([avatar(name, item.picture), who], className="who"), scope="row", className="c-person"),
        html.Td(html.Bdi(item.application), className="c-application", title=item.application),
        html.Td(html.Bdi(device), className="c-device", title=device),
        html.Td(moment, className="c-time"),
    ]


def device_words(names: Sequence[str], lang: Language) -> str:
    """Device, browser and system in words; the device comes first."""
    kind = f"device_{names[0]}"
    words = (text(lang, kind) if kind in TEXTS[lang] else names[0], *names[1:])
    return " · ".join(word for word in words if word) or "—"


def avatar(name: str, picture: str | None, size: int = 32) -> Component:
    """A photo without a Referer; the initials where there is none, or where it fails. The name stands beside it."""
    return dmc.Avatar(
        formats.initials(name),
        src=picture,
        alt="",
        size=size,
        radius="xl",
        className="avatar",
        imageProps={"referrerPolicy": "no-referrer", "loading": "lazy", "decoding": "async"},
    )


def path(found: Path, lang: Language) -> list[Component]:
    """What gold holds, and what did not reach it and why."""
    facts = [
        _fact("in_gold", found.signins, lang, "gold"),
        _fact("in_gold_people", found.people, lang, "gold"),
        _fact("refusals", found.refusals, lang, "web"),
        _fact("rejected", found.rejected, lang, "silver"),
    ]
    highest = max((count for _, count in found.reasons), default=1)
    reasons = [_reason(name, count, highest, lang) for name, count in found.reasons]
    named = aria(label=text(lang, "rejected"))
    nothing = html.P(text(lang, "rejected_none"), className="nothing")
    return [
        html.Dl(facts, className="facts"),
        html.Ul(reasons, className="reasons", tabIndex="0", **named) if reasons else nothing,
    ]


def path_note(found: Path, lang: Language) -> str:
    """Since when gold counts."""
    return "" if found.first_day is None else text(lang, "since", day=formats.full_day(found.first_day, lang))


def _fact(key: str, value: int, lang: Language, stage: str) -> Component:
    return html.Div([html.Dt(text(lang, key)), html.Dd(formats.number(value, lang))], className=f"fact fact-{stage}")


def reason_words(code: str, lang: Language) -> str:
    """A reason of silver in words; a code that nobody wrote words for is shown as it is."""
    if code == OTHERS:
        return text(lang, "others")
    if f"reason_{code}" in TEXTS[lang]:
        return text(lang, f"reason_{code}")
    for kind in ("null", "wrong_type"):
        field = f"field_{code.removeprefix(f'{kind}_')}"
        if code.startswith(f"{kind}_") and field in TEXTS[lang]:
            return text(lang, f"reason_{kind}", field=text(lang, field))
    return code or "—"


def _reason(name: str, count: int, highest: int, lang: Language) -> Component:
    words = reason_words(name, lang)
    code = "" if name in {OTHERS, words} else name
    width = f"{max(2, round(100 * count / highest))}%"
    return html.Li(
        [
            html.Span(html.Bdi(words), className="reason-name", title=words),
            html.Code(code, className="reason-code", title=code),
            html.Span(html.Span(style={"width": width}), className="reason-bar", **aria(hidden="true")),
            html.Span(formats.number(count, lang), className="reason-count"),
        ]
    )
