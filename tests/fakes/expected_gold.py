"""Gold recomputed in plain Python from rows, with sets of people a day: slow, obvious, and sharing no code."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

Row = dict[str, Any]
APP_FIGURES = ("signins", "people", "refusals")
FIGURES = (*APP_FIGURES, "people_7", "people_30", "new", "returning", "resurrected", "dormant", "rejected")
NAMES = (
    *("by_method", "by_device", "by_browser", "by_system", "by_domain", "refused_by_reason"),
    *("by_source", "rejected_by_reason"),
)
AGENTS: dict[str | None, tuple[str, str, str]] = {None: ("", "", "")}


def named(values: Iterable[str | None]) -> list[dict[str, Any]]:
    counts = Counter("" if value is None else value for value in values)
    return [{"name": name, "count": n} for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]


def _shift(day: str, by: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=by)).isoformat()


def _monday(day: str) -> str:
    year, week, _ = date.fromisoformat(day).isocalendar()
    return date.fromisocalendar(year, week, 1).isoformat()


def _month(month: str, days: Sequence[Row], figures: Sequence[str], names: Sequence[str]) -> Row:
    found: Row = {"month": month, "days": [day["day"] for day in days], "by_hour": [day["by_hour"] for day in days]}
    found |= {name: [day[name] for day in days] for name in figures}
    for name in names:
        counts = [{pair["name"]: pair["count"] for pair in day[name]} for day in days]
        lines = [[key, [of_day.get(key, 0) for of_day in counts]] for key in set().union(*counts)]
        found[name] = sorted(lines, key=lambda line: (-sum(line[1]), line[0]))
    return found


class Expected:
    """What gold must hold for these sign-ins, refusals and rejected reasons by arrival day."""

    def __init__(
        self,
        signins: Sequence[Row],
        refusals: Sequence[Row] = (),
        rejected: Sequence[tuple[str, str]] = (),
        agents: dict[str | None, tuple[str, str, str]] = AGENTS,
        repeated: Sequence[str] = (),
    ) -> None:
        """`repeated`: the day of each repeat."""
        self.signins = sorted(signins, key=lambda row: (row["time"], row["source"], row["id"]))
        self.refusals, self.rejected, self.agents, self.repeated = refusals, rejected, agents, repeated
        self.active: dict[str, set[str]] = {}
        for row in signins:
            self.active.setdefault(row["time"][:10], set()).add(f"{row['provider']}|{row['user_id']}")
        moments = {row["time"][:10] for row in (*signins, *refusals)} | {day for day, _ in rejected}
        self.moments = sorted(moments)

    def _during(self, last: str, number: int) -> set[str]:
        return set().union(*(self.active.get(_shift(last, -back), set()) for back in range(number)))

    def _before(self, day: str) -> set[str]:
        return set().union(*(people for other, people in self.active.items() if other < day))

    def day(self, day: str, *, apps: bool = False) -> Row:
        rows = [row for row in self.signins if row["time"][:10] == day]
        refusals = [row for row in self.refusals if row["time"][:10] == day]
        rejected = [reason for arrived, reason in self.rejected if arrived == day]
        today = self.active.get(day, set())
        month, earlier = self._during(_shift(day, -1), 30), self._before(day)
        agents = [self.agents[row["user_agent"]] for row in rows]
        return {
            "day": day,
            "signins": len(rows),
            "people": len(today),
            "people_7": len(self._during(day, 7)),
            "people_30": len(self._during(day, 30)),
            "new": len(today - earlier),
            "returning": len(today & month),
            "resurrected": len((today & earlier) - month),
            "dormant": len(self.active.get(_shift(day, -30), set()) - self._during(day, 30)),
            "refusals": len(refusals),
            "repeated": self.repeated.count(day),
            "rejected": len(rejected),
            "by_hour": [sum(int(row["time"][11:13]) == hour for row in rows) for hour in range(24)],
            "by_source": named(row["source"] for row in rows),
            "by_method": named(row["method"] for row in rows),
            "by_device": named(kind[0] for kind in agents),
            "by_browser": named(kind[1] for kind in agents),
            "by_system": named(kind[2] for kind in agents),
            "by_domain": named(row["email"].rsplit("@", 1)[1].lower() for row in rows),
            "refused_by_reason": named(row["reason"] for row in refusals),
            "rejected_by_reason": named(rejected),
            "apps": [self.app(day, source) for source in sorted({row["source"] for row in (*rows, *refusals)})]
            if apps
            else [],
        }

    def app(self, day: str, source: str) -> Row:
        """The day of one application."""
        alone = Expected(
            [row for row in self.signins if row["source"] == source and row["time"][:10] == day],
            [row for row in self.refusals if row["source"] == source and row["time"][:10] == day],
            agents=self.agents,
        ).day(day)
        shown = ("people", "signins", "refusals", "by_hour", "by_method", "by_device", "by_browser", "by_system")
        return {"name": source, **{name: alone[name] for name in (*shown, "by_domain", "refused_by_reason")}}

    def months(self) -> list[Row]:
        """The month rows of all applications together."""
        return [
            _month(month, [day for day in self.days() if day["day"][:7] == month], FIGURES, NAMES)
            for month in sorted({day["day"][:7] for day in self.days()})
        ]

    def app_months(self, source: str) -> list[Row]:
        """The month rows of one application."""
        days = [{**app, "day": day["day"]} for day in self.days() for app in day["apps"] if app["name"] == source]
        return [
            {"app": source} | _month(month, [day for day in days if day["day"][:7] == month], APP_FIGURES, NAMES[:-2])
            for month in sorted({day["day"][:7] for day in days})
        ]

    def cohorts(self) -> Row:
        """Retention by week of first sign-in, of the weeks before the last one with a sign-in."""
        weeks: dict[str, set[str]] = {}
        first: dict[str, str] = {}
        for day, people in sorted(self.active.items()):
            weeks.setdefault(_monday(day), set()).update(people)
            for person in people:
                first.setdefault(person, _monday(day))
        over = sorted(weeks)[:-1]
        lines = {week: Counter(first[person] for person in weeks[week]) for week in over}
        return {
            "weeks": [[week, line.total(), [list(p) for p in sorted(line.items())]] for week, line in lines.items()]
        }

    def census(self) -> Row:
        """People by number of sign-ins, and who was silent on the last 30, 60 and 90 days."""
        if not self.active:
            return {"day": None, "people": 0, "by_signins": [], "silent": []}
        last, users = max(self.active), self.users().values()
        edges = [1, 2, 5, 10, 20, 50, 100, 200, 10**9]
        return {
            "day": last,
            "people": len(users),
            "by_signins": [
                [low, sum(low <= user["signins"] < high for user in users)] for low, high in itertools.pairwise(edges)
            ],
            "silent": [
                [
                    number,
                    sum(not any(user["days"].get(_shift(last, -back)) for back in range(number)) for user in users),
                ]
                for number in (30, 60, 90)
            ],
        }

    def days(self) -> list[Row]:
        if not self.moments:
            return []
        number = (date.fromisoformat(self.moments[-1]) - date.fromisoformat(self.moments[0])).days
        every = [self.day(_shift(self.moments[0], forward), apps=True) for forward in range(number + 1)]
        figures = ("signins", "refusals", "rejected", "people_30", "dormant")
        return [day for day in every if any(day[name] for name in figures)]

    def recent(self) -> list[Row]:
        names = ("time", "source", "id", "provider", "user_id", "username", "email", "picture", "method")
        items = []
        for row in self.signins[-100:][::-1]:
            device, browser, system = self.agents[row["user_agent"]]
            words = {"device": device, "browser": browser, "system": system}
            items.append({**{name: row[name] for name in names}, **words})
        return items

    def pipeline(self) -> Row:
        return {
            "signins": len(self.signins),
            "refusals": len(self.refusals),
            "repeated": len(self.repeated),
            "rejected": len(self.rejected),
            "rejected_by_reason": named(reason for _, reason in self.rejected),
            "people": len(set().union(*self.active.values())),
            "first_day": self.moments[0] if self.moments else None,
            "last_day": self.moments[-1] if self.moments else None,
            "days": len(self.moments),
        }

    def users(self) -> dict[str, Row]:
        users: dict[str, Row] = {}
        for row in self.signins:
            name = f"{row['provider']}|{row['user_id']}"
            user = users.setdefault(name, {"first": row["time"], "signins": 0, "days": {}, "devices": {}})
            profile = ("provider", "user_id", "username", "email", "email_verified", "picture", "hosted_domain")
            user.update({field: row[field] for field in profile})
            user["_id"] = name
            user["last"] = row["time"]
            user["signins"] += 1
            user["days"][row["time"][:10]] = user["days"].get(row["time"][:10], 0) + 1
            user["active_days"] = len(user["days"])
            device = "|".join(self.agents[row["user_agent"]])
            user["devices"].setdefault(row["time"][:10], set()).add(device)
            user["by_name"] = row["username"].lower()
            user["by_surname"] = " ".join(row["username"].lower().split()[1:])
            user["by_email"] = row["email"].lower()
        for user in users.values():
            told = {day: "\n".join(sorted(names)) for day, names in user["devices"].items()}
            user["devices"] = {day: names for day, names in told.items() if day > _shift(max(told), -90)}
        return users
