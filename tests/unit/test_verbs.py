"""What the verbs do beside the stages: send, cat, the table of the account, and counting while things move."""

from __future__ import annotations

import fcntl
import io
import json
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes.command_line import SECRET, CommandLine
from fakes.event_log import FakeEventLog
from fakes.silver_messages import refusal, value
from pydantic import SecretStr

from loginlake import account, verbs, wiring
from loginlake.account import Account
from loginlake.errors import LoginlakeError, Misconfigured, Overloaded, Stopped, Unavailable
from loginlake.event import HEADERS
from loginlake.lake import keys
from loginlake.settings import Settings

EVENT = value(refusal(id="r1", time="2026-11-20T10:00:00.000000Z"))
_OTHERS = {"rejected_by_reason", "complete_until", "moving"}


def an_account(**terms: Any) -> Account:
    names = [field for field in Account.__struct_fields__ if field not in _OTHERS]
    more: dict[str, Any] = {"rejected_by_reason": {}, "complete_until": None, "moving": False}
    return Account(**{**dict.fromkeys(names, 0), **more, **terms})


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> FakeEventLog:
    """The log that the settings name is this one."""
    found = FakeEventLog(partitions=1)
    monkeypatch.setattr(wiring, "open_log", lambda settings: found)
    return found


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (b'{"subject":"google|1"}', b"google|1"),
        (b' { "x" : [1,{}] , "subject" : "\\u00e9" } ', "é".encode()),
        (b'{"subject":""}', None),
        (b'{"subject":null}', None),
        (b'{"subject":5}', None),
        (b'{"subject":"\\ud800"}', None),
        (b'{"other":1}', None),
        (b"[]", None),
        (b"", None),
        (b"\xff", None),
        (b'{"a":' * 100_000, None),
    ],
)
def test_the_key_is_the_subject_where_there_is_one(log: FakeEventLog, line: bytes, key: bytes | None) -> None:
    assert verbs.send(Settings(), io.BytesIO(line + b"\n")) == verbs.SendReport(1, {})
    (record,) = log.records[0]
    assert record is not None
    assert (record.key, record.value, record.headers) == (key, line, HEADERS)


def test_a_line_break_is_no_part_of_a_line_and_nothing_else_is_cut(log: FakeEventLog) -> None:
    verbs.send(Settings(), io.BytesIO(b" a \r\n\n\x00\nlast"))
    assert [record.value for record in log.records[0] if record] == [b" a \r", b"", b"\x00", b"last"]


def test_what_the_log_had_no_room_for_is_sent_again(log: FakeEventLog) -> None:
    log.fail_next("send", 2, error=Overloaded("Too much."))
    assert verbs.send(Settings(), io.BytesIO(b"a\nb\nc\n")) == verbs.SendReport(3, {})
    assert sorted(record.value or b"" for record in log.records[0] if record) == [b"a", b"b", b"c"]


def test_what_is_too_large_for_the_log_is_counted_and_the_others_are_sent(log: FakeEventLog) -> None:
    log.max_message_bytes = 5
    assert verbs.send(Settings(), io.BytesIO(b"a\n123456\nc\n")) == verbs.SendReport(2, {"too_large": 1})


@pytest.mark.parametrize("error", [Misconfigured("No such topic."), Unavailable("The disk is full.")])
def test_a_log_that_does_not_take_it_is_raised(log: FakeEventLog, error: LoginlakeError) -> None:
    log.fail_next("send", error=error)
    with pytest.raises(type(error)):
        verbs.send(Settings(), io.BytesIO(b"a\n"))
    assert log.closed


def test_the_table_groups_thousands_and_lists_the_reasons() -> None:
    shown = verbs.account_table(an_account(accepted=1_234_567, rejected_by_reason={"not_json": 1_000, "null_email": 2}))
    assert "1,234,567" in shown
    assert "not_json 1,000, null_email 2" in shown
    assert "complete until nothing yet" in shown
    assert "DOES NOT BALANCE: accepted is 1234567" in shown


def test_the_table_says_when_something_moved() -> None:
    assert "count again" in verbs.account_table(an_account(moving=True))
    assert "count again" not in verbs.account_table(an_account())


