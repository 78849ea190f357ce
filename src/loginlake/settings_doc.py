"""The settings as a person reads them: a table, .env.example, docs/settings.md. Made from settings.py alone."""

from __future__ import annotations

import os
import re
from typing import Any

import msgspec
from dotenv import dotenv_values
from pydantic import SecretStr

from loginlake.settings import ENV_PREFIX, Settings

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


def rows(settings: Settings) -> list[Row]:
    """Every setting in the order of settings.py, with the source of its value: environment, .env or default."""
    in_file = {name.upper() for name in dotenv_values(".env")}
    in_environment = {name.upper() for name in os.environ}
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
