"""A new SQLite file that several open at once."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from loginlake import wal


def test_who_reads_the_new_file_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as reader, closing(sqlite3.connect(path)) as writer:
        reader.execute("CREATE TABLE a (b)")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM a").fetchall()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            wal.into_wal(writer, -1.0)
        ends = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: reader.execute("COMMIT"))
        monkeypatch.setattr(wal, "time", ends)
        wal.into_wal(writer, 60.0)
        assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_another_error_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "new.db").write_bytes(b"this is no database" * 100)
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection, pytest.raises(sqlite3.DatabaseError):
        wal.into_wal(connection, 1e9)
