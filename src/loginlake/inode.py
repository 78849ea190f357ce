"""Which file stands at a path: a file that was removed, or exchanged for a copy, is another one."""

from __future__ import annotations

from pathlib import Path


def file_at(path: Path) -> tuple[int, int] | None:
    """The device and inode of a file; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
