"""The key of cookies and keyed hashes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from loginlake.errors import Misconfigured
from loginlake.secret import load_or_make

GOOD = "a configured secret of more than 32 characters"


def test_the_configured_secret_is_the_key_and_no_file_is_made(tmp_path: Path) -> None:
    assert load_or_make(GOOD, tmp_path) == GOOD.encode()
    assert list(tmp_path.iterdir()) == []


def test_without_one_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"
    first = load_or_make("", folder)
    assert len(first) >= 48
    assert load_or_make("", folder) == first
    assert [path.name for path in folder.iterdir()] == ["secret.key"]
    assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o600


def test_two_folders_have_two_keys(tmp_path: Path) -> None:
    assert load_or_make("", tmp_path / "a") != load_or_make("", tmp_path / "b")


_MAKE = """
import sys
from pathlib import Path
from loginlake.secret import load_or_make
print("ready", flush=True)
sys.stdin.readline()
print(load_or_make("", Path(sys.argv[1])).decode())
"""


def test_processes_that_make_it_at_once_agree(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _MAKE, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    found = {process.communicate()[0].strip() for process in processes}
    assert found == {(tmp_path / "secret.key").read_text()}
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_whoever_is_second_takes_the_key_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process makes it between our look and our link."""
    link = os.link

    def late(draft: Path, path: Path) -> None:
        path.write_bytes(b"the key of the first, of more than 32 bytes")
        link(draft, path)

    monkeypatch.setattr(os, "link", late)
    assert load_or_make("", tmp_path) == b"the key of the first, of more than 32 bytes"
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_a_secret_that_is_too_short_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_or_make("hunter2", tmp_path)
    assert "hunter2" not in str(caught.value)
    assert "7 characters" in caught.value.why
    assert "secrets.token_urlsafe" in caught.value.next_move


@pytest.mark.parametrize("content", [b"", b"cut"])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(Misconfigured, match=r"secret\.key is too short"):
        load_or_make("", tmp_path)
