"""`loginlake` in this process on a data folder of its own, and the lake read with nothing but the standard library."""

from __future__ import annotations

import gzip
import json
import logging
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from loginlake.cli import main
from loginlake.journal import NOISY

SECRET = "a secret of the tests, of more than 32 characters"


class CommandLine:
    """Call it with the words after `loginlake`; it checks the exit code and gives the standard output."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.env = {"LOGINLAKE_DATA": str(data), "LOGINLAKE_SECRET": SECRET, **settings}

    def __call__(self, *words: str, sent: bytes | None = None, code: int = 0) -> str:
        result = self.run(*words, sent=sent)
        if result.exit_code != code:
            raise AssertionError(f"{words} ended with {result.exit_code}: {result.output}") from result.exception
        shown: str = result.stdout
        return shown

    def run(self, *words: str, sent: bytes | None = None) -> Any:
        with _signals_kept(), _journal_kept(), _only(self.env):
            return CliRunner().invoke(main, list(words), input=sent)

    def json(self, *words: str, sent: bytes | None = None, code: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self(*words, "--json", sent=sent, code=code))
        return found

    def send(self, *lines: bytes) -> dict[str, Any]:
        return self.json("send", "-", sent=b"".join(line + b"\n" for line in lines))

    def pass_through(self) -> None:
        for stage in ("land", "clean", "publish"):
            self(stage, "--once")

    def files(self, folder: str) -> list[Path]:
        return sorted(path for path in (self.data / "lake" / folder).rglob("*") if path.is_file())

    def rows(self, folder: str) -> list[dict[str, Any]]:
        """Every JSON line below a folder of the lake."""
        return [json.loads(line) for path in self.files(folder) for line in content(path).splitlines()]

    def lake(self) -> dict[str, bytes]:
        """Every object's uncompressed content, but for what says when and not what (hints, lists, watermarks)."""
        root = self.data / "lake"
        kept = (
            "bronze",
            "silver",
            "repeated",
            "rejected",
            "receipts",
            "people",
            "expired",
            "lake.json",
            "todo",
            "dirty",
        )
        return {str(path.relative_to(root)): content(path) for top in kept for path in _below(root / top)}

    def documents(self) -> dict[str, Any]:
        """What a reader finds in gold: the rows that the pointer names, and every person, but for generations."""
        with closing(sqlite3.connect(self.data / "gold.db")) as gold:
            stored = {
                (collection, name): json.loads(body)
                for collection in ("pointer", "rows", "users")
                for name, body in gold.execute(f"SELECT id, body FROM documents_{collection}")
            }
        pointer = stored["pointer", "current"]
        rows = {key: _plain(stored["rows", f"{generation}:{key}"]) for key, generation in pointer["keys"]}
        people = {name: _plain(found) for (collection, name), found in stored.items() if collection == "users"}
        return {"rows": rows, "users": people}


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def _below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from sorted(found for found in path.rglob("*") if found.is_file())


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in {"_id", "generation"}}


@contextmanager
def _only(env: dict[str, str]) -> Iterator[None]:
    """An environment without any other LOGINLAKE_ variable or width, and a working folder without a .env."""
    before, folder = dict(os.environ), Path.cwd()
    try:
        for name in [name for name in os.environ if name.upper().startswith("LOGINLAKE_")]:
            del os.environ[name]
        os.environ.update({"COLUMNS": "80", **env})
        data = Path(env["LOGINLAKE_DATA"])
        if data.parent.is_dir():
            os.chdir(data.parent)
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _journal_kept() -> Iterator[None]:
    """The verbs begin a journal of their own; what the next test hears must not depend on it."""
    loggers = [logging.getLogger(name) for name in (None, *NOISY)]
    handlers, levels = loggers[0].handlers[:], [logger.level for logger in loggers]
    try:
        yield
    finally:
        loggers[0].handlers[:] = handlers
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """The verbs set handlers; pytest wants its own back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
