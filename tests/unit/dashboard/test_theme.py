from __future__ import annotations

from pathlib import Path

import loginlake.web
from loginlake.dashboard.theme import mantine_theme, scheme_css, shades

TOKENS = (Path(loginlake.web.__file__).parent / "static" / "tokens.css").read_text(encoding="utf-8")


def test_the_sign_in_page_colours_are_the_dashboard_colours() -> None:
    assert len(shades(TOKENS)) == 10
    assert mantine_theme(TOKENS)["colors"]["lake"][7] in TOKENS


def test_every_dark_token_has_its_light_one() -> None:
    light, dark = scheme_css(TOKENS).split(":root")[1:]
    names = [
        {part.split(":")[0] for part in rule.partition("{")[2].split(";") if part.startswith("--ll-")}
        for rule in (light, dark)
    ]
    assert "--ll-bg" in names[1] <= names[0]
    assert 'scheme="light"]{color-scheme:light;' in light
    assert 'scheme="dark"]{color-scheme:dark;' in dark
