"""A gold of made-up answers for the dashboard: deterministic, and it can be told to fail."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from loginlake.errors import Unavailable

Document = dict[str, Any]
NOW = datetime(2026, 11, 24, 17, 42, 10, tzinfo=UTC)
RHYTHM = (2, 1, 1, 1, 2, 6, 18, 48, 60, 54, 44, 34, 28, 36, 46, 44, 34, 24, 20, 18, 14, 8, 5, 3)
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '=HYPERLINK("http://x.example","clic")',
    "\u202egnirts desrever\u202c",
    "محمد بن عبد الله",
    "👩🏽‍🚀 Ana 🌊",
    "W" * 300,
    "null\x00byte\x07",
    "   ",
)
NAMES = ("Lucía García", "Mateo Rossi", "Nadia Haddad", "Kenji Tanaka", "Zoë Müller", "Pablo Núñez", "Inês Silva")


def named(counts: Mapping[str, int]) -> list[Document]:
    """Counts as gold writes them: by count, then by name."""
    return [
        {"name": name, "count": count} for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def day_document(at: date, number: int, hours: int = 24) -> Document:
    """A plausible day: growth, weekly rhythm, a daily curve; only its first `hours` UTC hours have passed."""
    scale = (1 + number / 80) * (0.42 if at.weekday() >= 5 else 1.0) * (1 + 0.12 * math.sin(number * 1.7))
    by_hour = [round(weight * scale) if hour < hours else 0 for hour, weight in enumerate(RHYTHM)]
    signins = sum(by_hour)
    people = round(signins * 0.71)
    return {
        "day": at.isoformat(),
        "signins": signins,
        "people": people,
        "people_7": round(900 * (1 + number / 90)),
        "people_30": round(1600 * (1 + number / 85)),
        "new": people // 9,
        "returning": people - people // 9,
        "resurrected": 0,
        "dormant": people // 20,
        "refusals": signins // 90,
        "rejected": signins // 70,
        "by_hour": by_hour,
        "by_source": named({"https://app.example": signins}),
        "by_method": named({"btn": signins}),
        "by_device": named({"desktop": signins}),
        "by_browser": named({"Chrome": signins}),
        "by_system": named({"Windows": signins}),
        "by_domain": named({"example.com": signins}),
        "refused_by_reason": named({"expired": signins // 90}),
        "rejected_by_reason": named({"null_email": signins // 70}),
    }


def recent_item(number: int, now: datetime, name: str, picture: str) -> Document:
    """One of the latest sign-ins."""
    desktop = number % 3 != 1
    return {
        "time": (now - timedelta(seconds=17 + 61 * number)).isoformat().replace("+00:00", "Z"),
        "source": ("https://app.example", "https://aula.universidad.example")[number % 2],
        "id": f"{number:032x}",
        "provider": "google",
        "user_id": f"1{number:020d}",
        "username": name,
        "email": f"{name.split(' ', maxsplit=1)[0].lower() or 'x'}{number}@example.com",
        "picture": picture,
        "method": "btn",
        "device": "desktop" if desktop else "mobile",
        "browser": "Chrome" if desktop else "Safari",
        "system": "Windows" if desktop else "iOS",
    }


class FakeAnswers:
    """Answers of one generation. `days_known` days end at `now`; 0 is an empty gold."""

    def __init__(self, days_known: int = 120, now: datetime = NOW, *, picture: str = "", hostile: bool = True) -> None:
        """`picture` + N + .svg is a photo; an empty one leaves initials."""
        self.now = now
        self.generation = 1 if days_known else 0
        self.complete: str | None = (now - timedelta(seconds=8)).isoformat() if days_known else None
        self.reads: list[str] = []
        self._failures: deque[Exception] = deque()
        today = now.date()
        first = today - timedelta(days=days_known - 1)
        self.by_day = {
            first + timedelta(days=n): day_document(
                first + timedelta(days=n), n, now.hour + 1 if n == days_known - 1 else 24
            )
            for n in range(days_known)
        }
        names = [*NAMES, *(HOSTILE if hostile else ())] * 3 if days_known else []
        pictures = [f"{picture}{n % 12}.svg" if picture and n % 4 else "" for n in range(len(names))]
        if hostile and names:
            pictures[3:6] = ["javascript:alert(1)", "http://outside.example/x.png", "data:text/html,<script>1</script>"]
        self.items = [recent_item(n, now, name, pictures[n]) for n, name in enumerate(names)]

    def fail_next(self, times: int, error: Exception | None = None) -> None:
        """Let the next `times` openings fail."""
        self._failures.extend([error or Unavailable("Gold does not answer.")] * times)

    def recover(self) -> None:
        """Fail no more."""
        self._failures.clear()

    def open(self) -> FakeAnswers:
        """What the dashboard calls to open a snapshot."""
        self.reads.append("open")
        if self._failures:
            raise self._failures.popleft()
        return self

    @property
    def complete_until(self) -> str | None:
        return self.complete

    def days(self, first: str, last: str) -> Sequence[Document]:
        self.reads.append("days")
        return [document for at, document in self.by_day.items() if first <= at.isoformat() <= last]

    def recent(self) -> Sequence[Document]:
        self.reads.append("recent")
        return self.items

    def pipeline(self) -> Document:
        self.reads.append("pipeline")
        if not self.by_day:
            zeros: Document = dict.fromkeys(("signins", "refusals", "rejected", "people", "days"), 0)
            return {**zeros, "rejected_by_reason": [], "first_day": None, "last_day": None}
        signins = sum(document["signins"] for document in self.by_day.values())
        reasons = {"null_email": 412, "not_json": 187, "wrong_type_email": 96, "unknown_type": 61, "null_picture": 33}
        return {
            "signins": signins,
            "refusals": signins // 90,
            "rejected": sum(reasons.values()),
            "rejected_by_reason": named(reasons),
            "people": 4312,
            "first_day": min(self.by_day).isoformat(),
            "last_day": max(self.by_day).isoformat(),
            "days": len(self.by_day),
        }
