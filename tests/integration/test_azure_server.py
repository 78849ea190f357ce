"""A lake on Azurite that refuses, hangs, or is away; containers that are missing; several machines at one name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from pydantic import SecretStr

from loginlake.errors import Conflict, Denied, LoginlakeError, Misconfigured, ObjectExists, ObjectNotFound, Unavailable
from loginlake.lake.azure import AzureAccount, create_container, place, server_time
from loginlake.lake.by_url import open_store
from loginlake.lake.store import ObjectStore
from services import azurite, child

pytestmark = pytest.mark.services
OTHER_KEY = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI="


@pytest.fixture
def url(azurite_server: azurite.Azurite, request: pytest.FixtureRequest) -> str:
    """A new container."""
    where = f"{azurite_server.endpoint}/c{abs(hash(request.node.name))}{time.monotonic_ns()}"
    assert create_container(place(where, AzureAccount()))
    return where


@pytest.fixture
def own(tmp_path: Path) -> Iterator[azurite.Azurite]:
    """An Azurite of the test's own, to be broken."""
    server = azurite.start(tmp_path / "azurite")
    yield server
    server.child.stop()


def sas(url: str, permissions: str = "racwdl", hours: int = 1) -> AzureAccount:
    where = place(url, AzureAccount())
    token = generate_container_sas(
        azurite.ACCOUNT,
        where.container,
        account_key=where.account.key.get_secret_value(),
        permission=ContainerSasPermissions.from_string(permissions),
        expiry=datetime.now(UTC) + timedelta(hours=hours),
    )
    return AzureAccount(sas=SecretStr(token))


CALLS: dict[str, Callable[[ObjectStore], object]] = {
    "get": lambda store: store.get("a/b"),
    "create": lambda store: store.create("a/c", b"1"),
    "replace": lambda store: store.replace("a/b", b"1", '"0x1"'),
    "put": lambda store: store.put("a/b", b"1"),
    "delete": lambda store: store.delete("a/b"),
    "list": lambda store: list(store.list("")),
}


def failures(store: ObjectStore, family: type[LoginlakeError], *calls: str) -> list[LoginlakeError]:
    found = []
    for call in calls or CALLS:
        with pytest.raises(family) as caught:
            CALLS[call](store)
        assert caught.value.why
        assert caught.value.next_move
        assert "sig=" not in str(caught.value)
        found.append(caught.value)
    return found


def test_a_sas_opens_what_it_is_for(url: str) -> None:
    store = open_store(url, sas(url))
    store.create("a/b", b"1")
    assert [entry.key for entry in store.list("a")] == ["a/b"]
    reader = open_store(url, sas(url, "rl"))
    assert reader.get("a/b").data == b"1"
    failures(reader, Denied, "create", "replace", "put", "delete")


def test_an_expired_sas_and_a_wrong_key_are_denied(url: str) -> None:
    failures(open_store(url, sas(url, hours=-1)), Denied)
    failures(open_store(url, AzureAccount(key=SecretStr(OTHER_KEY))), Denied)


def test_a_missing_container_is_no_empty_lake(azurite_server: azurite.Azurite) -> None:
    for error in failures(open_store(f"{azurite_server.endpoint}/nothing-here/x", AzureAccount()), Misconfigured):
        assert "container" in str(error)


def test_a_container_is_created_once(azurite_server: azurite.Azurite) -> None:
    where = place(f"{azurite_server.endpoint}/once-only", AzureAccount())
    assert [create_container(where), create_container(where)] == [True, False]
    with pytest.raises(Denied):
        create_container(place(f"{azurite_server.endpoint}/other", AzureAccount(key=SecretStr(OTHER_KEY))))


def test_the_storage_tells_its_time_even_to_a_stranger(url: str) -> None:
    for account in (AzureAccount(), AzureAccount(key=SecretStr(OTHER_KEY))):
        told = server_time(place(url, account))
        assert told is not None
        assert abs(told.timestamp() - time.time()) < 60


def test_two_prefixes_of_a_container_are_two_lakes(url: str) -> None:
    one, two = (open_store(f"{url}/{prefix}", AzureAccount()) for prefix in ("one", "two/deep"))
    one.create("a", b"1")
    two.create("a", b"2")
    assert [entry.key for entry in one.list("")] == ["a"]
    assert [store.get("a").data for store in (one, two)] == [b"1", b"2"]
    assert sorted(entry.key for entry in open_store(url, AzureAccount()).list("")) == ["one/a", "two/deep/a"]


def test_machines_collide_on_a_name_and_on_a_version(url: str) -> None:
    one, two = open_store(url, AzureAccount()), open_store(url, sas(url))
    one.create("a", b"1")
    with pytest.raises(ObjectExists):
        two.create("a", b"2")
    seen = two.get("a").version
    one.replace("a", b"3", seen)
    with pytest.raises(Conflict):
        two.replace("a", b"4", seen)
    (entry,) = two.list("")
    two.replace("a", b"5", entry.version)  # a listed version is as good as a read one
    assert one.get("a").data == b"5"


def test_large_objects_pass(url: str) -> None:
    store, data = open_store(url, AzureAccount()), bytes(range(256)) * 40_000
    store.create("large", data)
    assert store.get("large").data == data


def test_without_a_credential_azure_is_asked_and_says_no() -> None:
    failures(open_store("https://nobody1.blob.core.windows.net/lake", AzureAccount()), Denied, "get", "put")


def test_what_does_not_answer_is_named_in_time(url: str) -> None:
    away = place(url, AzureAccount())
    port = child.free_port()
    failures(open_store(f"http://127.0.0.1:{port}/devstoreaccount1/{away.container}", AzureAccount()), Unavailable)
    https = open_store(url.replace("http:", "https:"), AzureAccount())
    failures(https, LoginlakeError, "put", "list")
    unknown = AzureAccount("nobody1", key=SecretStr(OTHER_KEY))
    failures(open_store("az://lake", unknown), Unavailable, "get", "put")


def test_a_hung_storage_is_named_in_time_and_comes_back(own: azurite.Azurite) -> None:
    where = f"{own.endpoint}/lake"
    create_container(place(where, AzureAccount()))
    store = open_store(where, AzureAccount())
    store.create("a/b", b"1")
    own.child.pause()
    failures(store, Unavailable, "create")
    own.child.go_on()
    try:  # our own write may have been done, or not: the caller compares
        store.create("a/c", b"1")
    except ObjectExists:
        assert store.get("a/c").data == b"1"
    own.child.stop(120.0)  # a kill would lose what it has not written yet
    failures(store, Unavailable, "get", "put", "list")
    own.child.start_again()
    own.child.wait_until(lambda: child.answers(own.port))
    assert store.get("a/b").data == b"1"
    with pytest.raises(ObjectNotFound):
        store.get("a/never")