@pytest.mark.parametrize(("moves", "counts"), [(0, 1), (2, 3), (9, 5)])
def test_the_account_is_counted_again_while_things_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int, counts: int
) -> None:
    made: list[int] = []

    def count(*args: Any, **kwargs: Any) -> Account:
        made.append(1)
        return an_account(moving=len(made) <= moves)

    monkeypatch.setattr(account, "count", count)
    verbs.status(Settings(data=tmp_path))
    assert len(made) == counts


def test_cat_lists_a_folder_and_prints_an_object(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    line.send(b'{"a":1}', b"\xff")
    line.pass_through()
    listed = line("cat", "bronze/").splitlines()
    names = [row.split()[-1] for row in listed]
    assert len(names) in {1, 2}
    printed = "".join(line("cat", name) for name in names)
    assert '"value":{"a":1}' in printed
    assert "rejected" in line("cat", "receipts/" + names[0].removeprefix("bronze/").replace(".jsonl.gz", ".json"))
    assert line("cat", "nothing/") == ""


@pytest.mark.parametrize("key", ["bronze/none.jsonl.gz", "../secret.key", "/etc/passwd", ".", "lake.json/x"])
def test_cat_of_no_object_is_one_clear_line(tmp_path: Path, key: str) -> None:
    (tmp_path / "data").mkdir()
    result = CommandLine(tmp_path / "data").run("cat", key)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("loginlake: There is no object")
    assert len(result.stderr.splitlines()) == 1


ASKING = ["cat lake.json", "status", "audit", "trace x", "rejected list", "rejected explain 0:0", "rebuild gold"]


@pytest.mark.parametrize("words", ASKING)
def test_asking_where_nothing_is_makes_nothing(tmp_path: Path, words: str) -> None:
    result = CommandLine(tmp_path / "elsewhere").run(*words.split())
    assert result.exit_code == 1
    assert "There is no data folder" in result.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_a_lake_somewhere_else_needs_no_data_folder(tmp_path: Path) -> None:
    full = CommandLine(tmp_path / "data")
    full.send(b"{}")
    full.pass_through()
    other = CommandLine(tmp_path / "elsewhere", LOGINLAKE_LAKE_URL=f"file:{tmp_path / 'data' / 'lake'}")
    assert json.loads(other("cat", "lake.json"))["shards"] == 1


def test_cat_prints_a_line_a_row_whatever_is_in_a_name(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    line.send('{"a":"one\u2028two\u0085three"}'.encode())
    line("land", "--once")
    name = line("cat", "bronze/").split()[-1]
    assert len(line("cat", name).split("\n")) == 2


def test_demo_if_empty_sends_nothing_into_a_log_with_records(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    words = ("demo", "--if-empty", "--people", "5", "--days", "2", "--until", "2026-11-20")
    first = line.json(*words)
    assert first["sent"] > 0
    assert line.json(*words) == {"sent": 0, "refused": {}}
    assert line.json("status", "--check")["accepted"] == first["sent"]


def test_demo_prints_what_it_would_send(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    words = ("demo", "--people", "5", "--days", "2", "--until", "2026-11-20", "--broken", "0")
    printed = line.run(*words, "--print").stdout_bytes.splitlines()
    assert len(printed) == line.json(*words)["sent"]
    assert not (tmp_path / "other").exists()


def test_stages_without_once_go_on_until_they_are_stopped(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    settings = Settings(data=tmp_path)
    assert verbs.clean(settings, stop, once=False) == {"stopped": True}
    assert verbs.publish(settings, stop, once=False) == {"stopped": True}
    assert verbs.land(settings, stop, once=False).records == 0


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, shown in ((_Terminal(), "\rsent 1,000 \rsent 1,500 "), (io.StringIO(), "")):
        monkeypatch.setattr(sys, "stderr", stream)
        progress = verbs.Progress("sent")
        progress(1_000)
        progress(500)
        assert stream.getvalue() == shown


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("verb", ["clean", "publish"])
def test_a_stop_ends_a_stage_that_waits_for_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, once: bool
) -> None:
    """What a signal does: it sets `stop`, here at the moment when the stage finds the lock taken."""
    line, stop = CommandLine(tmp_path / "data"), threading.Event()
    line.send(b'{"type":"loginlake.signin.v1"}', EVENT)
    line("land", "--once")
    name = "publish" if verb == "publish" else keys.silver(keys.Slot("refusals", "2026-11-20", 10))
    real = fcntl.flock

    def flock(handle: int, how: int) -> None:
        try:
            real(handle, how)
        except BlockingIOError:
            stop.set()
            raise

    settings = Settings(data=tmp_path / "data", secret=SecretStr(SECRET))
    with wiring.open_lake(settings).lock(name):
        monkeypatch.setattr(fcntl, "flock", flock)
        work = partial(getattr(verbs, verb), settings, stop, once=once)
        if once:
            with pytest.raises(Stopped):
                work()
        else:
            assert work() == {"stopped": True}


def test_a_long_pass_ends_after_the_portion_in_which_it_was_told_to_stop(tmp_path: Path) -> None:
    line, stop = CommandLine(tmp_path / "data"), threading.Event()
    line.send(b"{}")
    line("land", "--once")
    settings = Settings(data=tmp_path / "data", secret=SecretStr(SECRET))
    stop.set()
    with pytest.raises(Stopped, match="after 1 lines"):
        verbs.clean(settings, stop, once=True)
    assert line.json("status")["rejected"] == 1, "the portion itself is done"


@pytest.mark.parametrize("error", [Unavailable("The log is away.", "No answer."), Misconfigured("No such topic.")])
def test_a_send_that_fails_says_how_many_lines_are_durable(log: FakeEventLog, error: LoginlakeError) -> None:
    told: list[int] = []
    plain_send = log.send

    def send(*given: Any, **named: Any) -> Any:
        told.append(1)
        if len(told) == 3:
            log.fail_next("send", error=error)
        return plain_send(*given, **named)

    log.send = send  # type: ignore[method-assign]
    with pytest.raises(type(error), match=f"{error.what}.* 3 lines are durable in the log"):
        verbs.send(Settings(), io.BytesIO(b"a\nb\nc\nd\n"))
    assert len([record for record in log.records[0] if record]) == 3


class Counts:
    """account.count, which finds these accounts one after the other, and then the last for ever."""

    def __init__(self, *accounts: Account) -> None:
        self._accounts = list(accounts)
        self.made = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Account:
        self.made += 1
        return self._accounts.pop(0) if len(self._accounts) > 1 else self._accounts[0]


STILL, UNBALANCED, MOVING = an_account(), an_account(landed=1), an_account(landed=1, moving=True)
ON_ITS_WAY = an_account(accepted=1, waiting=1)


@pytest.mark.parametrize(
    ("accounts", "code"),
    [([STILL], 0), ([UNBALANCED], 1), ([MOVING], 2), ([MOVING, STILL], 0), ([an_account(moving=True)], 0)],
)
def test_check_tells_unbalanced_from_still_moving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accounts: list[Account], code: int
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(account, "count", Counts(*accounts))
    line = CommandLine(tmp_path / "data")
    shown = line("status", "--check", code=code)
    assert ("DOES NOT BALANCE" in shown) == (code == 1)
    assert ("count again" in shown) == (accounts[-1].moving)


@pytest.mark.parametrize(
    ("accounts", "counts"), [([STILL], 1), ([MOVING, ON_ITS_WAY, ON_ITS_WAY, STILL, UNBALANCED], 4), ([UNBALANCED], 1)]
)
def test_wait_counts_again_until_nothing_is_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accounts: list[Account], counts: int
) -> None:
    count = Counts(*accounts)
    monkeypatch.setattr(account, "count", count)
    monkeypatch.setattr(verbs, "_RECOUNT_S", 0.0)
    assert verbs.status(Settings(data=tmp_path), wait_s=60.0) == accounts[counts - 1]
    assert count.made == counts


def test_wait_ends_in_time_although_something_is_always_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "count", Counts(ON_ITS_WAY))
    monkeypatch.setattr(verbs, "_RECOUNT_S", 0.0)
    assert verbs.status(Settings(data=tmp_path), wait_s=0.01) == ON_ITS_WAY
