"""Azurite, Azure's own storage emulator (MIT), pinned by azurite/package-lock.json. For development and tests."""

from __future__ import annotations

import fcntl
import shutil
from dataclasses import dataclass
from pathlib import Path

from services.child import CACHE, ROOT, Child, NotStarted, answers, free_port, run

_PINS = ROOT / "azurite"
_HOME = CACHE / "azurite"
_FILES = ("package.json", "package-lock.json", ".npmrc")
ACCOUNT = "devstoreaccount1"


@dataclass(frozen=True)
class Azurite:
    """A running Azurite. Not crash-durable: end it with `child.stop()`, not with a kill."""

    child: Child
    port: int

    @property
    def endpoint(self) -> str:
        """The URL of its one account; a lake is ENDPOINT/CONTAINER/PREFIX."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"


def missing() -> str:
    """What this machine lacks to install and run it; empty when nothing."""
    lacking = [name for name in ("node", "npm") if shutil.which(name) is None]
    return f"{' and '.join(lacking)} (sudo apt install nodejs npm)" if lacking else ""


def install() -> Path:
    """Install what the lock file names, once; its main file. Two at a time wait for each other."""
    _HOME.mkdir(parents=True, exist_ok=True)
    main = _HOME / "node_modules/azurite/dist/src/blob/main.js"
    stamp = _HOME / "installed"
    wanted = (_PINS / "package-lock.json").read_bytes()
    with (_HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if main.exists() and stamp.exists() and stamp.read_bytes() == wanted:
            return main
        if lacking := missing():
            raise NotStarted(f"Azurite needs {lacking}.")
        for name in _FILES:
            shutil.copy(_PINS / name, _HOME / name)
        run(["npm", "ci", "--ignore-scripts"], "The installation of Azurite", folder=_HOME)
        stamp.write_bytes(wanted)
    return main


def start(data: Path, *, port: int = 0, tied: bool = True) -> Azurite:
    """Install it where needed, start it on the data folder, wait until it answers."""
    main = install()
    port = port or free_port()
    options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "-l", str(data)]
    command = ["node", str(main), "--blobHost", "127.0.0.1", "--blobPort", str(port), *options]
    child = Child("Azurite", command, data.parent / "azurite.log", tied=tied)
    child.wait_until(lambda: answers(port))
    return Azurite(child, port)
