"""The one place that picks systems: what it takes, and what it says of what it does not take."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.event_log import FakeEventLog
from pydantic import SecretStr

from loginlake import wiring
from loginlake.errors import Misconfigured
from loginlake.settings import Settings
from loginlake.stream.embedded import EmbeddedLog
from loginlake.stream.spool import SpooledLog

SECRET = SecretStr("a secret of the tests, of more than 32 characters")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith("LOGINLAKE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def settings_of(folder: Path, **changes: Any) -> Settings:
    return Settings(data=folder / "data", secret=SECRET).model_copy(update=changes)


@pytest.mark.parametrize(
    ("opener", "setting", "url"),
    [
        (wiring.open_log, "log_url", "rabbit://x"),
        (wiring.open_log, "log_url", "nothing"),
        (wiring.open_lake, "lake_url", "s3://bucket"),
        (wiring.open_lake, "lake_url", "file:"),
        (wiring.open_gold, "gold_url", "oracle:x"),
    ],
)
def test_an_unknown_system_is_misconfigured_with_what_why_and_next(
    tmp_path: Path, opener: Callable[[Settings], Any], setting: str, url: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        opener(settings_of(tmp_path, **{setting: url}))
    error = caught.value
    assert f"LOGINLAKE_{setting.upper()}" in error.what
    assert error.why
    assert error.next_move


def test_an_unknown_system_does_not_show_the_password_in_its_url(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        wiring.open_gold(settings_of(tmp_path, gold_url="couch://ana:hunter2@db.example/x"))
    assert "hunter2" not in str(caught.value)


def test_the_defaults_live_in_the_data_folder(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with closing(wiring.open_log(settings)) as log, closing(wiring.open_gold(settings)) as gold:
        assert isinstance(log, EmbeddedLog)
        assert sorted(log.ranges()) == list(range(settings.partitions))
        assert gold.count("users") == 0
        wiring.open_lake(settings).put("x", b"1")
    found = {path.name for path in settings.data.iterdir()}
    assert {"log.db", "gold.db", "lake"} <= {name.removesuffix("-wal").removesuffix("-shm") for name in found}


def test_other_places_by_url(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, log_url=f"sqlite:{tmp_path}/deep/l.db", gold_url=f"sqlite:{tmp_path}/g/g.db")
    with closing(wiring.open_log(settings)) as log, closing(wiring.open_gold(settings)) as gold:
        log.identity()
        gold.count("users")
    assert (tmp_path / "deep" / "l.db").is_file()
    assert (tmp_path / "g" / "g.db").is_file()


def test_nothing_connects_before_it_is_used(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    wiring.open_log(settings).close()
    wiring.open_gold(settings).close()
    wiring.open_lake(settings)
    assert list(settings.data.iterdir()) == []


@pytest.mark.parametrize("opener", [wiring.open_log, wiring.open_lake, wiring.open_gold, wiring.secret_key])
def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path, opener: Callable[[Settings], Any]) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(Misconfigured) as caught:
        opener(Settings(data=tmp_path / "data"))
    assert caught.value.what == f"The data folder {tmp_path / 'data'} can't be written."
    assert "File exists" in caught.value.why
    assert "DATA=" in caught.value.next_move


def test_a_data_folder_that_can_not_be_made_is_named() -> None:
    """/proc takes no folders, whoever asks."""
    with pytest.raises(Misconfigured, match="/proc/loginlake can't be written"):
        wiring.data_folder(Settings(data=Path("/proc/loginlake")))


def test_a_data_folder_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the refusal of the probe is made here."""

    def refuse(self: Path, *args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(Misconfigured, match="Permission denied"):
        wiring.data_folder(settings_of(tmp_path))


def test_the_data_folder_may_be_tried_by_several_at_once(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    problems: list[Misconfigured] = []
    barrier = threading.Barrier(8)

    def attempt() -> None:
        barrier.wait()
        for _ in range(200):
            try:
                wiring.data_folder(settings)
            except Misconfigured as error:
                problems.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert list(settings.data.iterdir()) == []


def test_the_data_folder_is_given_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert wiring.data_folder(Settings(data=Path("data"))) == tmp_path / "data"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [({}, 1.0), ({"land_max_age_s": 7.0}, 7.0), ({"log_url": "kafka://x/y"}, 60.0)],
)
def test_objects_close_after_a_second_only_on_the_embedded_log(
    tmp_path: Path, changes: dict[str, Any], seconds: float
) -> None:
    settings = settings_of(tmp_path, **changes)
    with closing(EmbeddedLog(tmp_path / "log.db", partitions=1)) as log:
        lander = wiring.lander(settings, log, wiring.open_lake(settings))
    assert lander.limits.age_s == seconds
    assert (lander.limits.records, lander.limits.bytes) == (settings.land_max_records, settings.land_max_bytes)


def test_a_required_field_that_no_sign_in_has_is_refused(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, required="id,tme")
    with pytest.raises(Misconfigured, match="tme"):
        wiring.clean_step(settings, wiring.open_lake(settings))


def test_the_clock_is_utc() -> None:
    assert wiring.now().utcoffset() == timedelta(0)


def test_the_embedded_log_has_no_spool_and_others_do(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, spool_max_mb=3)
    with closing(wiring.open_log(settings)) as log:
        assert wiring.spooled(settings, log) is None
    spooled = wiring.spooled(settings, FakeEventLog())
    assert isinstance(spooled, SpooledLog)
    with closing(spooled):
        spooled.start()
        assert [path.suffix for path in sorted((tmp_path / "data" / "spool").glob("*.db"))] == [".db"]
    assert wiring.spooled_entries(settings) == 0


def test_a_spool_that_cannot_be_read_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_of(tmp_path)
    folder = wiring.spool_folder(settings)
    folder.mkdir()
    (folder / "broken.db").write_bytes(b"not a database, whatever it is called" * 100)
    assert wiring.spooled_entries(settings) == 0
    assert [getattr(record, "spool", "") for record in caplog.records] == ["broken.db"]
