"""Whatever setting is broken: `loginlake check` says what, why and what to do, and so does the stage that starts."""

from __future__ import annotations

import json
import logging
import os
import queue
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from fakes.broken_settings import CASES, SECRETS, Case, World
from fakes.certificates import make_authority
from fakes.command_line import CommandLine
from services_azurite_mongo import MONGO_PASSWORD
from services_kafka import PASSWORD, USER, Doors, Topics

from loginlake import run_all, verbs, wiring
from loginlake.errors import LoginlakeError
from loginlake.lake.azure import AzureAccount, create_container, place
from loginlake.settings import Settings
from services import azurite, mongo

pytestmark = pytest.mark.services
ANSWER_S = 15.0
ONE_BROKER = {"topic_partitions": "1", "topic_replication": "1", "topic_min_insync": "1"}


@pytest.fixture(scope="module")
def world(
    kafka_doors: Doors,
    azurite_server: azurite.Azurite,
    mongo_server: mongo.MongoServer,
    guarded_mongo: mongo.MongoServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """The run's servers, a server with a certificate of nobody's, and a port behind which nobody speaks."""
    topics, suffix = Topics(kafka_doors.server.bootstrap), uuid.uuid4().hex
    for name, size in (("good", 1_000_000), ("reading", 1_000_000), ("small", 1_000)):
        topics.make(f"{name}-{suffix}", 1, size)
    _only_reading(kafka_doors.server.bootstrap, f"reading-{suffix}")
    create_container(place(f"{azurite_server.endpoint}/c{suffix}", AzureAccount()))
    _, identity = make_authority(tmp_path_factory.mktemp("strange"))
    with _strange(identity) as strange, socket.create_server(("127.0.0.1", 0)) as silent:
        yield World(
            kafka=kafka_doors.server.bootstrap,
            kafka_login=kafka_doors.login,
            kafka_tls=kafka_doors.secure,
            user=USER,
            password=PASSWORD,
            topic=f"good-{suffix}",
            read_only=f"reading-{suffix}",
            small=f"small-{suffix}",
            lake=azurite_server.endpoint,
            container=f"c{suffix}",
            gold=mongo_server.url,
            gold_login=guarded_mongo.url,
            gold_password=MONGO_PASSWORD,
            strange_tls=strange.getsockname()[1],
            silent=silent.getsockname()[1],
        )


def _only_reading(bootstrap: str, topic: str) -> None:
    binding = AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        f"User:{USER}",
        "*",
        AclOperation.READ,
        AclPermissionType.ALLOW,
    )
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for made in admin.create_acls([binding]).values():
        made.result(120)


