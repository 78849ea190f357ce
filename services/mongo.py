"""A MongoDB wire server for development and tests: SecantusDB (GPL-2.0), in a virtual environment of its own.

It is only ever a child process: nothing of it is imported, and nothing of it is shipped.
"""

from __future__ import annotations

import fcntl
import sys
from dataclasses import dataclass
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from services.child import CACHE, ROOT, Child, answers, free_port, run

_LOCK = ROOT.parent / "lock" / "mongo-server.txt"
_VENV = CACHE / "mongo-venv"


@dataclass(frozen=True)
class MongoServer:
    """A running server."""

    child: Child
    port: int

    @property
    def url(self) -> str:
        """Its URL; a database's is URL/DATABASE."""
        return f"mongodb://127.0.0.1:{self.port}"


def install() -> Path:
    """Install what the lock file names (every hash is checked), once; its program."""
    CACHE.mkdir(parents=True, exist_ok=True)
    program, stamp = _VENV / "bin" / "secantusd-py", _VENV / "installed"
    wanted = _LOCK.read_bytes()
    with (CACHE / "mongo-venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists() and stamp.exists() and stamp.read_bytes() == wanted:
            return program
        run([sys.executable, "-m", "venv", "--without-pip", "--clear", str(_VENV)], "Making a virtual environment")
        uv = Path(sys.executable).with_name("uv")
        installer = [str(uv if uv.exists() else "uv"), "pip", "sync", "-q", "--require-hashes", str(_LOCK)]
        run(
            installer,
            "The installation of the MongoDB wire server",
            UV_SYSTEM_CERTS="true",
            VIRTUAL_ENV=str(_VENV),
            UV_PRERELEASE="allow",
        )
        stamp.write_bytes(wanted)
    return program


def start(data: Path, *, port: int = 0, tied: bool = True, options: tuple[str, ...] = ()) -> MongoServer:
    """Install it where needed, start it on the data folder, wait until it answers. `options` are its own flags."""
    program = install()
    port = port or free_port()
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    where = ["--host", "127.0.0.1", "--port", str(port), "--storage-path", str(data)]
    command = [str(program), *where, "--cache-size", "256M", "--log-level", "WARNING", *options]
    child = Child("The MongoDB wire server", command, data.parent / "mongo.log", tied=tied)
    is_there = answers if "--tls-cert-file" in options else ready
    child.wait_until(lambda: is_there(port))
    return MongoServer(child, port)


def ready(port: int) -> bool:
    """Whether it answers a command: while it recovers it takes connections, and closes them."""
    with MongoClient[dict[str, object]](
        "127.0.0.1", port, serverSelectionTimeoutMS=5000, socketTimeoutMS=5000
    ) as client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
        return True
