"""Real servers for the tests: Azurite and the MongoDB wire server, one of each a run; a container, a database a test.

LOGINLAKE_TEST_LAKE_URL (with LOGINLAKE_AZURE_* for its credentials) and LOGINLAKE_TEST_GOLD_URL point the same tests at
real accounts: then every test works in a prefix, or in a database, of its own there, and removes it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr
from pymongo import MongoClient

from loginlake.gold.mongo import MongoGold
from loginlake.lake.azure import AzureAccount, create_container, place
from loginlake.lake.by_url import open_store
from loginlake.lake.store import ObjectStore
from services import azurite, mongo

MONGO_PASSWORD = "p@ss/w0rd:%"
# The server is a small one, and the machine does much else: a call of a test's may take this long.
PATIENT = "?" + "&".join(f"{name}TimeoutMS=60000" for name in ("serverSelection", "connect", "socket", "waitQueue"))
LAKE_URL, GOLD_URL = "LOGINLAKE_TEST_LAKE_URL", "LOGINLAKE_TEST_GOLD_URL"


@dataclass
class Lakes:
    """Makes lakes on one account. `again` opens another client of a lake, as another process has it."""

    base: str
    account: AzureAccount
    made: list[str] = field(default_factory=list)

    def url(self) -> str:
        """The URL of a new, empty lake."""
        name = f"t{uuid.uuid4().hex}"
        url = f"{self.base}/{name}"
        if self.base.startswith("http://127.0.0.1"):
            create_container(place(url, self.account))
        self.made.append(url)
        return url

    def new(self) -> ObjectStore:
        """A new, empty lake."""
        return self.again(self.url())

    def again(self, url: str) -> ObjectStore:
        """A lake that is there."""
        return open_store(url, self.account)

    def remove(self) -> None:
        """Empty what was made at a real account; Azurite's folder goes as a whole (it deletes slowly)."""
        if self.base.startswith("http://127.0.0.1"):
            return
        for store in map(self.again, self.made):
            for entry in list(store.list("")):
                store.delete(entry.key)


@dataclass
class Golds:
    """Makes databases on one server."""

    base: str
    options: str
    made: list[str] = field(default_factory=list)
    stores: list[MongoGold] = field(default_factory=list)

    def url(self) -> str:
        """The URL of a new, empty database."""
        url = f"{self.base}/t{uuid.uuid4().hex[:20]}{self.options}"
        self.made.append(url)
        return url

    def new(self) -> MongoGold:
        """A new, empty gold store."""
        return self.again(self.url())

    def again(self, url: str) -> MongoGold:
        """Another client of a database."""
        self.stores.append(MongoGold(url))
        return self.stores[-1]

    def remove(self) -> None:
        """Close every client, and drop what was made."""
        for store in self.stores:
            store.close()
        for url in self.made:
            with MongoClient[dict[str, object]](url) as client:
                client.drop_database(client.get_default_database())


def _account() -> AzureAccount:
    told = {name: os.environ.get(f"LOGINLAKE_AZURE_{name}", "") for name in ("ACCOUNT", "ENDPOINT", "KEY", "SAS")}
    return AzureAccount(
        told["ACCOUNT"],
        told["ENDPOINT"],
        SecretStr(told["KEY"]),
        SecretStr(told["SAS"]),
        SecretStr(os.environ.get("LOGINLAKE_AZURE_CONNECTION_STRING", "")),
    )


@pytest.fixture(scope="session")
def azurite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[azurite.Azurite]:
    """The run's Azurite."""
    server = azurite.start(tmp_path_factory.mktemp("azurite") / "data")
    yield server
    server.child.stop()


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mongo.MongoServer]:
    """The run's MongoDB wire server."""
    server = mongo.start(tmp_path_factory.mktemp("mongo") / "data")
    yield server
    server.child.stop()


@pytest.fixture(scope="session")
def guarded_mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mongo.MongoServer]:
    """A server that asks for a password; of its database d, ana may write, bob may read."""
    data = tmp_path_factory.mktemp("guarded") / "data"
    first = mongo.start(data)
    with MongoClient[dict[str, object]](first.url) as client:
        for name, role in (("ana", "readWrite"), ("bob", "read")):
            client["admin"].command("createUser", name, pwd=MONGO_PASSWORD, roles=[{"role": role, "db": "d"}])
    first.child.stop()
    server = mongo.start(data, options=("--auth",))
    yield server
    server.child.stop()


@pytest.fixture
def lakes(request: pytest.FixtureRequest) -> Iterator[Lakes]:
    """Lakes on Azurite, or on the account that the environment names."""
    if real := os.environ.get(LAKE_URL):
        made = Lakes(real.rstrip("/"), _account())
    else:
        made = Lakes(request.getfixturevalue("azurite_server").endpoint, AzureAccount())
    yield made
    made.remove()


@pytest.fixture
def golds(request: pytest.FixtureRequest) -> Iterator[Golds]:
    """Databases on the wire server, or on the one that the environment names (its database's name is left out)."""
    if real := os.environ.get(GOLD_URL):
        address, _, options = real.partition("?")
        scheme, _, rest = address.partition("://")
        made = Golds(f"{scheme}://{rest.split('/')[0]}", f"?{options}" if options else "")
    else:
        made = Golds(request.getfixturevalue("mongo_server").url, PATIENT)
    yield made
    made.remove()
