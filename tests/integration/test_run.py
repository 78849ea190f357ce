"""`loginlake run`, `web` and `dashboard` as processes: they serve, and they stop cleanly at a signal."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from fakes.command_line import SECRET, CommandLine

from services.child import free_port

STOPS_WITHIN_S = 10  # the bound that the issue names; a process that is longer is killed, and the test fails


class Server:
    """A verb that serves, in a process of its own; `lines` are what it has printed so far."""

    def __init__(self, folder: Path, port: int, *words: str, **settings: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.upper().startswith("LOGINLAKE_")}
        env |= {"LOGINLAKE_DATA": str(folder / "data"), "LOGINLAKE_SECRET": SECRET, "LOGINLAKE_PORT": str(port)}
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "loginlake", *words],
            cwd=folder,
            env={**env, "PYTHONUNBUFFERED": "1", **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.errors: list[str] = []
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def first_line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def get(self, path: str) -> tuple[int, str]:
        """The port is listened on before the line is printed, so a request waits for the answer and needs no retry."""
        with closing(http.client.HTTPConnection("localhost", self.port, timeout=60)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def stop(self, number: int) -> tuple[int, str]:
        """The exit code and the rest of standard output."""
        self.process.send_signal(number)
        code = self.process.wait(STOPS_WITHIN_S)
        self._reader.join()
        assert self.process.stdout is not None
        return code, self.process.stdout.read()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def serving(folder: Path, *words: str, **settings: str) -> Iterator[Server]:
    with ExitStack() as stack:
        server = Server(folder, free_port(), *words, **settings)
        stack.callback(server.end)
        yield server


def unexpected(server: Server) -> list[str]:
    """Whatever is logged above INFO, and any trace of a stack."""
    return [line for line in server.errors if re.search(r" (WARNING|ERROR|CRITICAL) |Traceback|Error", line)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_everything_and_stops_at_a_signal(tmp_path: Path, number: int) -> None:
    with serving(tmp_path, "run") as server:
        assert server.first_line().startswith(f"loginlake is at http://localhost:{server.port} ")
        status, body = server.get("/ready")
        assert (status, json.loads(body)["ready"]) == (200, True)
        assert server.get("/health")[0] == 200
        page = server.get("/")
        assert (page[0], 'lang="es"' in page[1]) == (200, True)
        assert server.get("/dashboard/")[0] == 303, "a stranger is sent to the sign-in page"
        code, rest = server.stop(number)
        assert (code, rest) == (0, "stopped; nothing is half-written\n")
        assert unexpected(server) == []
    CommandLine(tmp_path / "data").json("status", "--check")


def test_a_signal_right_after_the_line_is_obeyed(tmp_path: Path) -> None:
    """Before the server runs: uvicorn has not yet put its own handlers up."""
    with serving(tmp_path, "run") as server:
        server.first_line()
        code, rest = server.stop(signal.SIGINT)
        assert (code, rest) == (0, "stopped; nothing is half-written\n")
        assert unexpected(server) == []


def test_run_lands_cleans_and_publishes_what_another_process_sends(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    with serving(tmp_path, "run") as server:
        server.first_line()
        sent = line.json("demo", "--people", "10", "--days", "3", "--until", "2026-11-20")["sent"]
        account = line.json("status")
        while account["gold"] == 0 or account["waiting"] + account["to_clean"] + account["to_publish"] > 0:
            account = line.json("status")  # bounded by the test's own time-out
        assert account["accepted"] == account["landed"] == sent
        assert server.stop(signal.SIGTERM)[0] == 0
        assert unexpected(server) == []
    line.json("status", "--check")


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for words in (["run"], ["web"], ["web", "--workers", "2"], ["dashboard"]):
            result = CommandLine(tmp_path / "data").run(*words, "--port", str(port))
            assert (result.exit_code, result.stdout) == (1, "")
            (said,) = result.stderr.splitlines()
            assert f"Port {port} of 127.0.0.1 can't be listened on" in said
            assert f"PORT={port + 1}" in said


def test_two_runs_on_one_port_the_second_says_so(tmp_path: Path) -> None:
    with serving(tmp_path, "run") as server:
        server.first_line()
        result = CommandLine(tmp_path / "data").run("run", "--port", str(server.port))
        assert (result.exit_code, "can't be listened on" in result.stderr) == (1, True)
        assert server.get("/ready")[0] == 200
        assert server.stop(signal.SIGTERM)[0] == 0


def test_the_option_port_wins_and_is_what_is_printed(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, "run", "--port", str(port)) as server:
        assert server.first_line().startswith(f"loginlake is at http://localhost:{port} ")
        server.port = port
        assert server.get("/ready")[0] == 200
        assert server.stop(signal.SIGINT)[0] == 0


@pytest.mark.parametrize("words", [("web",), ("web", "--workers", "2"), ("dashboard",)], ids=" ".join)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stage_that_people_see_serves_alone_and_stops(tmp_path: Path, words: tuple[str, ...], number: int) -> None:
    with serving(tmp_path, *words) as server:
        assert server.first_line() == f"loginlake {words[0]} is at http://localhost:{server.port}  (Ctrl-C stops it)\n"
        assert server.get("/ready")[0] == 200
        assert server.get("/")[0] == 200
        assert server.get("/dashboard/")[0] == (404 if words[0] == "web" else 303)
        assert server.stop(number) == (0, "stopped\n")
        assert unexpected(server) == []


@pytest.mark.parametrize("verb", ["land", "clean", "publish"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stage_alone_runs_until_a_signal(tmp_path: Path, verb: str, number: int) -> None:
    """It is running once its first log line, or an event's way through it, is there; then the signal ends it."""
    line = CommandLine(tmp_path / "data", LOGINLAKE_LAND_MAX_AGE_S="0.1")
    line("demo", "--people", "5", "--days", "2", "--until", "2026-11-20")
    for before in {"land": (), "clean": ("land",), "publish": ("land", "clean")}[verb]:
        line(before, "--once")
    left = {"land": "waiting", "clean": "to_clean", "publish": "to_publish"}[verb]
    with serving(tmp_path, verb, LOGINLAKE_LAND_MAX_AGE_S="0.1") as server:
        while line.json("status")[left]:
            assert server.process.poll() is None
        code, rest = server.stop(number)
        assert (code, len(rest.splitlines())) == (0, 1)
        assert unexpected(server) == []
    line.json("status", "--check")