def _strange(identity: Path) -> closing[socket.socket]:
    """A TLS server that nobody trusts: each handshake fails on the client's side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # the tests are over
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    return closing(listener)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith(("LOGINLAKE_", "AZURE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def check(folder: Path, values: dict[str, str]) -> tuple[Any, list[dict[str, Any]], float]:
    """The result of `loginlake check --json`, its lines, and the seconds it took."""
    env = {f"LOGINLAKE_{name.upper()}": value for name, value in {**ONE_BROKER, **values}.items()}
    began = time.monotonic()
    result = CommandLine(folder / "data", **env).run("check", "--json")
    took = time.monotonic() - began
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result, json.loads(result.stdout), took


def assert_no_secret(text: str) -> None:
    for secret in (*SECRETS, MONGO_PASSWORD):
        assert secret not in text
    assert "Traceback" not in text


@pytest.mark.parametrize("name", CASES)
def test_check_names_what_is_broken(world: World, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    result, lines, took = check(tmp_path, case.values(world))
    assert result.exit_code == 1
    assert [line["system"] for line in lines if not line["well"]] == [case.system], lines
    (told,) = [line for line in lines if not line["well"]]
    assert case.words in told["said"]
    assert told["said"].count(". ") >= 1, "what, and why"
    assert told["next_move"]
    assert_no_secret(result.output)
    assert took < ANSWER_S


def test_systems_that_are_well_are_said_to_be(world: World, tmp_path: Path) -> None:
    """By a login that is let in, with a SAS and a password."""
    good = {
        **world.login(),
        **world.stored(azure_sas=world.sas()),
        **world.locked("ana", world.gold_password),
    }
    result, lines, _ = check(tmp_path, good)
    assert [(line["system"], line["well"]) for line in lines] == [("log", True), ("lake", True), ("gold", True)], lines
    assert lines[0]["said"] == "topic as it must be; 1 partitions, 0 records."
    assert_no_secret(result.output)


def test_systems_that_hang_are_named_all_at_once(world: World, tmp_path: Path) -> None:
    silent = f"127.0.0.1:{world.silent}"
    values = {
        **world.at(silent),
        **world.stored(f"http://{silent}/devstoreaccount1/lake"),
        "gold_url": f"mongodb://{silent}/d",
    }
    _, lines, took = check(tmp_path, values)
    assert [line["well"] for line in lines] == [False, False, False]
    assert all(line["next_move"] for line in lines)
    assert took < ANSWER_S


def test_a_topic_and_a_container_are_made_when_asked_for(world: World, tmp_path: Path) -> None:
    values = {**world.at(world.kafka, f"new-{uuid.uuid4().hex}"), **world.stored(f"{world.lake}/new{uuid.uuid4().hex}")}
    env = {f"LOGINLAKE_{name.upper()}": value for name, value in {**ONE_BROKER, **values}.items()}
    line = CommandLine(tmp_path / "data", **env)
    shown = line("check", "--create")
    assert "topic created as it must be" in shown
    assert "container created" in shown
    assert "topic as it must be" in line("check")


STAGES: dict[str, Callable[[Settings, threading.Event], object]] = {
    "land": lambda settings, stop: verbs.land(settings, stop, once=False),
    "clean": lambda settings, stop: verbs.clean(settings, stop, once=False),
    "publish": lambda settings, stop: verbs.publish(settings, stop, once=False),
}


def at_start(stage: Callable[[threading.Event], object]) -> str:
    """What a stage says first when it starts: a warning, or the error that ends it. Then it is stopped."""
    said: queue.Queue[str] = queue.Queue()
    stop = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.put(record.getMessage())

    def run() -> None:
        try:
            stage(stop)
        except LoginlakeError as error:
            said.put(str(error))

    listener, root = Listener(logging.WARNING), logging.getLogger("loginlake")
    thread = threading.Thread(target=run)
    root.addHandler(listener)
    try:
        thread.start()
        return said.get(timeout=2 * ANSWER_S)
    finally:
        stop.set()
        thread.join()
        root.removeHandler(listener)


def said_by_stage(case: Case, values: dict[str, str], folder: Path) -> str:
    """What the case's own stage says."""
    settings = Settings(data=folder / "data", **{**ONE_BROKER, **values})  # type: ignore[arg-type]
    return at_start(lambda stop: STAGES[case.stage](settings, stop))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.stage])
def test_the_stage_that_starts_says_the_same(world: World, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    said = said_by_stage(case, case.values(world), tmp_path)
    assert case.words in said
    assert_no_secret(said)


@pytest.mark.parametrize("name", ["log: topic", "log: password", "log: port", "gold: port", "lake: container"])
def test_the_web_says_at_its_start_which_system_does_not_answer(world: World, tmp_path: Path, name: str) -> None:
    """And starts: sign-ins go to the spool."""
    case = CASES[name]
    settings = Settings(data=tmp_path / "data", **{**ONE_BROKER, **case.values(world)})  # type: ignore[arg-type]

    with closing(wiring.open_log(settings)) as log, closing(wiring.open_gold(settings)) as gold:

        def ask(stop: threading.Event) -> None:
            for thread in run_all.ask_all(log, wiring.open_lake(settings), gold, stop):
                thread.join()

        said = at_start(ask)
    assert case.system in said
    assert case.words in said
    assert " again in " in said
    assert_no_secret(said)
