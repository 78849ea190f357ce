"""The words of the dashboard by language and key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from loginlake.dashboard import words_en, words_es

Language = Literal["es", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("es", "en")
TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {"es": words_es.WORDS, "en": words_en.WORDS}


def text(language: Language, key: str, **values: object) -> str:
    """The words of a key, with its {values} filled in. KeyError for a key that no one wrote."""
    return TEXTS[language][key].format(**values)


def language_named(name: str | None) -> Language:
    """The language of that name; Spanish for any other."""
    return "en" if name is not None and name.lower().startswith("en") else "es"
