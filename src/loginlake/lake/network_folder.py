"""Refuses folders of a network file system: locks and syncs there do not promise what the lake's folder store needs."""

from __future__ import annotations

import re
from pathlib import Path

from loginlake.errors import Misconfigured

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|ncpfs|afs|9p|ceph|lustre|gfs2?|ocfs2|glusterfs|beegfs|gpfs|davfs\d?|fuse|fuse\.(?!fuse-overlayfs).*"
)


def refuse_network(folder: Path) -> None:
    """Raise Misconfigured when the folder is on NFS, SMB, 9p, FUSE or the like. Without /proc nothing is known."""
    if not _MOUNTS.exists():
        return
    kind = filesystem(folder, _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))
    if is_network(kind):
        raise Misconfigured(
            f"The lake's folder {folder} is on a network file system ({kind}).",
            "Locks and writes are not safe there against other machines.",
            "Set LOGINLAKE_LAKE_URL to a folder on a disk of this machine, or to az://CONTAINER/PREFIX.",
        )


def is_network(kind: str) -> bool:
    """Whether a file system type, as Linux names it, is shared with other machines (or may be)."""
    return _NETWORK.fullmatch(kind) is not None


def filesystem(folder: Path, mountinfo: str) -> str:
    """The type of the file system that holds the folder, by the content of /proc/self/mountinfo."""
    best, kind = -1, ""
    target = folder.resolve()
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split(" ")[4]))
        if target.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split(" ")[0]
    return kind
