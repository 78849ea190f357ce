"""Toxiproxy (MIT), a TCP proxy that can be told to fail, pinned by toxiproxy/go.mod and go.sum. For tests only.

It stands between our processes and a real server, so that the network's faults are the network's: a cut connection is a
cut connection, and a lost answer is lost after the server did what it was asked.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from services.child import CACHE, ROOT, Child, NotStarted, answers, free_port, run

Stream = Literal["upstream", "downstream"]
_PINS = ROOT / "toxiproxy"
_HOME = CACHE / "toxiproxy"
_MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server"


@dataclass(frozen=True)
class Toxiproxy:
    """A running server of proxies, and its HTTP interface."""

    child: Child
    port: int

    def proxy(self, name: str, upstream: int, port: int = 0) -> Proxy:
        """A new proxy on a port (0: any free one), in front of another loopback port."""
        listen = f"127.0.0.1:{port}"
        made = self.ask("/proxies", {"name": name, "listen": listen, "upstream": f"127.0.0.1:{upstream}"})
        return Proxy(self, name, int(made["listen"].rpartition(":")[2]))

    def ask(self, path: str, body: object = None, method: str = "") -> Any:
        """Its answer, as JSON."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if body is None else json.dumps(body).encode(),
            method=method or ("GET" if body is None else "POST"),
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")


@dataclass(frozen=True)
class Proxy:
    """One proxy; clients connect to `port`."""

    server: Toxiproxy
    name: str
    port: int

    @property
    def url(self) -> str:
        """Where the server of proxies is asked about it."""
        return f"http://127.0.0.1:{self.server.port}/proxies/{self.name}"

    def toxic(self, kind: str, stream: Stream = "downstream", **attributes: int) -> None:
        """Add a fault, for connections that are open too: latency, bandwidth, timeout, limit_data, reset_peer ...

        `upstream` is what the client sends, `downstream` what it gets.
        """
        body = {"type": kind, "stream": stream, "attributes": attributes}
        self.server.ask(f"/proxies/{self.name}/toxics", body)

    def lead_to(self, upstream: int) -> None:
        """Stand in front of another port from now on; open connections are cut."""
        self.server.ask(f"/proxies/{self.name}", {"upstream": f"127.0.0.1:{upstream}"})

    def down(self) -> None:
        """Cut every connection, and take no new one."""
        self.server.ask(f"/proxies/{self.name}", {"enabled": False})

    def heal(self) -> None:
        """Take every fault away."""
        self.server.ask(f"/proxies/{self.name}", {"enabled": True})
        for toxic in self.server.ask(f"/proxies/{self.name}/toxics"):
            self.server.ask(f"/proxies/{self.name}/toxics/{toxic['name']}", method="DELETE")

    def remove(self) -> None:
        """End it."""
        self.server.ask(f"/proxies/{self.name}", method="DELETE")


def missing() -> str:
    """What this machine lacks to build it; empty when nothing."""
    return "" if shutil.which("go") else "go (sudo apt install golang-go, 1.23 or newer)"


def install() -> Path:
    """Build what go.mod pins, once; Go checks every module's hash against go.sum. Two at a time wait for each other."""
    _HOME.mkdir(parents=True, exist_ok=True)
    program, stamp = _HOME / "toxiproxy-server", _HOME / "installed"
    wanted = (_PINS / "go.sum").read_bytes()
    with (_HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists() and stamp.exists() and stamp.read_bytes() == wanted:
            return program
        if lacking := missing():
            raise NotStarted(f"Toxiproxy needs {lacking}.")
        build = ["go", "build", "-mod=readonly", "-trimpath", "-o", str(program), _MODULE]
        run(build, "The build of Toxiproxy", folder=_PINS, CGO_ENABLED="0", GOTOOLCHAIN="local", GOFLAGS="")
        stamp.write_bytes(wanted)
    return program


def start(folder: Path) -> Toxiproxy:
    """Build it where needed, start it without a proxy; its log is in the folder."""
    program = install()
    port = free_port()
    child = Child("Toxiproxy", [str(program), "-host", "127.0.0.1", "-port", str(port)], folder / "toxiproxy.log")
    child.wait_until(lambda: answers(port))
    return Toxiproxy(child, port)
