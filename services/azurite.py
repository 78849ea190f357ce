"""Azurite, Azure's own storage emulator (MIT), pinned by azurite/package-lock.json. For development and tests."""

from __future__ import annotations

import fcntl
import shutil
from dataclasses import dataclass
from pathlib import Path

from services.child import CACHE, ROOT, Child, NotStarted, answers, free_port, run

_PINS = ROOT / "azurite"
_FILES = ("package.json", "package-lock.json", ".npmrc")
ACCOUNT = "devstoreaccount1"
# Printed in its documentation: it opens nothing but emulators.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


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
    """Install it where needed; its main file."""
    return install_npm("azurite", _PINS) / "azurite/dist/src/blob/main.js"


def install_npm(name: str, pins: Path) -> Path:
    """Install what a package-lock.json names, once; the folder of its packages. Two at a time wait for each other."""
    home = CACHE / name
    home.mkdir(parents=True, exist_ok=True)
    packages, stamp = home / "node_modules", home / "installed"
    wanted = (pins / "package-lock.json").read_bytes()
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (packages / name).exists() and stamp.exists() and stamp.read_bytes() == wanted:
            return packages
        if lacking := missing():
            raise NotStarted(f"{name} needs {lacking}.")
        for file in _FILES:
            shutil.copy(pins / file, home / file)
        run(["npm", "ci", "--ignore-scripts"], f"The installation of {name}", folder=home)
        stamp.write_bytes(wanted)
    return packages


def start(data: Path, *, port: int = 0, tied: bool = True) -> Azurite:
    """Install it where needed, start it on the data folder, wait until it answers."""
    main = install()
    port = port or free_port()
    options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "-l", str(data)]
    command = ["node", str(main), "--blobHost", "127.0.0.1", "--blobPort", str(port), *options]
    child = Child("Azurite", command, data.parent / "azurite.log", tied=tied)
    child.wait_until(lambda: answers(port))
    return Azurite(child, port)
