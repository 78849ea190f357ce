"""The peers, each away from the product's own environment, in bench/.cache: python bench/peers/install.py installs all.

Python ones by lock files with hashes beside this file (made by `uv pip compile --universal --python-version 3.11
--generate-hashes --no-emit-index-url --no-header NAME.in -o NAME.txt`), Go ones by go.mod and go.sum.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache"


def python_of(name: str) -> Path:
    """The interpreter of a peer's own virtual environment ("web": FastAPI and PyJWT; "quix": quixstreams)."""
    lock, home = HERE / f"{name}.txt", CACHE / f"{name}-venv"
    stamp, python = home / "installed", home / "bin" / "python"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return python
    CACHE.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", home], check=True)
    uv = Path(sys.executable).with_name("uv")
    env = {**os.environ, "VIRTUAL_ENV": str(home), "UV_SYSTEM_CERTS": "true"}
    subprocess.run([uv if uv.exists() else "uv", "pip", "sync", "-q", "--require-hashes", lock], env=env, check=True)
    stamp.write_bytes(lock.read_bytes())
    return python


def go_program(name: str) -> Path:
    """A Go peer, built from what its folder pins ("benthos"). SystemExit where there is no Go."""
    pins, program = HERE / name, CACHE / name
    stamp, wanted = CACHE / f"{name}.sum", (HERE / name / "go.sum").read_bytes()
    if program.exists() and stamp.exists() and stamp.read_bytes() == wanted:
        return program
    if shutil.which("go") is None:
        raise SystemExit(f"{name} is built with Go 1.23 or newer: sudo apt install golang-go")
    CACHE.mkdir(exist_ok=True)
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    command = ["go", "build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", str(program), "."]
    subprocess.run(command, cwd=pins, env=env, check=True)
    stamp.write_bytes(wanted)
    return program


if __name__ == "__main__":
    for found in (python_of("web"), python_of("quix"), go_program("benthos")):
        print(found)
