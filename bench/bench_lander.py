"""Land from Apache Kafka to Azurite beside its peers: the same topic, each a process of its own on one core.

    python bench/bench_lander.py [EVENTS] [TIMES]      default: 200000 3

The peers are quixstreams' Azure file sink with its own defaults, and Benthos 4.27.0 (gzip level 1, as ours): once with
bare values, once with lines that say where they are from, as those of bronze do. Prints CPU-seconds (threads
included, servers not), wall seconds and peak memory, the median of TIMES, one after the other; each must have stored
every record.
"""

from __future__ import annotations

import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from azure.storage.blob import BlobServiceClient, ContainerClient  # noqa: E402

from bench.bench_land import signin  # noqa: E402
from bench.path import LOGINLAKE, Cost  # noqa: E402
from bench.peers.install import HERE, go_program, python_of  # noqa: E402
from loginlake.event import HEADERS  # noqa: E402
from loginlake.stream.kafka import KafkaLog  # noqa: E402
from loginlake.stream.kafka_admin import KafkaAdmin  # noqa: E402
from loginlake.stream.topic import Topic, ensure_topic  # noqa: E402
from services import azurite, kafka  # noqa: E402

PARTITIONS, CORE = 4, 0
QUIX_SHARE = 4  # quixstreams is slow: it gets the first quarter
TOPIC = "signins"
Start = Callable[[str], tuple[list[str], dict[str, str]]]


def main() -> None:
    events, times = (int(text) for text in (*sys.argv[1:], *("200000", "3")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        broker, store = kafka.start(Path(folder) / "kafka" / "data"), azurite.start(Path(folder) / "azurite" / "data")
        try:
            fill(broker.bootstrap, events)
            race(Path(folder), broker.bootstrap, store.port, events, times)
        finally:
            broker.stop()
            store.child.stop()


def race(folder: Path, bootstrap: str, port: int, events: int, times: int) -> None:
    endpoint = f"http://127.0.0.1:{port}/{azurite.ACCOUNT}"
    connection = (
        f"DefaultEndpointsProtocol=http;AccountName={azurite.ACCOUNT};AccountKey={azurite.KEY};BlobEndpoint={endpoint}"
    )
    quix, benthos = python_of("quix"), go_program("benthos")

    def ours(container: str) -> tuple[list[str], dict[str, str]]:
        where = {
            "DATA": str(folder / container),
            "LOG_URL": f"kafka://{bootstrap}/{TOPIC}",
            "LAKE_URL": f"{endpoint}/{container}",
            "LOG_LEVEL": "error",
        }
        return [str(LOGINLAKE), "land", "--once"], {f"LOGINLAKE_{name}": value for name, value in where.items()}

    def by_quix(container: str) -> tuple[list[str], dict[str, str]]:
        script = str(HERE / "quix_azure.py")
        return [str(quix), script, bootstrap, TOPIC, connection, container, str(events // QUIX_SHARE)], {}

    def by_benthos(container: str, config: str = "land.yaml") -> tuple[list[str], dict[str, str]]:
        told = {"BOOTSTRAP": bootstrap, "TOPIC": TOPIC, "CONNECTION": connection, "CONTAINER": container}
        return [str(benthos), "-c", str(HERE / "benthos" / config)], told | {"GOMAXPROCS": "1"}

    starts: dict[str, Start] = {
        "loginlake": ours,
        "benthos": by_benthos,
        "benthos-lines": partial(by_benthos, config="lines.yaml"),
        "quixstreams": by_quix,
    }
    costs: dict[str, list[Cost]] = {name: [] for name in starts}
    for number in range(times):
        forget(bootstrap)
        for name, start in starts.items():
            container = BlobServiceClient.from_connection_string(connection).create_container(f"{name}{number}")
            command, told = start(f"{name}{number}")
            costs[name].append(measure(command, told, container, counted(name, events)))
    show(events, costs)


def measure(command: list[str], told: Mapping[str, str], container: ContainerClient, events: int) -> Cost:
    """Run on one core until every record is stored (Benthos does not end by itself), and what it cost."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("LOGINLAKE_")} | dict(told)
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {CORE}),  # noqa: PLW1509 - no threads here yet that hold locks
    )
    if "benthos" in command[0]:
        wait_for(container, events)
        wall_s = time.perf_counter() - began
        process.terminate()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = wall_s if "benthos" in command[0] else time.perf_counter() - began
    if stored(container) < events:
        raise SystemExit(f"{Path(command[0]).name} ({status}) stored {stored(container)} of {events} records")
    return Cost(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / 1024)


def wait_for(container: ContainerClient, events: int) -> None:
    pause, until, seen = threading.Event(), time.monotonic() + 600, -1
    while time.monotonic() < until:
        count = sum(1 for _ in container.list_blob_names())
        if count and count == seen and stored(container) >= events:
            return
        seen = count
        pause.wait(0.5)
    raise SystemExit(f"not every record was stored in 600 s: {stored(container)}")


def stored(container: ContainerClient) -> int:
    """The lines in the objects of data. An object a message would be a peer that is set up wrongly."""
    names = [name for name in container.list_blob_names() if name.endswith(".jsonl.gz")]
    if len(names) > 2_000:
        raise SystemExit(f"{len(names)} objects: that is no batching")
    return sum(len(gzip.decompress(container.download_blob(name).readall()).splitlines()) for name in names)


def fill(bootstrap: str, events: int) -> None:
    ensure_topic(KafkaAdmin(bootstrap), Topic(TOPIC, PARTITIONS, 1, 1))
    log = KafkaLog(bootstrap, TOPIC)
    for number in range(events):
        log.send(b"google|%d" % (number % 9973), signin(number), HEADERS)
        if number % 20_000 == 0:
            log.flush(60)
    log.flush(60)
    log.close()


def forget(bootstrap: str) -> None:
    """Let every group begin anew."""
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": bootstrap})
    groups = [group.group_id for group in admin.list_consumer_groups().result().valid]
    for done in (admin.delete_consumer_groups(groups) if groups else {}).values():
        done.result(30)


def show(events: int, costs: Mapping[str, list[Cost]]) -> None:
    middle = {
        name: Cost(*(statistics.median(part) for part in zip(*seen, strict=True))) for name, seen in costs.items()
    }
    for name, cost in middle.items():
        rate = counted(name, events) / cost.cpu_s
        print(f"{name:<13} {rate:>9,.0f} events/CPU-s {cost.cpu_s:>7.2f} s CPU", end="")
        print(f"{cost.wall_s:>7.1f} s {cost.peak_mb:>5.0f} MB")
    us = middle["loginlake"]
    for name, wanted in (("quixstreams", 5.0), ("benthos", 1.5), ("benthos-lines", 1.5)):
        ratio = events / us.cpu_s * middle[name].cpu_s / counted(name, events)
        memory = us.peak_mb / middle[name].peak_mb
        print(f"loginlake / {name}: {ratio:.1f} times the events a CPU-second (wanted {wanted})", end="")
        print(f", {memory:.2f} of its memory")


def counted(name: str, events: int) -> int:
    return events // QUIX_SHARE if name == "quixstreams" else events


if __name__ == "__main__":
    main()