def test_a_stage_that_gives_up_says_so_is_named_by_ready_and_the_page_goes_on(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    line("demo", "--people", "5", "--days", "2", "--until", "2026-11-20")
    line.pass_through()
    with serving(tmp_path, "run", LOGINLAKE_LOG_URL=f"sqlite:{tmp_path / 'other.db'}") as server:
        server.first_line()
        status, body = server.get("/ready")
        while (stages := json.loads(body)["stages"])["land"] == "ok":  # bounded by the test's own time-out
            status, body = server.get("/ready")
        assert (status, stages["land"], stages["clean and publish"]) == (503, "UnknownLog", "ok")
        assert server.get("/")[0] == 200
        assert server.stop(signal.SIGTERM)[0] == 0
        said = unexpected(server)[0]
        assert "land stopped: This lake was filled from another log" in said
        assert "It starts again in 2 s" in said


def test_a_damaged_hint_stops_nothing_and_a_damaged_lake_json_is_named(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    line("demo", "--people", "5", "--days", "2", "--until", "2026-11-20")
    line.pass_through()
    lake = tmp_path / "data" / "lake"
    for path in [*(lake / "heads").rglob("*.json"), lake / "watermarks" / "clean.json"]:
        path.write_bytes(path.read_bytes()[:9])
    line.pass_through()
    line.json("status", "--check")
    (lake / "lake.json").write_bytes(b'{"lay')
    for verb in ("land", "clean"):
        result = line.run(verb, "--once")
        assert (result.exit_code, "lake.json cannot be read" in result.stderr) == (1, True)
