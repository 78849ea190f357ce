"""The visual language, read from the sign-in page's tokens.css, so that both pages have one source of colours."""

from __future__ import annotations

import re
from typing import Any

_ROOT = re.compile(r":root\s*\{([^}]*)\}")
_SHADE = re.compile(r"--ll-lake-(\d):\s*(#[0-9a-fA-F]{6})")
_TOKEN = re.compile(r"--ll-[\w-]+:[^;]+;")


def shades(tokens: str) -> list[str]:
    """The ten shades of the primary colour, lightest first."""
    found = {int(number): colour for number, colour in _SHADE.findall(tokens)}
    return [found[number] for number in range(10)]


def scheme_css(tokens: str) -> str:
    """Rules that apply the light and the dark tokens by the scheme that the viewer chose, not only by the system's.

    tokens.css has two :root blocks: the light one, and the dark one under prefers-color-scheme.
    """
    light, dark = _ROOT.findall(tokens)
    return "".join(
        f':root[data-mantine-color-scheme="{scheme}"]{{color-scheme:{scheme};{"".join(_TOKEN.findall(block))}}}'
        for scheme, block in (("light", light), ("dark", dark))
    )


def mantine_theme(tokens: str) -> dict[str, Any]:
    """The theme of MantineProvider."""
    return {
        "colors": {"lake": shades(tokens)},
        "primaryColor": "lake",
        "primaryShade": {"light": 7, "dark": 4},
        "autoContrast": True,
        "defaultRadius": "md",
        "fontFamily": "var(--ll-font)",
        "fontFamilyMonospace": "var(--ll-font-mono)",
        "headings": {"fontFamily": "var(--ll-font)", "fontWeight": "650"},
        "cursorType": "pointer",
    }
