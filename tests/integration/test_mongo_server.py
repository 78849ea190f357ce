"""MongoGold against a server that refuses, hangs, dies in the middle, or comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fakes.bronze_origins import wait_for
from pymongo import MongoClient
from services_azurite_mongo import MONGO_PASSWORD as PASSWORD
from services_azurite_mongo import PATIENT, Golds

from loginlake.errors import Denied, LoginlakeError, Misconfigured, Unavailable
from loginlake.gold.mongo import MongoGold
from loginlake.gold.store import Document, Index
from services import child, mongo

pytestmark = pytest.mark.services
Opener = Callable[[str], MongoGold]
# The same waits, shorter: the bounds of the defaults are a unit test's.
HURRY = "serverSelectionTimeoutMS=1500&connectTimeoutMS=1000&socketTimeoutMS=1500"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[mongo.MongoServer]:
    """A server of the test's own, to be broken."""
    made = mongo.start(tmp_path / "mongo")
    yield made
    made.child.kill()  # after a handshake that failed it does not hear a SIGTERM


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens gold stores, and closes them whatever comes."""
    stores: list[MongoGold] = []

    def opener(url: str) -> MongoGold:
        stores.append(MongoGold(url))
        return stores[-1]

    yield opener
    for store in stores:
        store.close()


def failure(gold: MongoGold) -> LoginlakeError:
    """What a first call raises."""
    with pytest.raises(LoginlakeError) as caught:
        gold.read("users", ["x"])
    return caught.value


def test_roles_hold_and_a_wrong_password_does_not_get_in(guarded_mongo: mongo.MongoServer, opened: Opener) -> None:
    where = f"127.0.0.1:{guarded_mongo.port}/d"
    gold = opened(f"mongodb://ana:{quote(PASSWORD, safe='')}@{where}?authSource=admin")
    gold.replace("users", [{"_id": "x"}])
    assert gold.count("users") == 1
    reader = opened(f"mongodb://bob:{quote(PASSWORD, safe='')}@{where}?authSource=admin")
    assert reader.count("users") == 1
    with pytest.raises(Denied, match="role"):
        reader.replace("users", [{"_id": "y"}])
    for url in (f"mongodb://ana:{quote(PASSWORD + 'x', safe='')}@{where}?authSource=admin", f"mongodb://{where}"):
        error = failure(opened(url))
        assert isinstance(error, Denied)
        assert PASSWORD not in str(error)
        assert error.next_move


@pytest.mark.parametrize(
    ("options", "family"), [("", Unavailable), ("&tls=true", LoginlakeError)], ids=["nothing listens", "tls"]
)
def test_a_wrong_address_is_named(
    server: mongo.MongoServer, opened: Opener, options: str, family: type[Exception]
) -> None:
    port = server.port if options else child.free_port()
    error = failure(opened(f"mongodb://ana:secret@127.0.0.1:{port}/d?{HURRY}{options}"))
    assert isinstance(error, family)
    assert "secret" not in str(error)


def test_a_hung_server_is_named_and_comes_back(server: mongo.MongoServer, opened: Opener) -> None:
    opened(f"{server.url}/d{PATIENT}").replace("users", [{"_id": "x"}])
    gold = opened(f"{server.url}/d?{HURRY}")
    wait_for(lambda: read(gold) is not None)
    server.child.pause()
    with pytest.raises(Unavailable):
        gold.read("users", ["x"])
    server.child.go_on()
    wait_for(lambda: read(gold) is not None)
    assert read(gold) == {"x": {"_id": "x"}}


def read(gold: MongoGold) -> dict[str, Document] | None:
    """What it has; None when it does not answer in time, as a machine that does much else may not."""
    try:
        return gold.read("users", ["x"])
    except Unavailable:
        return None


def test_tls_needs_the_authority_that_signed(tmp_path: Path, opened: Opener) -> None:
    certificate, key = tmp_path / "server.pem", tmp_path / "key.pem"
    self_signed(certificate, key)
    options = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    server = mongo.start(tmp_path / "mongo", options=options)
    try:
        url = f"{server.url}/d?{HURRY}"
        gold = opened(f"{server.url}/d{PATIENT}&tls=true&tlsCAFile={certificate}")
        gold.replace("users", [{"_id": "x"}])
        assert gold.count("users") == 1
        gold.close()  # while the server is there: it is told
        error = failure(opened(f"{url}&tls=true"))
        assert isinstance(error, Misconfigured)
        assert "certificate" in str(error)
        assert isinstance(failure(opened(url)), Unavailable)
    finally:
        server.child.stop()


def self_signed(certificate: Path, key: Path) -> None:
    """A certificate of 127.0.0.1 that is its own authority, for a day."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    usage = dict.fromkeys(("content_commitment", "data_encipherment", "encipher_only", "decipher_only"), False)
    usage |= dict.fromkeys(("digital_signature", "key_cert_sign", "crl_sign", "key_agreement"), True)
    key_identifier = x509.SubjectKeyIdentifier.from_public_key(private.public_key())
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(key_encipherment=False, **usage), critical=True)
        .add_extension(key_identifier, critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_killed_in_the_middle_of_a_batch_the_same_again_makes_it_whole(
    server: mongo.MongoServer, opened: Opener
) -> None:
    gold = opened(f"{server.url}/d?connectTimeoutMS=60000&socketTimeoutMS=60000")
    gold.prepare([Index("users", ("generation",))])
    documents = [{"_id": f"p{n}", "generation": 1, "text": "x" * 200} for n in range(3_000)]

    def told() -> Iterator[dict[str, object]]:
        for number, document in enumerate(documents):
            if number == 1_600:
                server.child.kill()
            yield document

    with pytest.raises(Unavailable):
        gold.replace_newer("users", told())
    server.child.start_again()
    server.child.wait_until(lambda: mongo.ready(server.port))
    gold.replace_newer("users", documents)
    assert gold.count("users") == 3_000
    assert gold.compare_and_set("pointer", {"_id": "current", "version": 1}, None)


def test_pages_come_from_one_range_of_a_named_index(golds: Golds) -> None:
    url = golds.url()
    gold, index = golds.again(url), Index("rows", ("generation",))
    gold.prepare([index])
    gold.replace("rows", [{"_id": f"{n}", "generation": n % 3} for n in range(30)])
    assert len(gold.page(index, prefix=(1,), after=(1, "10"), limit=5)) == 5
    with MongoClient[dict[str, object]](url) as client:
        rows = client.get_default_database()["rows"]
        key: object = rows.index_information()["by_generation"]["key"]
        assert key == [("generation", 1), ("_id", 1)]
        query = {"generation": 1, "_id": {"$gt": "10"}}
        plan = dict(rows.find(query).sort([("generation", 1), ("_id", 1)]).explain())["queryPlanner"]
    assert "COLLSCAN" not in str(plan)
    assert "by_generation" in str(plan)


def test_an_index_made_by_hand_under_our_name_is_told(golds: Golds) -> None:
    url = golds.url()
    with MongoClient[dict[str, object]](url) as client:
        client.get_default_database()["rows"].create_index([("other", 1)], name="by_generation")
    with pytest.raises(Misconfigured, match="by_"):
        golds.again(url).prepare([Index("rows", ("generation",))])


def test_the_server_tells_its_time(golds: Golds) -> None:
    told = golds.new().server_time()
    assert told is not None
    assert abs(told.timestamp() - time.time()) < 60


def test_after_close_a_call_is_refused(golds: Golds) -> None:
    gold = golds.new()
    gold.close()
    with pytest.raises(Unavailable, match="closed"):
        gold.count("users")
