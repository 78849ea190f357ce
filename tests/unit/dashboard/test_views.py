from __future__ import annotations

from datetime import date

import pytest

from loginlake.dashboard.figures import OTHERS, Path
from loginlake.dashboard.views import path, reason_words
from loginlake.silver import reasons
from loginlake.web.texts import LANGUAGES, Language

FIELDS = {
    *reasons.ATTRIBUTES,
    *(name for of in (reasons.DATA, reasons.BOOLEANS) for kind in of.values() for name in kind),
}
# ORDER's names are the codes, but for the two that name a field; three have no message yet and stand before it.
CODES = {
    "not_json",
    "not_object",
    "unknown_type",
    "wrong_type_data",
    *({judge.__name__ for judge in reasons.ORDER} - {"null", "wrong_type"}),
    *(f"{kind}_{name}" for kind in ("null", "wrong_type") for name in FIELDS),
}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_reason_of_the_cleaning_has_words_of_its_own(lang: Language) -> None:
    words = {code: reason_words(code, lang) for code in CODES}
    assert {code for code, said in words.items() if said == code or "_" in said} == set()
    assert len(set(words.values())) == len(CODES)


def test_words_of_reasons() -> None:
    assert reason_words("null_picture", "es") == "Falta: foto"
    assert reason_words("wrong_type_email", "en") == "Wrong type: e-mail"
    assert reason_words("a_new_one", "es") == reason_words("a_new_one", "en") == "a_new_one"
    assert reason_words("null_new", "es") == "null_new"
    assert reason_words("", "es") == "—"


@pytest.mark.parametrize(("lang", "others"), [("es", "otros motivos"), ("en", "other reasons")])
def test_reasons_show_words_and_their_code_and_all_the_others_by_name(lang: Language, others: str) -> None:
    found = Path(9, 3, 1, 0, 7, (("not_json", 4), (OTHERS, 3)), date(2026, 11, 24))
    shown = str(path(found, lang))
    assert f"Bdi('{reason_words('not_json', lang)}')" in shown
    assert "Code(children='not_json'" in shown
    assert f"Bdi('{others}')" in shown
    assert f"'{OTHERS}'" not in shown
