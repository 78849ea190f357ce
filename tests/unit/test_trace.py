"""One sign-in followed through the stages: ticks in order, and nobody else's row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import CommandLine

from loginlake.gold.embedded import EmbeddedGold
from loginlake.lake.by_url import open_store
from loginlake.lake.manifest import Lake
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.log import Position
from loginlake.stream.spool_record import SPOOLED
from loginlake.trace import Step, Tracer

TIME = "2026-11-20T09:30:00.000000Z"
ANA, EVA = "1001", "1002"
HEAD = {"specversion": "1.0", "type": "loginlake.signin.v1", "source": "https://app.example"}


class Way:
    """A log, a lake and a gold, with a tracer beside the stages; its clock ticks a second a look."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.line = CommandLine(folder / "data", LOGINLAKE_PARTITIONS="1")
        self.log = stack.enter_context(closing(EmbeddedLog(folder / "data" / "log.db", partitions=1)))
        self.gold = stack.enter_context(closing(EmbeddedGold(folder / "data" / "gold.db")))
        self.lake = Lake(open_store(f"file:{folder / 'data' / 'lake'}"))
        self.ticks = 0
        self.tracer = self.another_tracer()

    def another_tracer(self) -> Tracer:
        return Tracer(self.log, self.lake, self.gold, now=self.now)

    def now(self) -> datetime:
        self.ticks += 1
        return datetime(2026, 11, 24, 12, 0, self.ticks, tzinfo=UTC)

    def sign_in(self, user: str = ANA, event_id: str = "e1", time: str = TIME, **data: Any) -> Position:
        person = {"provider": "google", "user_id": user, "username": "x", "email": "x@example.com", "picture": "/p.svg"}
        event = {**HEAD, "id": event_id, "subject": f"google|{user}", "time": time, "data": {**person, **data}}
        return self.log.send(f"google|{user}".encode(), json.dumps(event).encode()).result()

    def steps(self, at: Position, user: str = ANA, event_id: str = "e1", time: str = TIME) -> list[Step]:
        return self.tracer("google", user, event_id, time, at.partition, at.offset)

    def done(self, at: Position, **who: str) -> list[str]:
        return [step.name for step in self.steps(at, **who) if step.done]


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    with ExitStack() as stack:
        yield Way(tmp_path, stack)


def test_the_steps_tick_in_order_as_the_stages_run(way: Way) -> None:
    at = way.sign_in()
    assert [step.name for step in way.steps(at)] == ["topic", "bronze", "silver", "gold"]
    seen = [way.done(at)]
    for stage in ("land", "clean", "publish"):
        way.line(stage, "--once")
        seen.append(way.done(at))
    names = ["topic", "bronze", "silver", "gold"]
    assert seen == [names[:1], names[:2], names[:3], names]


def test_a_step_that_is_not_reached_has_nothing(way: Way) -> None:
    at = way.sign_in()
    assert way.steps(at)[1:] == [Step(name, done=False) for name in ("bronze", "silver", "gold")]


def test_each_step_says_where_and_shows_what_is_there(way: Way) -> None:
    at = way.sign_in(username="Ana")
    way.line.pass_through()
    topic, bronze, silver, gold = way.steps(at)
    assert topic.place == "partition 0, offset 0"
    assert topic.content["value"]["data"]["username"] == "Ana"
    assert bronze.place == str(way.line.files("bronze")[0].relative_to(way.line.data / "lake"))
    assert bronze.content == way.line.rows("bronze")[0]
    assert silver.place == "silver/signins/date=2026-11-20/hour=09/shard=00.jsonl.gz"
    assert silver.content == way.line.rows("silver")[0]
    assert gold.place == "users/google|1001"
    assert gold.content["signins"] == 1


def test_the_time_of_a_step_is_when_it_was_first_seen_there(way: Way) -> None:
    at = way.sign_in()
    way.line("land", "--once")
    first = way.steps(at)
    way.line.pass_through()
    later = way.steps(at)
    assert later[:2] == first[:2]
    stamp = datetime.fromtimestamp(way.log.read(at).timestamp_ms / 1000, UTC)  # type: ignore[union-attr]
    assert datetime.fromisoformat(str(first[0].at)) == stamp
    assert [step.at for step in later[1:]] == [f"2026-11-24T12:00:0{second}.000000Z" for second in (1, 2, 3)]


def test_only_the_persons_own_row_is_shown(way: Way) -> None:
    """Both have the same event id, hour and objects; each sees what is theirs."""
    eva = way.sign_in(EVA, username="Eva")
    ana = way.sign_in(ANA, username="Ana")
    way.line.pass_through()
    for at, user, name in ((ana, ANA, "Ana"), (eva, EVA, "Eva")):
        way.tracer = way.another_tracer()
        steps = way.steps(at, user=user)
        assert all(step.done for step in steps)
        shown = [
            steps[0].content["value"]["data"],
            steps[1].content["value"]["data"],
            steps[2].content,
            steps[3].content,
        ]
        assert {content["username"] for content in shown} == {name}
        assert {content["user_id"] for content in shown} == {user}


def test_a_repeat_shows_the_row_that_was_kept(way: Way) -> None:
    way.sign_in(username="First")
    second = way.sign_in(username="Second")
    way.line.pass_through()
    _, bronze, silver, gold = way.steps(second)
    assert bronze.content["offset"] == 1
    assert (silver.content["offset"], silver.content["username"]) == (0, "First")
    assert gold.content["signins"] == 1


def test_a_rejected_event_stays_at_bronze(way: Way) -> None:
    at = way.sign_in(email="no mailbox")
    way.line.pass_through()
    assert way.done(at) == ["topic", "bronze"]


def test_gold_ticks_only_for_this_sign_in_and_not_for_an_earlier_one(way: Way) -> None:
    way.sign_in()
    way.line.pass_through()
    later = "2026-11-20T09:45:00.000000Z"
    at = way.sign_in(event_id="e2", time=later)
    way.line("land", "--once")
    way.line("clean", "--once")
    assert way.done(at, event_id="e2", time=later) == ["topic", "bronze", "silver"]
    way.line("publish", "--once")
    assert way.done(at, event_id="e2", time=later) == ["topic", "bronze", "silver", "gold"]


def test_no_step_is_done_past_one_that_is_not(way: Way) -> None:
    """A record that the log no longer has: what is behind it can't be told to be this event's."""
    way.sign_in()
    way.line.pass_through()
    assert way.done(Position(0, 7)) == []


def test_an_event_in_the_second_object_of_its_hour_is_found(way: Way) -> None:
    way.sign_in()
    way.line("land", "--once")
    at = way.sign_in(event_id="e2")
    way.line("land", "--once")
    assert len(way.line.files("bronze")) == 2
    assert way.steps(at, event_id="e2")[1].content["offset"] == 1


def test_a_spooled_sign_in_is_found_through_silver(way: Way) -> None:
    at = way.sign_in()
    nowhere = Position(SPOOLED, 123)
    assert way.done(nowhere) == []
    way.line("land", "--once")
    assert way.done(nowhere) == []
    way.line("clean", "--once")
    assert way.done(nowhere) == ["topic", "bronze", "silver"]
    assert [step.content for step in way.steps(nowhere)] == [step.content for step in way.steps(at)]
