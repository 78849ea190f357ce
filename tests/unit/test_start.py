"""start.py: Ctrl-C that comes while the program starts ends it without a word."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENDED_BY_CTRL_C = -signal.SIGINT


# Ctrl-C that waits, as `make run` has it wait, for a program that is not there yet.
PRESS = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.Handlers[sys.argv[1]])
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
os.kill(os.getpid(), signal.SIGINT)
os.execv(sys.executable, [sys.executable, "-m", "loginlake", "--version"])
"""


# SIG_IGN: a shell's background jobs, and nohup's, do not hear it.
@pytest.mark.parametrize(("hearing", "code"), [("SIG_DFL", ENDED_BY_CTRL_C), ("SIG_IGN", 0)])
def test_ctrl_c_before_the_program_is_there(hearing: str, code: int) -> None:
    words = [sys.executable, "-c", PRESS, hearing]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (code, "")
    assert ended.stdout.startswith("loginlake, version") == (code == 0)


def test_make_run_has_ctrl_c_wait_for_the_program_where_env_can() -> None:
    can = subprocess.run(["env", "--block-signal=INT", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0
    shown = subprocess.run(["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in shown.splitlines() if line.endswith("bin/loginlake run")]
    assert ("--block-signal=INT" in line) == can
