"""The words of the dashboard by language and key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from loginlake.dashboard import words_en, words_es
from loginlake.web.texts import Language

TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {"es": words_es.WORDS, "en": words_en.WORDS}


def text(language: Language, key: str, **values: object) -> str:
    """The words of a key, with its {values} filled in. KeyError for a key that no one wrote."""
    return TEXTS[language][key].format(**values)
