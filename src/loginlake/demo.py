"""Believable made-up sign-ins: weekly and daily rhythm, growth and churn, repeats, nulls and broken lines included.

Pure and streaming: the same arguments give the same messages in time order, a day at a time in memory. Nobody is real.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from loginlake.event import REFUSED, SIGNIN, RefusalData, SignIn, SignInData, encode, person_key, rfc3339

WOMEN = (
    "Lucía Sofía Valeria Daniela Alba Noa Carla Vera Julia Ainhoa Chiara Léa Zoë Nadia Priya Mei Inês Olena Yara"
).split()
MEN = "Martín Hugo Mateo Leo Pablo Álvaro Bruno Iker Adrián Nico Omar Jonas Kenji Tomás Søren".split()
FAMILY = (
    "García Rodríguez Fernández López Sánchez Pérez Gómez Ruiz Díaz Moreno Muñoz Álvarez Romero Navarro Torres "
    "Vázquez Ramos Serrano Blanco Molina Ortega Delgado Castro Ortiz "
    "Rubio Marín Iglesias Núñez Rossi Dubois Müller Haddad Tanaka Silva"
).split()
PHOTOS_OF_WOMEN = ("lucia", "valeria", "layla", "sofia", "mei")
PHOTOS_OF_MEN = ("noa", "hugo", "omar", "jonas")
DOMAINS = (
    ("example.com", 52),
    ("acme.example", 18),
    ("universidad.example", 14),
    ("estudio.example", 9),
    ("example.org", 7),
)
_ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 "
    "Mobile Safari/537.36"
)
_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
    "Mobile/15E148 Safari/604.1"
)
_CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
)
_EDGE = _CHROME + " Edg/{}.0.0.0"
_SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
    "Safari/605.1.15"
)
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
AGENTS = (
    (_CHROME.format(130), 30),
    (_CHROME.format(129), 9),
    (_ANDROID.format(130), 20),
    (_IPHONE, 16),
    (_SAFARI, 11),
    (_EDGE.format(130, 130), 8),
    (_FIREFOX, 6),
)
METHODS = (("btn", 61), ("user", 22), ("user_1tap", 10), ("auto", 7))
REFUSALS = (("expired", 5), ("replayed_nonce", 3), ("wrong_audience", 2), ("bad_signature", 1))
# Share of a day's sign-ins by local hour: a quiet night, a morning peak, a lunch dip, an afternoon, a small evening.
RHYTHM = (1, 1, 1, 1, 1, 3, 8, 22, 48, 60, 54, 44, 34, 28, 36, 46, 44, 34, 24, 20, 18, 14, 8, 3)
WEEKEND = 0.42
NULLABLE = ("user_id", "username", "email", "picture")


class Rates(NamedTuple):
    """Shares of messages (0 to 1) that are repeats, that lack a required value, and that are broken lines."""

    repeats: float = 0.02
    nulls: float = 0.01
    broken: float = 0.005
    refusals: float = 0.01


USUAL = Rates()


class Message(NamedTuple):
    """What is sent to the log."""

    key: bytes
    value: bytes


class _Person(NamedTuple):
    data: SignInData
    joined: int
    left: int
    eagerness: float
    other_agent: str


def _weighted(rng: random.Random, choices: tuple[tuple[str, int], ...]) -> str:
    return rng.choices([name for name, _ in choices], [weight for _, weight in choices])[0]


def _plain(text: str) -> str:
    table = str.maketrans("áéíóúüñøëèêàçÁÉÍÓÚÑ", "aeiouunoeeeacAEIOUN")
    return text.translate(table).lower()


def _person(rng: random.Random, number: int, days: int, photo_base: str) -> _Person:
    names, photos = (WOMEN, PHOTOS_OF_WOMEN) if rng.random() < 0.52 else (MEN, PHOTOS_OF_MEN)
    given, family, second = rng.choice(names), rng.choice(FAMILY), rng.choice(FAMILY)
    domain = _weighted(rng, DOMAINS)
    # Growth: twice as many join in the last days as in the first, and a third were there before the first day.
    joined = -1 if rng.random() < 0.34 else int(days * math.sqrt(rng.random()))
    stays = math.ceil(rng.expovariate(1 / 75)) if rng.random() < 0.6 else 10 * days
    data = SignInData(
        provider="google",
        user_id=f"1{number:020d}",
        username=f"{given} {family} {second}",
        email=f"{_plain(given)}.{_plain(family)}{number}@{domain}",
        email_verified=True,
        picture=f"{photo_base}{rng.choice(photos)}.svg",
        hosted_domain=None if domain.startswith("example.") else domain,
        method="btn",
        locale=rng.choice(("es", "es", "es", "en", "pt", "fr")),
        user_agent=_weighted(rng, AGENTS),
        ip="198.51.100.0" if number % 2 else "192.0.2.0",  # the ranges of RFC 5737: nobody's
    )
    return _Person(data, joined, joined + stays, min(0.95, rng.betavariate(1.1, 3.2) + 0.03), _weighted(rng, AGENTS))


def _moments(rng: random.Random, day: datetime, eagerness: float) -> Iterator[datetime]:
    chance = eagerness * (WEEKEND if day.weekday() >= 5 else 1.0)
    while rng.random() < chance:
        hour = rng.choices(range(24), RHYTHM)[0]
        yield day + timedelta(hours=hour, microseconds=rng.randrange(3_600_000_000))
        chance *= 0.45


def _sign_in(rng: random.Random, person: _Person, moment: datetime, source: str) -> SignIn:
    data = person.data
    agent = person.other_agent if rng.random() < 0.25 else data.user_agent
    data = msgspec.structs.replace(data, method=_weighted(rng, METHODS), user_agent=agent)
    time = rfc3339(moment)
    subject = person_key(data.provider, data.user_id)
    event_id = f"{rng.getrandbits(128):032x}"
    return SignIn(type=SIGNIN, id=event_id, source=source, subject=subject, time=time, received=time, data=data)


def _refusal(rng: random.Random, moment: datetime, source: str) -> SignIn:
    data = RefusalData(reason=_weighted(rng, REFUSALS), user_agent=_weighted(rng, AGENTS), ip="203.0.113.0")
    event_id, time = f"{rng.getrandbits(128):032x}", rfc3339(moment)
    return SignIn(type=REFUSED, id=event_id, source=source, subject="unknown", time=time, received=time, data=data)


def _without(rng: random.Random, value: bytes) -> bytes:
    event = msgspec.json.decode(value)
    field, how = rng.choice(NULLABLE), rng.randrange(3)
    if how == 0:
        del event["data"][field]
    else:
        event["data"][field] = None if how == 1 else ""
    return msgspec.json.encode(event)


def _break(rng: random.Random, value: bytes) -> bytes:
    how = rng.randrange(6)
    if how == 0:
        return value[: rng.randrange(1, len(value) - 1)]
    if how == 1:
        return value[:40] + b"\xff\xfe" + value[40:]
    if how == 2:
        return b""
    if how == 3:
        return b'["not", "an", "object"]'
    if how == 4:
        return value.replace(b'"email":"', b'"email":5,"was":"', 1)
    return value.replace(b"loginlake.signin.v1", b"loginlake.signup.v9", 1)


def _day(
    rng: random.Random, people: list[_Person], number: int, day: datetime, sources: tuple[str, ...]
) -> Iterator[SignIn]:
    found: list[tuple[datetime, int, _Person]] = []
    for index, person in enumerate(people):
        if person.joined == number:  # whoever joins signs in that day
            found.append(
                (day + timedelta(hours=rng.choices(range(24), RHYTHM)[0], seconds=rng.random() * 3599), index, person)
            )
        if person.joined <= number < person.left:
            found.extend((moment, index, person) for moment in _moments(rng, day, person.eagerness))
    for moment, index, person in sorted(found, key=lambda item: item[:2]):
        yield _sign_in(rng, person, moment, sources[index % len(sources)])


def messages(
    *, people: int, days: int, seed: int, until: datetime, source: str, photo_base: str, rates: Rates = USUAL
) -> Iterator[Message]:
    """The messages of `days` days up to `until`, in time order, as applications would send them to the topic.

    `source` is the URI of the first application (two others feed the same topic); `photo_base` + a name of
    PHOTOS_OF_WOMEN or PHOTOS_OF_MEN + .svg is a picture.
    """
    rng = random.Random(seed)
    crowd = [_person(rng, number, days, photo_base) for number in range(people)]
    rng = random.Random(f"{seed} {rfc3339(until)}")  # the same people at another moment: other sign-ins, other ids
    sources = (source, source, source, "https://app.acme.example", "https://aula.universidad.example")
    first = datetime(until.year, until.month, until.day, tzinfo=UTC) - timedelta(days=days - 1)
    last = rfc3339(until)
    late: list[tuple[int, Message]] = []
    sent = 0
    for number in range(days):
        today = _day(rng, crowd, number, first + timedelta(days=number), sources)
        for event in itertools.takewhile(lambda event: event.time <= last, today):
            for message in _disturbed(rng, event, source, rates):
                yield message
                sent += 1
                if rng.random() < rates.repeats:
                    heapq.heappush(late, (sent + rng.randrange(1, 400), message))
                while late and late[0][0] <= sent:
                    yield heapq.heappop(late)[1]
    for _, message in sorted(late):
        yield message


def _disturbed(rng: random.Random, event: SignIn, source: str, rates: Rates) -> Iterator[Message]:
    """The event, or in its place one without a value or a broken line; now and then a refusal before it."""
    if rng.random() < rates.refusals:
        refused = _refusal(rng, datetime.fromisoformat(event.time), source)
        yield Message(refused.id.encode(), encode(refused))
    key, value, chance = event.subject.encode(), encode(event), rng.random()
    if chance < rates.nulls:
        value = _without(rng, value)
    elif chance < rates.nulls + rates.broken:
        value = _break(rng, value)
    yield Message(key, value)
