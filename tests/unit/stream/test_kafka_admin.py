"""The admin of a cluster that lost the broker it asked."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from loginlake.errors import Unavailable
from loginlake.stream import kafka_admin
from loginlake.stream.kafka_admin import KafkaAdmin
from loginlake.stream.kafka_client import Limits


class Clients:
    """Makes clients: the first `lost` of them ask a broker that is gone, the others one that answers with `code`."""

    def __init__(self, lost: int, code: int | None = None) -> None:
        self.made, self._lost, self._code = 0, lost, code

    def __call__(self, options: dict[str, Any]) -> Any:
        self.made += 1
        code = KafkaError._TIMED_OUT if self.made <= self._lost else self._code

        def describe(topics: Any, request_timeout: float) -> dict[str, Future[Any]]:
            future: Future[Any] = Future()
            if code is not None:
                future.set_exception(KafkaException(KafkaError(code)))
            else:
                found = SimpleNamespace(topic_id="an id", partitions=[SimpleNamespace(replicas=[1], leader=1)])
                future.set_result(found)
            return {"signins": future}

        return SimpleNamespace(describe_topics=describe, poll=lambda timeout: 0)


def admin_of(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> KafkaAdmin:
    monkeypatch.setattr(kafka_admin, "AdminClient", clients)
    return KafkaAdmin("127.0.0.1:1", limits=Limits(call_s=1.0))


def test_after_no_answer_another_broker_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = Clients(lost=1)
    admin = admin_of(clients, monkeypatch)
    with pytest.raises(Unavailable):
        admin.describe("signins")
    for _ in range(2):
        found = admin.describe("signins")
        assert found is not None
        assert (found.id, found.led) == ("an id", True)
    assert clients.made == 2


def test_a_brokers_no_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = Clients(lost=0, code=KafkaError.UNKNOWN_TOPIC_OR_PART)
    admin = admin_of(clients, monkeypatch)
    assert [admin.describe("signins"), admin.describe("signins")] == [None, None]
    assert clients.made == 1
