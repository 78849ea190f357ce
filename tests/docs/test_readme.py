"""The READMEs are true: the table of words, the links, the commands, in both languages."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from fakes.command_line import CommandLine

from loginlake import cli

ROOT = Path(__file__).parents[2]
README, SPANISH = (ROOT / "README.md").read_text(), (ROOT / "README.es.md").read_text()
# What a reader must find in each file that the table names for a word of the original design.
WORDS = {
    "producer": {"src/loginlake/web/accept.py": ".send("},
    "topic": {"src/loginlake/stream/topic.py": "def ensure_topic(", "src/loginlake/stream/log.py": "class EventLog("},
    "ZooKeeper": {"services/kafka.py": "zookeeper"},
    "configPipeline": {"src/loginlake/bronze/land.py": "class Lander"},
    "Data Lake": {"src/loginlake/lake/store.py": "class ObjectStore(", "docs/data.md": "bronze/signins/date="},
    "azureEtl": {"src/loginlake/silver/clean.py": "def clean("},
    "dagEtl": {
        "dags/dagEtl.py": "dagEtl",
        "docs/airflow.md": "make airflow",
        "src/loginlake/schedule.py": "def run_passes(",
    },
    "LinuxDags": {"dags/azureEtl.py": "def "},
    "silver": {"src/loginlake/silver/merge.py": "def merge("},
    "goldDB.py": {"src/loginlake/gold/publish.py": "def publish("},
    "gold": {"src/loginlake/gold/store.py": "class GoldStore("},
    "WSL": {},
}
SCRIPTS = ("configPipeline", "azureEtl", "goldDB")


def table() -> dict[str, str]:
    """The table of words: each word, and what is said of it."""
    section = README.partition("## Where the words of the original design live")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", section, re.MULTILINE)
    return {word: said for words, said in rows for word in words.split(", ") if words != "word"}


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", text)


def commands(text: str) -> list[str]:
    """The commands of the indented blocks, without their comments; in both languages the same but for file names."""
    found = re.findall(r"^    (?:[A-Z_]+=\S+ )*((?:make|loginlake)\b[^#\n]*)", text, re.MULTILINE)
    return [command.strip() for command in found]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_word_of_the_original_design_has_a_row() -> None:
    assert set(table()) == set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_what_the_table_names_is_there(word: str) -> None:
    assert set(links(table()[word])) == set(WORDS[word])
    for name, inside in WORDS[word].items():
        assert inside in (ROOT / name).read_text(), f"{name} has no {inside!r}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_of_the_original_design_are_installed(script: str) -> None:
    assert re.search(rf'^{script} = "loginlake\.start:\w+_main"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)


@pytest.mark.parametrize("text", [README, SPANISH], ids=["README.md", "README.es.md"])
def test_windows_in_a_few_commands(text: str) -> None:
    for step in ("wsl --install -d Ubuntu", "sudo apt install -y git make python3 python3-venv", "make run"):
        assert step in text


def test_both_languages_name_the_same_commands() -> None:
    def shape(text: str) -> list[str]:
        return [re.sub(r"(?<=send )\S+|(?<=DATA=)\S+", "…", command) for command in commands(text)]

    assert shape(README) == shape(SPANISH)
    assert len(commands(README)) >= 9


def test_both_languages_say_the_same_of_the_same() -> None:
    """The same sections, each with the same rows and the same links, but for the link to the other language."""

    def shape(text: str) -> list[tuple[int, list[str]]]:
        sections = re.split(r"^#+ ", text, flags=re.MULTILINE)
        return [
            (
                len(re.findall(r"^\|", part, re.MULTILINE)),
                sorted(link for link in links(part) if not link.startswith("README")),
            )
            for part in sections
        ]

    assert shape(README) == shape(SPANISH)


@pytest.mark.parametrize("command", sorted({*commands(README), *commands(SPANISH)}))
def test_the_commands_exist(command: str, tmp_path: Path) -> None:
    program, *words = shlex.split(command)
    if program == "make":
        assert {word for word in words if "=" not in word} <= targets()
        assert {word.split("=")[0] for word in words if "=" in word} <= {"PORT", "DATA", "PEOPLE", "DAYS", "ON", "SEED"}
    else:
        assert words[0] in cli.main.commands
        options = {option for parameter in cli.main.commands[words[0]].params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= options


def test_the_commands_of_loginlake_run_as_they_stand(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    (tmp_path / "events.jsonl").write_bytes(b"{}\n")
    for command in commands(README):
        program, *words = shlex.split(command)
        if program == "loginlake":
            line(*words)


@pytest.mark.parametrize("target", ["run", "test", "demo", "check", "install", "lock", "help"])
def test_make_knows_the_targets_that_others_rely_on(target: str) -> None:
    assert target in targets()


def test_make_alone_explains_every_target() -> None:
    shown = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {f"make {target}" for target in targets()} <= set(re.findall(r"make [a-z-]+", shown))
    assert "PORT=8000 DATA=./data" in shown


def test_what_the_makefile_runs_is_there() -> None:
    text = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"\b(?:tests|bench|services)/[\w/.]+\.(?:py|sh)", text))
    named |= {
        f"tests/{module.replace('.', '/')}.py" for module in re.findall(r"PYTHONPATH=tests \S+ -m ([\w.]+)", text)
    }
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_the_path_is_told_in_the_order_of_the_verbs() -> None:
    for text in (README, SPANISH):
        told = re.findall(r"^    (web|land|clean|publish|dashboard)  +\S", text, re.MULTILINE)
        assert told == [verb for verb in cli.main.commands if verb in told]
        assert len(told) == 5
