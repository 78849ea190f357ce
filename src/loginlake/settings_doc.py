"""The settings as a person reads them: a table, .env.example, docs/settings.md. Made from settings.py alone."""

from __future__ import annotations

import difflib
import os
import re
from typing import Any

import msgspec
from dotenv import dotenv_values
from pydantic import SecretStr

from loginlake.settings import ENV_PREFIX, Settings

_OF_TESTS = "TEST_"  # the real accounts of `make verify-real`
_USER_IN_URL = re.compile(r"://[^/@]+@")


class Row(msgspec.Struct, frozen=True):
    """One setting. A secret's value is never shown, only whether there is one; nor is a URL's password."""

    name: str
    value: str
    source: str
    default: str
    meaning: str


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else ""
    return _USER_IN_URL.sub("://***@", str(value))


def _given() -> tuple[set[str], set[str]]:
    """The names in the environment, and in .env."""
    return {name.upper() for name in os.environ}, {name.upper() for name in dotenv_values(".env")}


def mistyped() -> list[str]:
    """A line for each LOGINLAKE_ name that is given and is no setting: it has no effect, and nothing else says so."""
    known = [name.upper() for name in Settings.model_fields]
    found = []
    for given in sorted(set.union(*_given())):
        name = given.removeprefix(ENV_PREFIX)
        if name != given and name not in known and not name.startswith(_OF_TESTS):
            likely = difflib.get_close_matches(name, known, 1)
            found.append(" ".join([f"{given} is no setting, and has no effect.", *map(_question, likely)]))
    return found


def _question(name: str) -> str:
    return f"Is it {ENV_PREFIX}{name}?"


def rows(settings: Settings) -> list[Row]:
    """Every setting in the order of settings.py, with the source of its value: environment, .env or default."""
    in_environment, in_file = _given()
    found = []
    for name, field in Settings.model_fields.items():
        variable = ENV_PREFIX + name.upper()
        source = "environment" if variable in in_environment else ".env" if variable in in_file else "default"
        value = _shown(getattr(settings, name))
        found.append(Row(variable, value, source, _shown(field.default), field.description or ""))
    return found


def table(found: list[Row]) -> str:
    """The rows as aligned columns."""
    widths = [max(len(getattr(row, column)) for row in found) for column in ("name", "value", "source")]
    return "\n".join(
        f"{row.name:<{widths[0]}}  {row.value:<{widths[1]}}  {row.source:<{widths[2]}}  {row.meaning}"
        + (f" [{row.default}]" if row.default and row.source != "default" else "")
        for row in found
    )


def env_example() -> str:
    """Every setting with its default, commented by its meaning."""
    lines = ["# Every setting with its default. Copy to .env and change what you need.\n"]
    for name, field in Settings.model_fields.items():
        lines.append(f"# {field.description}\n{ENV_PREFIX}{name.upper()}={_shown(field.default)}\n")
    return "\n".join(lines)


def markdown() -> str:
    """The page docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Environment variables, or lines of a file `.env` in the working folder.",
        "This page is made by `loginlake settings --markdown`.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = f"`{_shown(field.default)}`" if _shown(field.default) else ""
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{ENV_PREFIX}{name.upper()}` | {default} | {meaning} |")
    return "\n".join(lines) + "\n"
