"""What a folder promises beyond the contract: synced, whole or absent after a kill, one machine, clear words."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from loginlake.errors import Denied, Misconfigured, Stopped, Unavailable
from loginlake.lake import network_folder
from loginlake.lake.by_url import open_store
from loginlake.lake.folder import FolderStore

Write = Callable[[FolderStore], None]
WRITES: dict[str, Write] = {
    "create": lambda store: store.create("new/er/name", b"2"),
    "put": lambda store: store.put("new/er/name", b"2"),
    "put in place": lambda store: store.put("old", b"2"),
    "replace": lambda store: store.replace("old", b"2", store.get("old").version),
    "replace of nothing": lambda store: store.replace("new/er/name", b"2", None),
}
writes = pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "lake")
    store.put("old", b"1")
    return store


@writes
def test_a_write_syncs_file_then_publishes_then_syncs_the_folder(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write: Write
) -> None:
    steps: list[str] = []

    def fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        steps.append(f"sync {'file' if path.is_file() else path.relative_to(tmp_path / 'lake')}")

    def publishing(real: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def publish(staged: Path, path: Path) -> None:
            steps.append("publish")
            real(staged, path)

        return publish

    for name in ("link", "replace"):
        monkeypatch.setattr(os, name, publishing(getattr(os, name)))
    monkeypatch.setattr(os, "fsync", fsync)
    write(store)
    in_new_folders = ["sync file", "sync .", "sync new", "publish", "sync new/er"]
    assert steps in (in_new_folders, ["sync file", "publish", "sync ."])


@writes
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_and_leaves_nothing_behind(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write: Write, number: int
) -> None:
    def full(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="disk is full"):
            write(store)
    assert store.get("old").data == b"1"
    assert [entry.key for entry in store.list("")] == ["old"]
    assert list((tmp_path / "lake" / ".staging").iterdir()) == []
    write(store)


def test_a_disk_that_fills_in_the_middle_of_a_write_leaves_nothing_half(tmp_path: Path) -> None:
    """The kernel itself cuts the write: a limit on the size of files, in a process of its own."""
    code = f"""
import resource, signal
from pathlib import Path
from loginlake.errors import Unavailable
from loginlake.lake.folder import FolderStore
store = FolderStore(Path({str(tmp_path)!r}) / "lake")
store.put("old", b"1")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for write in (store.create, store.put, lambda key, data: store.replace("old", data, store.get("old").version)):
    try:
        write("new", b"x" * 1_000_000)
    except Unavailable as error:
        print(error.why)
print([entry.key for entry in store.list("")], store.get("old").data)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("The disk is full") == 3
    assert done.stdout.endswith("['old'] b'1'\n")


def test_a_folder_that_may_not_be_written_is_named(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(Denied, match="LOGINLAKE_LAKE_URL"):
        store.put("old", b"2")


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "lake").write_bytes(b"")
    with pytest.raises(Unavailable):
        open_store(f"file:{tmp_path / 'lake'}").put("a", b"")


WRITER = """
import sys
from pathlib import Path
from loginlake.lake.folder import FolderStore
store = FolderStore(Path(sys.argv[1]))
size = 300_000
for number in range(1_000_000):
    body = b"%d" % (number % 10) * size
    store.create(f"created/d={number % 7}/{number:09d}", body)
    store.put("put/one", body)
    store.replace("replaced/one", body, None if number == 0 else version)
    version = store.get("replaced/one").version
    store.put(f"todo/{number}", b"")
    store.delete(f"todo/{number}")
    print(number, flush=True)
"""


@pytest.mark.kill
def test_a_kill_leaves_every_object_whole_and_no_leftover_in_sight(tmp_path: Path) -> None:
    for kill in range(6):
        folder = tmp_path / f"lake{kill}"
        with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            last = [int(writer.stdout.readline()) for _ in range(3 + kill)][-1]
            writer.send_signal(signal.SIGKILL)
        store = FolderStore(folder)
        listed = list(store.list(""))
        assert all(entry.key.startswith(("created/", "put/", "replaced/", "todo/")) for entry in listed)
        assert sum(entry.key.startswith("created/") for entry in listed) > last
        for entry in listed:
            data = store.get(entry.key).data
            assert len(data) == (0 if entry.key.startswith("todo/") else 300_000)
            assert len(set(data)) == (0 if entry.key.startswith("todo/") else 1)


def test_leftovers_of_a_kill_are_removed_when_they_are_old(tmp_path: Path, store: FolderStore) -> None:
    old, young = (tmp_path / "lake" / ".staging" / name for name in ("old", "young"))
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    os.utime(old, (0, 0))
    FolderStore(tmp_path / "lake").put("a", b"")
    assert (old.exists(), young.exists()) == (False, True)
    assert [entry.key for entry in store.list("")] == ["a", "old"]


def test_a_removed_object_leaves_no_folder_to_walk(store: FolderStore, tmp_path: Path) -> None:
    for number in range(3):
        store.put(f"todo/date=2026-11-2{number}/hour=01/x", b"")
        store.delete(f"todo/date=2026-11-2{number}/hour=01/x")
    assert not (tmp_path / "lake" / "todo").exists()


