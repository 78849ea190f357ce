"""Apache Kafka, from Maven at pinned versions with checksums, on loopback. For development and tests.

`kraft` is Kafka 4.3 on its own; `zookeeper` is Kafka 3.9 registered in Apache ZooKeeper. As a program:
`python -m services.kafka start [kraft|zookeeper]` leaves it running on port 9092 with its data in services/data, and
`python -m services.kafka stop` ends it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal, TypedDict, get_args

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from services.child import CACHE, ROOT, Child, NotStarted, answers, free_port, run

Kind = Literal["kraft", "zookeeper"]
PORT = 9092
_PINS = ROOT / "kafka"
_DATA = ROOT / "data" / "kafka"
_JAVA = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


class _Running(TypedDict):
    """What `start` leaves for `stop`; the processes in the order in which they are ended."""

    kind: Kind
    bootstrap: str
    pids: list[int]


@dataclass(frozen=True)
class Kafka:
    """A running broker. `zookeeper` is there for the kind of that name."""

    child: Child
    port: int
    zookeeper: Child | None = None

    @property
    def bootstrap(self) -> str:
        """Its address; a log's URL is kafka://ADDRESS/TOPIC."""
        return f"127.0.0.1:{self.port}"

    @property
    def children(self) -> list[Child]:
        """Its processes, in the order in which they are ended."""
        return [self.child, *([self.zookeeper] if self.zookeeper else [])]

    def stop(self) -> None:
        """End the broker in order, then ZooKeeper."""
        for child in self.children:
            child.stop()

    def kill_and_restart(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """End the broker as a power cut would, and start it again on its data; returns when it answers."""
        self.child.kill()
        meanwhile()
        self.child.start_again()
        self.child.wait_until(lambda: ready(self.port))


def missing() -> str:
    """What this machine lacks to install and run it; empty when nothing."""
    lacking = [name for name in ("java", "mvn") if shutil.which(name) is None]
    return f"{' and '.join(lacking)} (sudo apt install openjdk-17-jre-headless maven)" if lacking else ""


def install(kind: Kind = "kraft") -> Path:
    """Install the broker's jars; their folder."""
    return install_jars(CACHE / f"kafka-{kind}", _PINS / kind)


def install_jars(home: Path, pins: Path) -> Path:
    """Install the jars that a pom names, once, and check their sums; their folder. A second caller waits."""
    home.mkdir(parents=True, exist_ok=True)
    jars, stamp = home / "jars", home / "installed"
    wanted = (pins / "sha256.txt").read_text()
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return jars
        if lacking := missing():
            raise NotStarted(f"Apache Kafka needs {lacking}.")
        shutil.rmtree(jars, ignore_errors=True)
        goal = ("dependency:copy-dependencies", f"-DoutputDirectory={jars}", "-DincludeScope=runtime")
        run(["mvn", "-B", "-ntp", "-q", "-C", *goal], "The download of Apache Kafka", folder=pins)
        if sums(jars) != wanted:
            shutil.rmtree(jars)
            raise NotStarted(
                f"The jars of Apache Kafka are not those of {pins / 'sha256.txt'}; nothing is kept of them."
            )
        stamp.write_text(wanted)
    return jars


def sums(jars: Path) -> str:
    """The SHA-256 of every jar of a folder, as `sha256sum` prints them."""
    found = sorted(jars.iterdir(), key=lambda path: path.name)
    return "".join(f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in found)


def start(
    data: Path,
    *,
    kind: Kind = "kraft",
    port: int = 0,
    tied: bool = True,
    properties: Mapping[str, str] | None = None,
    scram: Sequence[str] = (),
) -> Kafka:
    """Install it where needed, start it on the data folder, wait until it answers.

    `properties` replace those of the template (`${port}` and the like are filled in); `scram` are users to make with a
    new KRaft folder, as its own tool spells them: SCRAM-SHA-256=[name=NAME,password=PASSWORD].
    """
    ports = (port or free_port(), free_port())
    server = _launch(data, kind, ports, properties or {}, scram, tied=tied)
    try:
        server.child.wait_until(lambda: ready(server.port))
    except NotStarted:
        if server.zookeeper is not None:
            server.zookeeper.stop()
        raise
    return server


def start_cluster(folder: Path, properties: Mapping[str, str], nodes: int = 3) -> list[Kafka]:
    """Start KRaft brokers that are one cluster, each a controller too; wait until all answer."""
    ports = [(free_port(), free_port()) for _ in range(nodes)]
    voters = ",".join(f"{number}@127.0.0.1:{controller}" for number, (_, controller) in enumerate(ports, 1))
    common = {**properties, "controller.quorum.voters": voters, "offsets.topic.replication.factor": str(nodes)}
    servers = [
        _launch(folder / f"node{number}" / "data", "kraft", pair, {**common, "node.id": str(number)}, (), tied=True)
        for number, pair in enumerate(ports, 1)
    ]
    for server in servers:
        server.child.wait_until(lambda port=server.port: ready(port))  # type: ignore[misc]
    return servers


def _launch(
    data: Path,
    kind: Kind,
    ports: tuple[int, int],
    properties: Mapping[str, str],
    scram: Sequence[str],
    *,
    tied: bool,
) -> Kafka:
    """Begin to start it: its own port and its controller's, or ZooKeeper's, are free."""
    jars = install(kind)
    data.mkdir(parents=True, exist_ok=True)
    values = {"port": str(ports[0]), "controller": str(ports[1]), "data": str(data)}
    java = [*_JAVA, "-cp", f"{jars}/*", *_logging(kind)]
    zookeeper = None
    if kind == "zookeeper":
        zookeeper = _start_zookeeper(java, data, values, tied=tied)
    settings = _fill(kind, "server.properties", data, values, properties)
    if kind == "kraft":
        _format(java, settings, scram)
    child = Child("Apache Kafka", [*java, "kafka.Kafka", str(settings)], data.parent / "kafka.log", tied=tied)
    return Kafka(child, ports[0], zookeeper)


def ready(port: int) -> bool:
    """Whether a broker answers there and knows its controller: before that no topic can be looked up or made."""
    if not answers(port):
        return False
    client = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
    try:
        return bool(client.list_topics(timeout=10.0).controller_id >= 0)
    except KafkaException:
        return False


def _start_zookeeper(java: Sequence[str], data: Path, values: Mapping[str, str], *, tied: bool) -> Child:
    settings = _fill("zookeeper", "zoo.cfg", data, values, {})
    command = [*java, "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(settings)]
    child = Child("Apache ZooKeeper", command, data.parent / "zookeeper.log", tied=tied)
    child.wait_until(lambda: answers(int(values["controller"])))
    return child


def _format(java: Sequence[str], settings: Path, scram: Sequence[str]) -> None:
    """Prepare a new data folder; a prepared one stays as it is."""
    users = [part for user in scram for part in ("--add-scram", user)]
    tool = [*java, "kafka.tools.StorageTool", "format", "-t", "bG9naW5sYWtlLWthZmthMQ", "-c", str(settings)]
    run([*tool, "--ignore-formatted", *users], "The preparation of Apache Kafka's data folder")


def _fill(kind: Kind, name: str, data: Path, values: Mapping[str, str], more: Mapping[str, str]) -> Path:
    text = (_PINS / kind / name).read_text() + "".join(f"{key}={value}\n" for key, value in more.items())
    filled = data / name
    filled.write_text(Template(text).substitute(values))
    return filled


def _logging(kind: Kind) -> list[str]:
    if kind == "kraft":
        return [f"-Dlog4j2.configurationFile={_PINS / kind / 'log4j2.properties'}"]
    return [f"-Dlog4j.configuration=file:{_PINS / kind / 'log4j.properties'}"]


def _main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.kafka", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", choices=["install", "start", "stop"])
    parser.add_argument("kind", nargs="?", choices=get_args(Kind), default="kraft")
    parser.add_argument("--port", type=int, default=PORT)
    chosen = parser.parse_args(arguments)
    try:
        if chosen.action == "install":
            sys.stdout.write(f"{install(chosen.kind)}\n")
        elif chosen.action == "start":
            sys.stdout.write(f"{start_lasting(chosen.kind, chosen.port)}\n")
        else:
            stop_lasting()
    except NotStarted as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def start_lasting(kind: Kind = "kraft", port: int = PORT) -> str:
    """Start it so that it outlives us, unless it runs; its address."""
    if running := _running():
        if running["kind"] != kind:
            raise NotStarted(f"Apache Kafka runs already, as {running['kind']}. Stop it first.")
        return running["bootstrap"]
    if answers(port):
        raise NotStarted(f"Port {port} is taken by another program. Stop it, or choose another port.")
    server = start(_DATA / kind / "data", kind=kind, port=port, tied=False)
    state = _Running(kind=kind, bootstrap=server.bootstrap, pids=[child.pid for child in server.children])
    _state().write_text(json.dumps(state))
    return server.bootstrap


def stop_lasting(timeout_s: float = 20.0) -> None:
    """End what `start_lasting` started, in order; nothing happens when it does not run."""
    running = _running()
    for pid in running["pids"] if running else []:
        _end(pid, timeout_s)
    _state().unlink(missing_ok=True)


def _end(pid: int, timeout_s: float) -> None:
    """End a process that is no child of ours: by SIGTERM, and by SIGKILL when it does not listen."""
    deadline = time.monotonic() + timeout_s
    if not _is_ours(pid):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while _is_ours(pid):
            time.sleep(0.05)
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)


def _state() -> Path:
    return _DATA / "running.json"


def _running() -> _Running | None:
    """What the last start left, if any of it still runs."""
    if not _state().exists():
        return None
    state: _Running = json.loads(_state().read_text())
    return state if any(map(_is_ours, state["pids"])) else None


def _is_ours(pid: int) -> bool:
    """Whether the process is (still) a server on our data folder: process ids are used again."""
    try:
        return str(_DATA).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
