"""The made-up sign-ins: repeatable, believable, and nobody's."""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loginlake.demo import PHOTOS_OF_MEN, PHOTOS_OF_WOMEN, Message, Rates, messages
from loginlake.silver.reasons import Rules
from loginlake.silver.rows import RefusalRow, SignInRow
from loginlake.silver.rules import Rejection, judge

UNTIL = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)
RULES = Rules(secret=b"of the test")
NONE = Rates(0, 0, 0, 0)


def make(
    people: int = 60, days: int = 28, seed: int = 7, until: datetime = UNTIL, rates: Rates = NONE
) -> list[Message]:
    made = messages(
        people=people, days=days, seed=seed, until=until, source="https://a.example", photo_base="/p/", rates=rates
    )
    return list(made)


def outcome(message: Message) -> SignInRow | RefusalRow | Rejection:
    return judge(message.value, (0, 0, 0), UNTIL, RULES)


def signins(made: Iterable[Message]) -> list[dict[str, Any]]:
    events = (json.loads(message.value) for message in made)
    return [event for event in events if event["type"] == "loginlake.signin.v1"]


@settings(max_examples=12, deadline=None)
@given(
    people=st.integers(1, 20),
    days=st.integers(1, 9),
    seed=st.integers(),
    rates=st.builds(Rates, *[st.floats(0, 1)] * 4),
)
def test_the_same_arguments_give_the_same_messages(people: int, days: int, seed: int, rates: Rates) -> None:
    assert make(people, days, seed, UNTIL, rates) == make(people, days, seed, UNTIL, rates)


def test_another_seed_gives_other_messages() -> None:
    assert make(seed=1) != make(seed=2)


def test_without_rates_every_message_is_a_valid_sign_in_of_its_own() -> None:
    made = make()
    assert len(made) > 200
    assert {type(outcome(message)) for message in made} == {SignInRow}
    assert len({json.loads(message.value)["id"] for message in made}) == len(made)


def test_a_key_is_the_events_subject() -> None:
    for message in make():
        assert message.key.decode() == json.loads(message.value)["subject"]


def test_repeats_are_sent_again_as_they_were() -> None:
    made = make(rates=NONE._replace(repeats=0.2))
    counts = Counter(made)
    share = sum(number - 1 for number in counts.values()) / len(counts)
    assert max(counts.values()) == 2
    assert 0.14 < share < 0.26
    assert set(counts) == set(make(rates=NONE._replace(repeats=0.2)))


def test_nulls_lack_a_required_value_in_every_way() -> None:
    made = make(people=200, rates=NONE._replace(nulls=0.3))
    judged = [found for found in map(outcome, made) if isinstance(found, Rejection)]
    assert 0.25 < len(judged) / len(made) < 0.35
    assert {found.reason for found in judged} == {"null_user_id", "null_username", "null_email", "null_picture"}
    data = [json.loads(message.value)["data"] for message in made]
    for field in ("user_id", "username", "email", "picture"):
        assert any(field not in one for one in data)
        assert any(one.get(field, 0) is None for one in data)
        assert any(one.get(field) == "" for one in data)


def test_broken_lines_are_rejected_for_several_reasons() -> None:
    made = make(people=200, rates=NONE._replace(broken=0.3))
    judged = [found for found in map(outcome, made) if isinstance(found, Rejection)]
    assert 0.25 < len(judged) / len(made) < 0.35
    assert {found.reason for found in judged} == {"not_json", "not_object", "wrong_type_email", "unknown_type"}


def test_refusals_come_beside_the_sign_ins_and_name_nobody() -> None:
    made = make(rates=NONE._replace(refusals=0.3))
    refused = [json.loads(message.value) for message in made if isinstance(outcome(message), RefusalRow)]
    assert 0.2 < len(refused) / (len(made) - len(refused)) < 0.4
    assert all(set(event["data"]) == {"reason", "user_agent", "ip"} for event in refused)
    assert {event["subject"] for event in refused} == {"unknown"}


def test_all_rates_at_one_still_end() -> None:
    assert make(people=3, days=2, rates=Rates(1, 1, 1, 1))


def test_messages_come_in_time_order_apart_from_repeats() -> None:
    made = make(rates=NONE._replace(repeats=0.3, refusals=0.1))
    first = [json.loads(message.value)["time"] for message in dict.fromkeys(made)]
    assert all(earlier <= later for earlier, later in pairwise(first))
    assert first[-1] <= "2026-11-22T23:59:59.000000Z"
    assert first[0] >= "2026-10-26"


def test_nothing_is_after_the_last_moment() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    times = [event["time"] for event in signins(make(until=noon))]
    assert max(times) <= "2026-11-20T12:00:00.000000Z"
    assert any(time.startswith("2026-11-20") for time in times)


def test_weekends_and_nights_are_quieter() -> None:
    times = [datetime.fromisoformat(event["time"]) for event in signins(make(people=300))]
    weekend = sum(time.weekday() >= 5 for time in times) / 8
    weekdays = sum(time.weekday() < 5 for time in times) / 20
    assert weekend < 0.7 * weekdays
    night = sum(time.hour < 6 for time in times)
    morning = sum(8 <= time.hour < 14 for time in times)
    assert 10 * night < morning


def test_more_people_sign_in_at_the_end_than_at_the_beginning() -> None:
    events = signins(make(people=300, days=56))
    weeks: list[set[str]] = [set(), set()]
    for event in events:
        if event["time"] < "2026-10-12":
            weeks[0].add(event["subject"])
        elif event["time"] >= "2026-11-09":
            weeks[1].add(event["subject"])
    assert len(weeks[1]) > 1.2 * len(weeks[0])


def test_some_people_leave_for_good() -> None:
    events = signins(make(people=300, days=56))
    early = {event["subject"] for event in events if event["time"] < "2026-10-12"}
    late = {event["subject"] for event in events if event["time"] >= "2026-10-26"}
    assert 0 < len(early - late) < len(early)


def test_another_last_moment_gives_the_same_people_and_other_events() -> None:
    here, later = signins(make()), signins(make(until=UNTIL.replace(day=23)))

    def people(events: list[dict[str, Any]]) -> dict[str, tuple[str, str, str]]:
        return {e["subject"]: (e["data"]["username"], e["data"]["email"], e["data"]["picture"]) for e in events}

    both = people(here).keys() & people(later).keys()
    assert len(both) > 30
    assert all(people(here)[subject] == people(later)[subject] for subject in both)
    assert not {event["id"] for event in here} & {event["id"] for event in later}


@pytest.mark.parametrize("seed", [1, 7])
def test_nobody_is_real(seed: int) -> None:
    reserved = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    made = make(people=200, seed=seed, rates=NONE._replace(refusals=0.1))
    for event in (json.loads(message.value) for message in made):
        address = ipaddress.ip_address(event["data"]["ip"])
        assert any(address in network for network in reserved)
        assert event["source"].split("/")[2].endswith(".example")
    for event in signins(made):
        domain = event["data"]["email"].rpartition("@")[2]
        assert domain.endswith(".example") or domain in {"example.com", "example.org", "example.net"}
        assert event["data"]["picture"].removeprefix("/p/").removesuffix(".svg") in PHOTOS_OF_WOMEN + PHOTOS_OF_MEN
        assert event["data"]["hosted_domain"] in {None, domain}
