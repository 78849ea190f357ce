"""An application and people that sign in, without a pause; they write down each event id that was answered 2xx.

A request that is not answered is sent again, the same, until it is: so the same event may be in the log many times.
"""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from typing import Any

from loginlake.event import token_event_id

SOURCE = "https://shop.example"
LONG_S = 300.0
_PAUSE_S, _CALM_S, _MANY = 0.03, 0.3, 150  # so many answered are enough: then calmly


class Client:
    """Two threads that sign in until told to stop."""

    def __init__(self, port: int, api_key: str, people: list[str], seed: int) -> None:
        self._port, self._key, self._people, self._seed = port, api_key, people, seed
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self.answered: set[str] = set()
        self.bad: set[str] = set()  # answered as well, but without an e-mail: clean rejects them
        self.refused = 0  # answers other than 2xx, and none
        self._broken: BaseException | None = None

    @contextmanager
    def running(self) -> Iterator[Client]:
        threads = [threading.Thread(target=self._run, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def more(self, events: int) -> None:
        """Wait until so many more events were answered: they are, whatever is broken behind the web."""
        with self._changed:
            target = len(self.answered) + events
            come = self._changed.wait_for(lambda: self._broken or len(self.answered) >= target, LONG_S)
            assert come and not self._broken, f"the web does not answer any more ({self._broken!r})"

    def until_refused(self) -> None:
        """Wait for an answer that is no 2xx."""
        with self._changed:
            was = self.refused
            assert self._changed.wait_for(lambda: self._broken or self.refused > was, LONG_S), "nothing was refused"

    def _run(self, number: int) -> None:
        chance = random.Random(f"{self._seed} {number}")
        sent: list[bytes] = []
        try:
            while not self._stop.wait(_PAUSE_S if len(self.answered) < _MANY else _CALM_S):
                if chance.random() < 0.1:
                    self._sign_in(chance)
                    continue
                body = chance.choice(sent) if sent and chance.random() < 0.15 else _batch(chance)
                sent.append(body)
                self._until_answered(lambda body=body: self._send(body))
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            with self._changed:
                self._broken = error
                self._changed.notify_all()

    def _until_answered(self, attempt: Any) -> None:
        while not self._stop.is_set():
            try:
                answered, bad = attempt()
            except (OSError, HTTPException):
                answered, bad = [], []
            with self._changed:
                self.answered.update(answered)
                self.bad.update(bad)
                self.refused += not answered
                self._changed.notify_all()
            if answered:
                return
            self._stop.wait(0.05)

    def _send(self, body: bytes) -> tuple[list[str], list[str]]:
        kind = "application/cloudevents-batch+json"
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": kind}
        status, said, _ = self._ask("POST", "/api/events", body, headers)
        if status != 202:
            return [], []
        bad = {event["id"] for event in json.loads(body) if event["data"]["email"] is None}
        accepted = [result["id"] for result in said["results"] if result["accepted"]]
        return accepted, [name for name in accepted if name in bad]

    def _sign_in(self, chance: random.Random) -> None:
        """As the page does it: a nonce, the provider's token, the sign-in, until that is answered."""
        person = chance.choice(self._people)

        def credential() -> tuple[str, str]:
            _, nonce, cookie = self._ask("GET", "/api/nonce", None, {})
            wish = json.dumps({"person": person, "nonce": nonce["value"]}).encode()
            _, token, _ = self._ask("POST", "/dev/token", wish, {"Content-Type": "application/json"})
            return token["credential"], cookie

        try:
            token, cookie = credential()
        except (OSError, HTTPException, KeyError):
            return
        body = json.dumps({"credential": token, "select_by": "btn"}).encode()
        headers = {"Content-Type": "application/json", "Cookie": cookie}

        def attempt() -> tuple[list[str], list[str]]:
            status, _, _ = self._ask("POST", "/api/signin", body, headers)
            return ([token_event_id(token)] if status == 200 else []), []

        self._until_answered(attempt)

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any, str]:
        """Status, JSON and cookies of an answer."""
        origin = f"http://localhost:{self._port}"
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, body, {"Origin": origin, "Host": f"localhost:{self._port}", **headers})
            answer = connection.getresponse()
            cookies = SimpleCookie(answer.headers.get("Set-Cookie", ""))
            said = json.loads(answer.read() or b"null")
        except ValueError as error:
            raise HTTPException("half an answer") from error
        finally:
            connection.close()
        return answer.status, said, "; ".join(f"{name}={found.value}" for name, found in cookies.items())


def _batch(chance: random.Random) -> bytes:
    return json.dumps([_event(chance) for _ in range(chance.randrange(1, 5))]).encode()


def _event(chance: random.Random) -> dict[str, Any]:
    user = f"u{chance.randrange(25)}"
    moment = datetime.now(UTC) - timedelta(minutes=chance.randrange(150))
    email = None if chance.random() < 0.05 else f"{user}@shop.example"
    picture = "https://shop.example/picture.png"
    data = {"provider": "shop", "user_id": user, "username": user, "email": email, "picture": picture}
    return {
        "specversion": "1.0",
        "type": "loginlake.signin.v1",
        "source": SOURCE,
        "id": str(uuid.UUID(int=chance.getrandbits(128))),
        "time": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "data": data,
    }
