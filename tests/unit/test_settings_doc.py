"""The settings as a person reads them: .env.example, docs/settings.md and `loginlake settings`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from dotenv import dotenv_values
from fakes.command_line import CommandLine
from pydantic import SecretStr

from loginlake import settings_doc
from loginlake.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).parents[2]
WORD = "a-secret-word-of-more-than-32-characters"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_example_has_every_setting_and_parses_to_the_defaults(tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    names = [ENV_PREFIX + name.upper() for name in Settings.model_fields]
    assert list(dotenv_values(ROOT / ".env.example")) == names
    defaults = Settings()
    (tmp_path / ".env").write_text(example)
    assert Settings() == defaults


def test_the_committed_files_are_what_the_program_prints() -> None:
    fix = "make them again: loginlake settings --env > .env.example; loginlake settings --markdown > docs/settings.md"
    assert (ROOT / ".env.example").read_text() == settings_doc.env_example(), fix
    assert (ROOT / "docs" / "settings.md").read_text() == settings_doc.markdown(), fix


def test_every_setting_says_what_it_means() -> None:
    assert all((field.description or "").strip() for field in Settings.model_fields.values())
    assert all(line.count(" | ") >= 2 for line in settings_doc.markdown().splitlines() if line.startswith("| `"))


def test_rows_say_where_a_value_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOGINLAKE_HOST=::1\nloginlake_workers=2\n")
    monkeypatch.setenv("LOGINLAKE_PORT", "4321")
    monkeypatch.setenv("loginlake_partitions", "8")
    rows = {row.name: row for row in settings_doc.rows(Settings())}
    assert [(rows[f"LOGINLAKE_{name}"].value, rows[f"LOGINLAKE_{name}"].source) for name in ("PORT", "PARTITIONS")] == [
        ("4321", "environment"),
        ("8", "environment"),
    ]
    assert (rows["LOGINLAKE_HOST"].value, rows["LOGINLAKE_HOST"].source) == ("::1", ".env")
    assert (rows["LOGINLAKE_WORKERS"].value, rows["LOGINLAKE_WORKERS"].source) == ("2", ".env")
    assert (rows["LOGINLAKE_DATA"].value, rows["LOGINLAKE_DATA"].source) == ("data", "default")


def test_a_name_that_is_no_setting_is_said_with_the_likely_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("loginlake_veiwers=a@example.com\nUNRELATED=1\n")
    monkeypatch.setenv("LOGINLAKE_GOOGLE_CLIENTID", "x")
    monkeypatch.setenv("LOGINLAKE_QQQ", "x")
    monkeypatch.setenv("LOGINLAKE_PORT", "4321")
    monkeypatch.setenv("LOGINLAKE_TEST_LOG_URL", "kafka://broker.example:9092/x")
    assert settings_doc.mistyped() == [
        "LOGINLAKE_GOOGLE_CLIENTID is no setting, and has no effect. Is it LOGINLAKE_GOOGLE_CLIENT_ID?",
        "LOGINLAKE_QQQ is no setting, and has no effect.",
        "LOGINLAKE_VEIWERS is no setting, and has no effect. Is it LOGINLAKE_VIEWERS?",
    ]


def test_every_verb_says_so(tmp_path: Path) -> None:
    ended = CommandLine(tmp_path / "data", LOGINLAKE_VEIWERS="ana@example.com").run("settings", "--json")
    assert "LOGINLAKE_VEIWERS is no setting" in ended.stderr
    assert "ana@example.com" not in ended.stderr


def test_the_table_shows_the_default_of_what_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGINLAKE_PORT", "4321")
    table = settings_doc.table(settings_doc.rows(Settings()))
    assert len(table.splitlines()) == len(Settings.model_fields)
    (line,) = [line for line in table.splitlines() if line.startswith("LOGINLAKE_PORT ")]
    assert line.split()[1:3] == ["4321", "environment"]
    assert line.endswith("[8000]")


def test_a_secret_is_said_to_be_set_and_never_shown() -> None:
    rows = settings_doc.rows(Settings(secret=SecretStr(WORD)))
    assert WORD not in settings_doc.table(rows)
    assert [row.value for row in rows if row.name == "LOGINLAKE_SECRET"] == ["(set)"]


@pytest.mark.parametrize("form", [(), ("--json",), ("--env",), ("--markdown",)])
def test_no_form_of_the_command_prints_a_secret_or_a_password(tmp_path: Path, form: tuple[str, ...]) -> None:
    line = CommandLine(
        tmp_path / "data",
        LOGINLAKE_SECRET=WORD,
        LOGINLAKE_GOLD_URL=f"mongodb://ana:{WORD}@db.example/x",
        LOGINLAKE_LOG_URL=f"kafka://{WORD}@broker.example:9092/signins",
    )
    shown = line("settings", *form)
    assert WORD not in shown
    if form == ("--json",):
        values = {row["name"]: row["value"] for row in json.loads(shown)}
        assert values["LOGINLAKE_GOLD_URL"] == "mongodb://***@db.example/x"
        assert values["LOGINLAKE_LOG_URL"] == "kafka://***@broker.example:9092/signins"


def test_the_command_prints_the_files(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    assert line("settings", "--env") == settings_doc.env_example()
    assert line("settings", "--markdown") == settings_doc.markdown()
