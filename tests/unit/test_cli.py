"""The command line: its verbs and their order, its help, and its clear lines."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from fakes.command_line import CommandLine

import loginlake
from loginlake import cli, start, verbs

PATH = ("web", "stream", "land", "clean", "publish", "dashboard")
FOLDERS = {
    "web": "web",
    "stream": "stream",
    "land": "bronze",
    "clean": "silver",
    "publish": "gold",
    "dashboard": "dashboard",
}
VERBS = list(cli.main.commands)


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "data")


def test_verbs_docstring_and_folders_are_the_path_in_its_order() -> None:
    in_docstring = re.findall(r"^(\w+)  +\S", str(loginlake.__doc__), re.MULTILINE)
    assert tuple(in_docstring) == PATH
    assert [verb for verb in VERBS if verb in PATH] == [stage for stage in PATH if stage != "stream"]
    root = Path(str(loginlake.__file__)).parent
    assert all((root / folder / "__init__.py").is_file() for folder in FOLDERS.values())


def test_the_help_lists_the_verbs_in_the_same_order(line: CommandLine) -> None:
    shown = line("--help")
    listed = re.findall(r"^  (\w+)  +\S", shown.partition("Commands:")[2], re.MULTILINE)
    assert listed == VERBS
    assert "web -> (log) -> land -> bronze -> clean -> silver -> publish -> gold -> dashboard" in shown
    assert "..." not in shown.partition("Commands:")[2], "a verb's first sentence is too long for a line of 80 columns"


@pytest.mark.parametrize("group", [name for name in VERBS if isinstance(cli.main.commands[name], click.Group)])
def test_a_groups_help_says_what_each_of_its_verbs_does(line: CommandLine, group: str) -> None:
    listed = line(group, "--help").partition("Commands:")[2]
    assert len(listed.split(".\n")) >= 4
    assert "..." not in listed


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_verb_has_its_help_and_touches_nothing(line: CommandLine, verb: str, option: str) -> None:
    shown = line(verb, option)
    assert shown.startswith(f"Usage: main {verb}")
    assert (cli.main.commands[verb].help or "").split("\n")[0].rstrip(".") in " ".join(shown.split())
    assert not line.data.exists()


@pytest.mark.parametrize("verb", ["land", "clean", "publish"])
def test_each_stage_has_once_and_json(line: CommandLine, verb: str) -> None:
    assert isinstance(json.loads(line(verb, "--once", "--json")), dict)
    words = line(verb, "--once").split()
    assert len(words) >= 4


@pytest.mark.parametrize("name", ["loginlake", "configPipeline", "azureEtl", "goldDB"])
def test_the_console_scripts_are_there(name: str) -> None:
    (script,) = entry_points(group="console_scripts", name=name)
    assert callable(script.load())


@pytest.mark.parametrize(
    ("script", "verb"), [(start.land_main, "land"), (start.clean_main, "clean"), (start.publish_main, "publish")]
)
def test_the_old_names_are_the_same_commands(
    script: Callable[[], None], verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "--help"])
    monkeypatch.setattr(os, "umask", lambda _: 0)
    with pytest.raises(SystemExit) as ended:
        script()
    assert ended.value.code == 0
    assert (cli.main.commands[verb].help or "").split("\n")[0] in capsys.readouterr().out


def test_the_version_is_said(line: CommandLine) -> None:
    assert line("--version") == f"loginlake, version {loginlake.__version__}\n"


def test_a_named_condition_is_one_line_and_exit_code_1(line: CommandLine) -> None:
    line.env["LOGINLAKE_LAKE_URL"] = "s3://bucket"
    for words in (["land", "--once"], ["clean", "--once"], ["publish", "--once"], ["status"], ["cat", "x"]):
        result = line.run(*words)
        assert (result.exit_code, result.stdout) == (1, "")
        (said,) = result.stderr.splitlines()
        assert said.startswith("loginlake: LOGINLAKE_LAKE_URL names no lake")


@pytest.mark.parametrize("verb", ["run", "web", "dashboard", "land", "clean", "publish", "status"])
def test_no_verb_starts_the_developer_provider_off_loopback(line: CommandLine, verb: str) -> None:
    line.env["LOGINLAKE_HOST"] = "0.0.0.0"
    result = line.run(verb)
    assert result.exit_code == 1
    assert "developer identity provider does not start on 0.0.0.0" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not line.data.exists()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "x", "LOGINLAKE_PORT: "),
        ("PORT", "99999", "LOGINLAKE_PORT: "),
        ("LOG_LEVEL", "loud", "LOGINLAKE_LOG_LEVEL: "),
        ("TOO_OLD_DAYS", "-1", "LOGINLAKE_TOO_OLD_DAYS: "),
    ],
)
def test_a_wrong_setting_is_one_clear_line(line: CommandLine, name: str, value: str, said: str) -> None:
    line.env[f"LOGINLAKE_{name}"] = value
    result = line.run("status")
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_two_wrong_settings_are_both_said(line: CommandLine) -> None:
    line.env.update(LOGINLAKE_PORT="x", LOGINLAKE_WORKERS="0")
    assert {"LOGINLAKE_PORT", "LOGINLAKE_WORKERS"} <= set(re.findall(r"LOGINLAKE_\w+", line.run("settings").stderr))


def test_a_short_secret_is_refused_without_being_shown(line: CommandLine) -> None:
    line.env["LOGINLAKE_SECRET"] = "hunter2"
    result = line.run("clean", "--once")
    assert result.exit_code == 1
    assert "LOGINLAKE_SECRET is too short" in result.stderr
    assert "hunter2" not in result.output


def test_an_interrupted_verb_ends_quietly(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "cat", interrupted)
    line.data.mkdir()
    result = line.run("cat", "x")
    assert (result.exit_code, result.output) == (130, "")


def test_an_interrupt_while_the_settings_are_read_ends_quietly(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "read_settings", interrupted)
    result = line.run("run")
    assert (result.exit_code, result.output) == (130, "")


def test_an_interrupt_while_the_rest_is_imported_ends_quietly(tmp_path: Path) -> None:
    program = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests themselves may run where nobody hears Ctrl-C
from loginlake import start
class Interrupt:
    def find_spec(self, name, *_):
        if name == "loginlake.cli":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
start.main()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_what_a_process_writes_is_its_owners_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    env = {"LOGINLAKE_DATA": str(tmp_path / "data"), "PATH": os.environ["PATH"]}
    for words in (["send", "-"], ["land", "--once"], ["clean", "--once"], ["publish", "--once"]):
        command = [sys.executable, "-m", "loginlake", *words]
        subprocess.run(command, cwd=tmp_path, env=env, input=b"{}\n", capture_output=True, check=True)
    found = [path for path in (tmp_path / "data").rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert found == []
    assert (tmp_path / "data" / "gold.db").exists()


def test_a_public_address_that_is_none_is_said_before_anything_starts(line: CommandLine) -> None:
    line.env["LOGINLAKE_PUBLIC_URL"] = "https://login.example.com/path"
    result = line.run("land", "--once")
    assert (result.exit_code, result.stdout) == (1, "")
    (said,) = result.stderr.splitlines()
    assert said.startswith("loginlake: The web's public address is not an origin.")
    assert not line.data.exists()


def test_a_fault_of_ours_is_not_hidden(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(verbs, "clean", fail)
    result = line.run("clean", "--once")
    assert isinstance(result.exception, RuntimeError)


def test_send_of_a_file_that_is_not_there(line: CommandLine) -> None:
    result = line.run("send", "nothing.jsonl")
    assert result.exit_code == 2
    assert "nothing.jsonl" in result.stderr


def test_send_of_a_file(line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"one\ntwo\n")
    assert line("send", str(tmp_path / "events.jsonl")) == "sent 2  refused {}\n"


@pytest.mark.parametrize(
    "words", ["demo --people 0", "demo --repeats 1.5", "run --port 0", "status --watch 0", "topic --check --new-log"]
)
def test_options_that_cannot_be_are_refused(line: CommandLine, words: str) -> None:
    assert line.run(*words.split()).exit_code == 2
    assert not line.data.exists()


def test_a_command_without_a_docstring_would_be_seen() -> None:
    assert all((command.help or "").strip() for command in cli.main.commands.values())
    assert all(
        option.help
        for command in cli.main.commands.values()
        for option in command.params
        if isinstance(option, click.Option)
    )


HEAVY = ("polars", "numpy", "pydantic", "fastapi", "uvicorn", "dash", "httpx", "sqlite3")


def loaded(*words: str, cwd: Path) -> set[str]:
    """The heavy modules that a verb imports, seen in a process of its own."""
    program = (
        "import sys\nfrom loginlake.cli import main\n"
        f"try: main({list(words)!r})\nexcept SystemExit: pass\n"
        f"print('\\n' + ' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=cwd, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("words", "never"),
    [
        (("--help",), set(HEAVY)),
        (("land", "--help"), set(HEAVY)),
        (("settings",), set(HEAVY) - {"pydantic"}),
        (("land", "--once"), {"polars", "numpy", "fastapi", "uvicorn", "dash", "httpx"}),
        (("cat", "lake.json"), {"polars", "numpy", "fastapi", "uvicorn", "dash", "httpx"}),
        (("status",), {"polars", "numpy", "fastapi", "uvicorn", "dash", "httpx"}),
        (("clean", "--once"), {"fastapi", "uvicorn", "dash", "httpx"}),
        (("publish", "--once"), {"fastapi", "uvicorn", "dash", "httpx"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_verb_imports_only_what_it_needs(tmp_path: Path, words: tuple[str, ...], never: set[str]) -> None:
    assert loaded(*words, cwd=tmp_path) & never == set()
