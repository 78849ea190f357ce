"""A real `loginlake run` on a free port, started and stopped like a person does it: the command, then Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgspec

from services.child import free_port

COMMAND = Path(sys.executable).with_name("loginlake")
START_S = 240.0
STOP_S = 60.0
SETTLE_S = 180.0
_PAUSE_S = 0.1


class Lake:
    """A data folder, its settings, and the verbs of the command on it."""

    def __init__(self, data: Path, **settings: str) -> None:
        """`settings` are LOGINLAKE_ variables in lower case, without the prefix. Nothing starts yet."""
        self.port = free_port()
        self.data, self.origin = data, f"http://localhost:{self.port}"
        data.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LOGINLAKE_")}
        given = {"data": str(data), "port": str(self.port), **settings}
        self.environment = kept | {f"LOGINLAKE_{name.upper()}": value for name, value in given.items()}

    def command(self, *words: str, stdin: bytes = b"") -> bytes:
        """What a verb prints. Raises CalledProcessError when it fails."""
        done = subprocess.run(
            [COMMAND, *words], env=self.environment, cwd=self.data, input=stdin, stdout=subprocess.PIPE, check=True
        )
        return done.stdout

    def status(self) -> dict[str, Any]:
        """The account."""
        return msgspec.json.decode(self.command("status", "--json"), type=dict[str, Any])

    def send(self, events: Sequence[object]) -> None:
        """Events of another application, through `loginlake send -`."""
        self.command("send", "-", stdin=b"".join(msgspec.json.encode(event) + b"\n" for event in events))

    def settle(self) -> dict[str, Any]:
        """Wait until everything that the log has is in gold; the account then."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            account = self.status()
            if account["gold"] and not account["waiting"] + account["to_clean"] + account["to_publish"]:
                return account
            time.sleep(_PAUSE_S)
        raise TimeoutError(f"not everything reached gold within {SETTLE_S:.0f} s: {account}")

    def answer(self, path: str) -> int:
        """The status of a GET without cookies; 0 when nobody listens."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Host": f"localhost:{self.port}"})
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    @contextmanager
    def running(self, until: str = "/ready") -> Iterator[subprocess.Popen[bytes]]:
        """`loginlake run` from the moment when `until` answers 200; Ctrl-C at the end, which must end it cleanly."""
        output = self.data / "run.log"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                [COMMAND, "run"], env=self.environment, cwd=self.data, stdout=sink, stderr=subprocess.STDOUT
            )
        try:
            deadline = time.monotonic() + START_S
            while self.answer(until) != 200:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise TimeoutError(f"loginlake run is not there:\n{output.read_text()}")
                time.sleep(_PAUSE_S)
            yield process
            assert process.poll() is None, f"loginlake run ended by itself:\n{output.read_text()}"
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
        assert process.returncode == 0, f"Ctrl-C ended with {process.returncode}:\n{output.read_text()}"
