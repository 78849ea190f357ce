"""The outcome as a person reads it: at most 24 lines of 100 columns."""

from __future__ import annotations

import textwrap

from loginlake.audit.finding import Finding, Report

LINES, WIDTH = 24, 100
_TERMS = (
    ("accepted", ("landed", "waiting", "expired")),
    ("landed", ("clean", "repeated", "rejected", "erased", "to_clean")),
    ("clean", ("gold", "to_publish")),
)


def table(report: Report) -> str:
    """The table."""
    head = [_title(report), *_account(report), ""]
    room = LINES - len(head) - 1
    rows: list[str] = []
    shown = 0
    for finding in report.findings:
        said = _finding(finding)
        if len(rows) + len(said) > room - (1 if shown + 1 < len(report.findings) else 0):
            break
        rows += said
        shown += 1
    left = len(report.findings) - shown
    if left:
        rows.append(f"... and {left} more: --json has them all.")
    return "\n".join(line[:WIDTH] for line in [*head, *rows, _verdict(report)])


def _title(report: Report) -> str:
    depth = "deep" if report.deep else "shallow"
    span = f" of {report.first_day or 'the first day'} to {report.last_day or 'the last'}"
    days = span if report.first_day or report.last_day else ""
    read = ", ".join(f"{number:,} {name}" for name, number in report.checked.items())
    believed = sum(report.skipped.values())
    kept = f"; {report.skipped['objects']:,} objects, {report.skipped['hours']:,} hours unchanged" if believed else ""
    return f"{depth} audit{days}: read {read}{kept}"


def _account(report: Report) -> list[str]:
    found = report.account
    if not found:
        return []
    rows = [f"{'answered':>9} {found['answered']:>13,}   2xx answers of the web"]
    for name, parts in _TERMS:
        total = sum(found[part] for part in parts)
        sides = " + ".join(f"{part.replace('_', ' ')} {found[part]:,}" for part in parts)
        rows.append(f"{name:>9} {found[name]:>13,} {'=' if total == found[name] else '≠'} {sides}")
    if report.rejected_by_reason:
        reasons = ", ".join(f"{name} {number:,}" for name, number in report.rejected_by_reason.items())
        rows.append(textwrap.shorten(f"{'rejected':>9}: {reasons}", WIDTH, placeholder=" ..."))
    if report.id_reused is not None:
        rows.append(
            f"{'id_reused':>9} {report.id_reused:>13,}   ids that came again in another hour or of another person"
        )
    rows.append(f"complete until {report.complete_until or 'nothing yet'}")
    return rows


def _finding(finding: Finding) -> list[str]:
    mark = "note" if finding.notice else "WRONG"
    text = f"{mark} {finding.fault}  {finding.where}"
    body = textwrap.wrap(f"{finding.what} -> {finding.next_move}", WIDTH - 6)
    if len(body) > 3:
        body = [*body[:2], textwrap.shorten(" ".join(body[2:]), WIDTH - 6, placeholder=" ...")]
    return [text, *(f"      {line}" for line in body)]


def _verdict(report: Report) -> str:
    moving = " Something was written meanwhile." if report.moving else ""
    if report.faults:
        return f"{len(report.faults)} wrong.{moving}"
    return f"Everything is accounted for.{moving}"