def test_a_folder_that_comes_and_goes_while_it_is_made_is_made_again(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another writer made it in that moment, and took it away with its own last object."""
    refusals = iter([FileExistsError(errno.EEXIST, "File exists")])
    mkdir = os.mkdir

    def beaten(path: str, *rest: int) -> None:
        for refusal in refusals:
            raise refusal
        mkdir(path, *rest)

    monkeypatch.setattr(os, "mkdir", beaten)
    store.create("new/name", b"1")
    assert store.get("new/name").data == b"1"
    assert not list(refusals)


def test_a_lock_excludes_threads_and_other_names_do_not_wait(store: FolderStore, tmp_path: Path) -> None:
    other = FolderStore(tmp_path / "lake")
    inside, order = threading.Event(), list[str]()

    def second() -> None:
        inside.set()
        with other.lock("silver/a"):
            order.append("second")

    with store.lock("silver/a"):
        thread = threading.Thread(target=second)
        thread.start()
        inside.wait()
        with other.lock("silver/b"):
            order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from loginlake.lake.folder import FolderStore
with FolderStore(Path(sys.argv[1])).lock("a"):
    print("locked", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "lake")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        holder.send_signal(signal.SIGKILL)
    with FolderStore(tmp_path / "lake").lock("a"):
        pass


def works(store: FolderStore) -> list[Callable[[], None]]:
    """What needs one of our own folders."""

    def locked() -> None:
        with store.lock("a"):
            pass

    return [locked, lambda: store.put("a", b"1"), lambda: store.replace("b", b"1", None)]


@pytest.mark.parametrize("removed", [[".locks"], [".staging"], [".locks", ".staging"]])
def test_our_own_folders_are_made_again_when_somebody_removed_them(
    store: FolderStore, tmp_path: Path, removed: list[str]
) -> None:
    for work in works(store):
        for name in removed:
            shutil.rmtree(tmp_path / "lake" / name, ignore_errors=True)
        work()
    assert store.get("b").data == b"1"


def test_a_lock_of_a_lake_that_is_gone_is_a_named_condition(store: FolderStore, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "lake")
    for work in works(store):
        with pytest.raises(Unavailable, match="No such file"):
            work()
    assert not (tmp_path / "lake").exists()


def test_what_fails_under_a_lock_keeps_its_name(store: FolderStore) -> None:
    with pytest.raises(OSError, match="mine"), store.lock("a"):
        raise OSError("mine")
    with store.lock("a"):
        pass


def test_a_wait_for_a_lock_ends_when_told_to_stop(store: FolderStore, tmp_path: Path) -> None:
    stop = threading.Event()
    waiting = FolderStore(tmp_path / "lake", stop)
    stop.set()
    with waiting.lock("a"):
        pass
    with store.lock("a"), pytest.raises(Stopped, match="next run does it"), waiting.lock("a"):
        pass


def test_a_lock_leaves_no_file_behind(store: FolderStore, tmp_path: Path) -> None:
    for name in ("silver/a", "silver/b"):
        with store.lock(name):
            assert len(list((tmp_path / "lake" / ".locks").iterdir())) == 1
    assert list((tmp_path / "lake" / ".locks").iterdir()) == []


def test_a_lock_excludes_although_its_file_comes_and_goes(tmp_path: Path) -> None:
    counter, rounds = tmp_path / "counter", 40
    counter.write_text("0")

    def work() -> None:
        own = FolderStore(tmp_path / "lake")
        for _ in range(rounds):
            with own.lock("a"):
                counter.write_text(str(int(counter.read_text()) + 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_text() == str(4 * rounds)


def test_a_lake_that_was_removed_while_in_use_is_not_made_again_in_silence(store: FolderStore, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "lake")
    for _ in range(2):
        with pytest.raises(Unavailable):
            store.put("a", b"1")
    assert not (tmp_path / "lake").exists()


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /mnt/share rw,relatime shared:2 - nfs4 server:/x rw
31 30 254:1 / /mnt/share/disk rw - xfs /dev/vdb rw
32 22 0:41 / /mnt/with\\040space rw - cifs //server/y rw
33 22 0:42 / /mnt/c rw master:1 - 9p C:\\134 rw
34 22 0:43 / /mnt/s rw - fuse.sshfs host:/ rw
35 22 0:44 / /over rw - tmpfs tmpfs rw
36 22 0:45 / /over rw - fuse.fuse-overlayfs x rw
"""


@pytest.mark.parametrize(
    ("folder", "kind", "network"),
    [
        ("/home/x/lake", "ext4", False),
        ("/mnt/share/lake", "nfs4", True),
        ("/mnt/shared", "ext4", False),
        ("/mnt/share/disk/lake", "xfs", False),
        ("/mnt/with space/lake", "cifs", True),
        ("/mnt/c/Users", "9p", True),
        ("/mnt/s", "fuse.sshfs", True),
        ("/over/lake", "fuse.fuse-overlayfs", False),
    ],
)
def test_the_file_system_of_a_folder_is_known(folder: str, kind: str, network: bool) -> None:
    assert network_folder.filesystem(Path(folder), MOUNTS) == kind
    assert network_folder.is_network(kind) is network


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "virtiofs", "apfs"])
def test_a_disk_is_no_network(kind: str) -> None:
    assert not network_folder.is_network(kind)


def test_a_network_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 0:40 / / rw - nfs4 server:/x rw\n")
    monkeypatch.setattr(network_folder, "_MOUNTS", mounts)
    with pytest.raises(Misconfigured, match="nfs4"):
        FolderStore(tmp_path / "lake").put("a", b"")


@pytest.mark.parametrize("url", ["", "file:", "az://", "az:x", "s3://bucket", "/path", "https://account/secret"])
def test_a_url_that_names_no_lake_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)
