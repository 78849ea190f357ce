from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

import loginlake.dashboard
from loginlake.dashboard.texts import TEXTS, text
from loginlake.silver import reasons
from loginlake.web.identity import Reason
from loginlake.web.texts import LANGUAGES

SOURCES = sorted(Path(loginlake.dashboard.__file__).parent.glob("*.py"))

# How Google says that somebody signed in (select_by).
SELECT_BY = (
    *("auto", "user", "user_1tap", "user_2tap", "fedcm", "fedcm_auto"),
    *("btn", "btn_confirm", "btn_add_session", "btn_confirm_add_session"),
)


def fields(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    spanish, english = (list(TEXTS[language]) for language in LANGUAGES)
    assert spanish == english


@pytest.mark.parametrize("key", TEXTS["es"])
def test_both_languages_fill_in_the_same_values(key: str) -> None:
    assert fields(TEXTS["es"][key]) == fields(TEXTS["en"][key])


def test_every_key_is_used_and_every_used_key_exists() -> None:
    words = {
        node.value
        for path in SOURCES
        if not path.name.startswith("words_")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    fields = {*reasons.ATTRIBUTES, *(name for kind in reasons.DATA.values() for name in kind), "email_verified", "data"}
    codes = {code for code in TEXTS["es"] if code.startswith("reason_")}  # test_views.py holds them to the cleaning
    refused = {f"refused_{reason.value}" for reason in Reason}
    methods = {f"method_{code}" for code in SELECT_BY}
    made = (
        codes
        | refused
        | methods
        | {f"field_{name}" for name in fields}
        | {f"{name}_{end}" for name in words for end in ("title", "text", "link", "short")}
        | {
            f"{start}{end}"
            for start in ("range_", "ago_", "device_", "view_", "column_", "compare_", "nav_")
            for end in (*words, "7", "30", "90", "365", "desktop", "mobile", "tablet", "bot")
        }
    )
    assert set(TEXTS["es"]) <= words | made


def test_no_text_is_left_untranslated() -> None:
    same = {key for key in TEXTS["es"] if TEXTS["es"][key] == TEXTS["en"][key]}
    assert same <= {"ago_seconds", "ago_minutes", "ago_hours"}


def test_a_text_is_filled_in() -> None:
    assert text("es", "week_n", n="12") == "Semana 12"
    with pytest.raises(KeyError):
        text("es", "nobody wrote this")
