"""A server of ours as a child process: on a free loopback port, ending with us, stopped by its own process id.

`python child.py PARENT COMMAND...` is the door it starts through: it asks Linux to kill the server when the thread that
started it ends (so a crashed run leaves none behind), then becomes the server.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PORTS = range(15_000, 32_000)
_CLAIMS: list[socket.socket] = []
ROOT = Path(__file__).resolve().parent
CACHE = ROOT / "cache"


class NotStarted(Exception):
    """A server did not come up; the message says why and what to do."""


class Child:
    """A running server. `tied`: it dies with the thread that started it (so start it from a lasting one)."""

    def __init__(self, name: str, command: Sequence[str], log: Path, *, tied: bool = True) -> None:
        """Start it; its output goes to the file `log`."""
        self.name, self.command, self.log, self._tied = name, list(command), log, tied
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], timeout_s: float = 240.0) -> None:
        """Ask until it answers; NotStarted when it ends instead, or after the time-out."""
        deadline = time.monotonic() + timeout_s
        pause = threading.Event()
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
                raise NotStarted(f"{self.name} does not answer (exit code {self._process.returncode}).\n{tail}")
            pause.wait(0.05)

    def stop(self, timeout_s: float = 15.0) -> None:
        """End it by SIGTERM, and by SIGKILL when it does not listen."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Stop it in its tracks: it keeps its connections and answers nothing. Returns when it has stopped."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def go_on(self) -> None:
        """Let a paused one run again."""
        self._process.send_signal(signal.SIGCONT)

    def start_again(self) -> None:
        """Start it anew with the same command, on the same data."""
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        door = [sys.executable, "-S", "-E", __file__, str(os.getpid())] if self._tied else []
        with self.log.open("ab") as out:
            return subprocess.Popen(  # noqa: S603 - our own command
                [*door, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us: we end it in order
            )


def free_port() -> int:
    """A loopback port that nobody listens on, and that nobody else gets until this process ends.

    Not one of those that the system gives out by itself: a connection of anybody's would have taken it before the
    server is up. What this process was given, others see by a name of its own kind of sockets.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0loginlake port {port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _CLAIMS.append(claim)
        return port
    raise NotStarted("No loopback port is free.")


def answers(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(
    command: Sequence[str], what: str, *, folder: Path | None = None, timeout_s: float | None = None, **environment: str
) -> str:
    """Run an installer or a client to its end; its standard output. NotStarted with its last lines when it fails."""
    done = subprocess.run(  # noqa: S603 - our own command
        list(command),
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise NotStarted(f"{what} failed (exit code {done.returncode}).\n{tail}")
    return done.stdout


def _become(parent: int, command: list[str]) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - our own command


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
