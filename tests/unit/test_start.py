"""start.py: Ctrl-C that comes while the program starts ends it without a word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENDED_BY_CTRL_C = -signal.SIGINT


def come_early() -> None:
    """Ctrl-C that waits, as `make run` has it wait, for a program that is not there yet."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the tests themselves may run where nobody hears Ctrl-C
    press()


def press() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.kill(os.getpid(), signal.SIGINT)


def be_deaf() -> None:
    """A shell's background jobs, and nohup's, do not hear Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    press()


@pytest.mark.parametrize(("before", "code"), [(come_early, ENDED_BY_CTRL_C), (be_deaf, 0)])
def test_ctrl_c_before_the_program_is_there(before: Callable[[], None], code: int) -> None:
    words = [sys.executable, "-m", "loginlake", "--version"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, preexec_fn=before)
    assert (ended.returncode, ended.stderr) == (code, "")
    assert ended.stdout.startswith("loginlake, version") == (code == 0)


def test_make_run_has_ctrl_c_wait_for_the_program_where_env_can() -> None:
    can = subprocess.run(["env", "--block-signal=INT", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0
    shown = subprocess.run(["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in shown.splitlines() if line.endswith("bin/loginlake run")]
    assert ("--block-signal=INT" in line) == can
