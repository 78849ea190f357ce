"""A gold of made-up answers for the dashboard: deterministic, and it can be told to fail."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from loginlake.dashboard.source import Origin, Stages
from loginlake.errors import Unavailable
from loginlake.gold import months
from loginlake.gold.search import ORDERS, Page

Document = dict[str, Any]
FIELDS = {order: index.fields[0] for order, index in ORDERS.items()}
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
        "repeated": signins // 50,
        "rejected": signins // 70,
        "by_hour": by_hour,
        "by_source": named({"https://app.example": signins}),
        "apps": [
            {
                "name": "https://app.example",
                "signins": signins,
                "people": people,
                "refusals": 0,
                "by_hour": by_hour,
                **{f"by_{kind}": [] for kind in ("method", "device", "browser", "system", "domain")},
                "refused_by_reason": [],
            }
        ],
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
        self.asked: list[tuple[str, bool, tuple[str, str] | None]] = []
        self.users = [
            {
                "_id": f"google|{n}",
                "username": name,
                "email": f"{n}@example.com",
                "picture": pictures[n % len(pictures)],
                "first": f"2026-09-{n % 28 + 1:02d}T10:00:00.000000Z",
                "last": f"2026-11-{n % 24 + 1:02d}T10:00:00.000000Z",
                "signins": n % 40 + 1,
                "active_days": n % 9 + 1,
                "days": {f"2026-11-{n % 24 + 1:02d}": n % 40 + 1},
                "by_name": name.lower(),
                "by_surname": "",
                "by_email": f"{n}@example.com",
            }
            for n, name in enumerate(names * 2)
        ]
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

    def months(self, first: str, last: str, app: str = "") -> Sequence[Document]:
        self.reads.append("months")
        by_month: dict[str, list[Document]] = {}
        for at, document in self.by_day.items():
            by_month.setdefault(f"{at:%Y-%m}", []).append(document)
        return [
            rows[months.month_key(month, app)]
            for month, documents in by_month.items()
            if first <= month <= last and months.month_key(month, app) in (rows := months.rows(month, documents))
        ]

    def cohorts(self) -> Document:
        if not self.by_day:
            return {"weeks": []}
        mondays = [
            (self.now.date() - timedelta(days=self.now.weekday() + 7 * back)).isoformat() for back in range(6, 0, -1)
        ]
        lines = [[[first, 90 - 12 * (at - n)] for n, first in enumerate(mondays[: at + 1])] for at in range(6)]
        return {"weeks": [[week, sum(n for _, n in line), line] for week, line in zip(mondays, lines, strict=True)]}

    def census(self) -> Document:
        if not self.by_day:
            return {"day": None, "people": 0, "by_signins": [], "silent": []}
        classes = [[1, 900], [2, 1400], [5, 1012], [10, 700], [20, 250], [50, 50], [100, 0], [200, 0]]
        silent = [[30, 1200], [60, 700], [90, 310]]
        return {"day": self.now.date().isoformat(), "people": 4312, "by_signins": classes, "silent": silent}

    def page(self, order: str, *, descending: bool, after: tuple[str, str] | None, limit: int) -> Page:
        self.asked.append((order, descending, after))
        ordered = sorted(self.users, key=lambda one: (one[FIELDS[order]], one["_id"]), reverse=descending)
        if after is not None:
            mark = tuple(after)
            ordered = [
                one
                for one in ordered
                if ((one[FIELDS[order]], one["_id"]) < mark) == descending and (one[FIELDS[order]], one["_id"]) != mark
            ]
        return Page(ordered[:limit], len(ordered) > limit)

    def search(self, words: str, *, emails: bool) -> Page:
        return Page([one for one in self.users if words.lower() in one["by_name"]], more=False)

    def person(self, key: str) -> Document | None:
        return next((one for one in self.users if one["_id"] == key), None)

    def stages(self) -> Stages:
        return Stages(12_345, 2, 12_340, self.complete)

    def rejected(self, days: Iterable[str], limit: int) -> Sequence[Origin]:
        return [Origin("0:7", "bronze/signins/x.jsonl.gz", reason="null_email") for _ in days][:1][:limit]

    def objects(self, day: str) -> Sequence[tuple[str, int]]:
        return [(f"silver/signins/date={day}/hour=10/shard=00.jsonl.gz", 3)]

    def origins(self, key: str, limit: int) -> Sequence[Origin]:
        return [Origin("1:42", "bronze/signins/y.jsonl.gz", time="2026-11-24T10:00:00.000000Z")][:limit]

    def recent(self) -> Sequence[Document]:
        self.reads.append("recent")
        return self.items

    def pipeline(self) -> Document:
        self.reads.append("pipeline")
        if not self.by_day:
            zeros: Document = dict.fromkeys(("signins", "refusals", "repeated", "rejected", "people", "days"), 0)
            return {**zeros, "rejected_by_reason": [], "first_day": None, "last_day": None}
        signins = sum(document["signins"] for document in self.by_day.values())
        reasons = {"null_email": 412, "not_json": 187, "wrong_type_email": 96, "unknown_type": 61, "null_picture": 33}
        return {
            "signins": signins,
            "refusals": signins // 90,
            "repeated": sum(document["repeated"] for document in self.by_day.values()),
            "rejected": sum(reasons.values()),
            "rejected_by_reason": named(reasons),
            "people": 4312,
            "first_day": min(self.by_day).isoformat(),
            "last_day": max(self.by_day).isoformat(),
            "days": len(self.by_day),
        }
