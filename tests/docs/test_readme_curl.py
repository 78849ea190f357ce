"""The curl line of the READMEs, run as it stands against `loginlake web`: the event is accepted, lands and is clean."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.command_line import CommandLine

from services.child import free_port

ROOT = Path(__file__).parents[2]


def curl_line(name: str) -> str:
    (line,) = re.findall(r"^    (curl .*)$", (ROOT / name).read_text(), re.MULTILINE)
    return str(line)


@contextmanager
def web(line: CommandLine) -> Iterator[int]:
    """`loginlake web` on a free port."""
    port = free_port()
    command = [sys.executable, "-m", "loginlake", "web", "--port", str(port)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("LOGINLAKE_")} | line.env
    folder = line.data.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=folder) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("loginlake web is at"), "listening from here on"
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def test_both_languages_show_the_same_line() -> None:
    assert curl_line("README.md") == curl_line("README.es.md")


@pytest.mark.parametrize("name", ["README.md"])
def test_the_curl_line_sends_an_event_that_becomes_clean(name: str, tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    key = line("keys", "add", "https://shop.example").strip()
    with web(line) as port:
        command = curl_line(name).replace("localhost:8000", f"localhost:{port}")
        env = {"PATH": os.environ["PATH"], "KEY": key, "no_proxy": "localhost"}
        answers = [
            subprocess.run(
                ["sh", "-c", f"{command} -sS -w '\\n%{{http_code}}'"],
                env=env,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.rsplit("\n", 1)
            for _ in range(2)
        ]
    assert [status for _, status in answers] == ["202", "202"]
    (result,) = json.loads(answers[0][0])["results"]
    assert (result["id"], result["accepted"]) == ("1", True)
    line.pass_through()
    account = line.json("status")
    assert (account["clean"], account["repeated"], account["rejected"]) == (1, 1, 0)
