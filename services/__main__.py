"""The real servers on this machine, for development: `python -m services start | stop | env`.

start leaves Apache Kafka, Azurite (Azure Blob) and a MongoDB wire server running on loopback, with their data in
services/data; env prints the settings that point at them; stop ends them in order.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from services import azurite, kafka, mongo, toxiproxy
from services.child import ROOT, NotStarted, answers

DATA = ROOT / "data"
STATE = DATA / "running.json"
AZURITE_PORT, MONGO_PORT = 10000, 27027
TOPIC, CONTAINER, DATABASE = "signins", "lake", "loginlake"


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; one clear line when it can't be done."""
    parser = argparse.ArgumentParser(prog="python -m services", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", choices=["start", "stop", "env"])
    parser.add_argument("--kafka", choices=get_args(kafka.Kind), default="kraft", help="zookeeper: Kafka 3.9")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.action == "start":
            start(chosen.kafka)
        elif chosen.action == "stop":
            stop()
        else:
            sys.stdout.write("".join(f"{name}={value}\n" for name, value in environment().items()))
    except NotStarted as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def environment() -> dict[str, str]:
    """The settings that point at these servers: three URLs, and a topic of a single broker."""
    return {
        "LOGINLAKE_LOG_URL": f"kafka://127.0.0.1:{kafka.PORT}/{TOPIC}",
        "LOGINLAKE_LAKE_URL": f"http://127.0.0.1:{AZURITE_PORT}/{azurite.ACCOUNT}/{CONTAINER}",
        "LOGINLAKE_GOLD_URL": f"mongodb://127.0.0.1:{MONGO_PORT}/{DATABASE}",
        "LOGINLAKE_TOPIC_PARTITIONS": "4",
        "LOGINLAKE_TOPIC_REPLICATION": "1",
        "LOGINLAKE_TOPIC_MIN_INSYNC": "1",
        "LOGINLAKE_LAND_MAX_AGE_S": "1",
    }


def start(kind: kafka.Kind) -> None:
    """Start what does not run yet; each is said as soon as it answers."""
    lacking = "; ".join(filter(None, (kafka.missing(), azurite.missing())))
    if lacking:
        raise NotStarted(f"The real servers need {lacking}.")
    began = time.monotonic()
    DATA.mkdir(parents=True, exist_ok=True)
    say(f"Apache Kafka ({kind}) answers at {kafka.start_lasting(kind)}")
    one("azurite", AZURITE_PORT, lambda data: azurite.start(data, port=AZURITE_PORT, tied=False).child.pid)
    say(f"Azurite (Azure Blob) answers at http://127.0.0.1:{AZURITE_PORT}/{azurite.ACCOUNT}")
    one("mongo", MONGO_PORT, lambda data: mongo.start(data, port=MONGO_PORT, tied=False).child.pid)
    say(f"The MongoDB wire server answers at mongodb://127.0.0.1:{MONGO_PORT}")
    say(_build_fault_proxy())
    say(f"All answer after {time.monotonic() - began:.0f} s. Use them: make run ON=services")
    say("End them: make services-stop. Kafka, Azure Storage Explorer and mongosh may look at them too.")


def _build_fault_proxy() -> str:
    """Toxiproxy stands between the tests and these servers; whoever only runs the product needs none."""
    if lacking := toxiproxy.missing():
        return f"Toxiproxy, the fault proxy of the tests, is not built: it needs {lacking}"
    return f"Toxiproxy, the fault proxy of the tests, is {toxiproxy.install()}"


def one(name: str, port: int, begin: Callable[[Path], int]) -> None:
    """Start a server, unless the one of an earlier start still runs."""
    pids = running()
    if is_ours(name, pids.get(name, 0)):
        return
    if answers(port):
        raise NotStarted(f"Port {port} is taken by another program. Stop it first.")
    pids[name] = begin(DATA / name)
    STATE.write_text(json.dumps(pids))


def stop() -> None:
    """End every server that `start` left, each within 20 s."""
    for name, pid in running().items():
        pause = threading.Event()
        deadline = time.monotonic() + 20
        while is_ours(name, pid):
            os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
            pause.wait(0.2)
        say(f"{name} has stopped")
    STATE.unlink(missing_ok=True)
    kafka.stop_lasting()
    say("Kafka has stopped")


def running() -> dict[str, int]:
    """The process id of each server of the last start."""
    return json.loads(STATE.read_text()) if STATE.exists() else {}


def is_ours(name: str, pid: int) -> bool:
    """Whether the process still is that server, on our data folder: process ids are used again."""
    try:
        return str(DATA / name).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def say(line: str) -> None:
    """Tell who waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
