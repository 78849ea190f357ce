"""Every page as it is rendered, in both languages: words and nothing of Python's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fakes.web_site import Browser

from loginlake.web.pages import STATIC, render, script_texts
from loginlake.web.texts import CATALOGUES, LANGUAGES, Language

TEMPLATES = sorted((STATIC.parent / "templates").glob("*.html"))


def strange(page: str) -> bool:
    return "built-in" in page or "object at 0x" in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize("developer", [True, False])
def test_the_page_has_words_only(language: Language, *, signed_in: bool, developer: bool) -> None:
    page = render(
        "page.html",
        language,
        boot={},
        script="/x",
        developer=developer,
        signed_in=signed_in,
        steps=("web", "topic", "bronze", "silver", "gold"),
        script_texts=script_texts(language),
    )
    assert not strange(page)
    assert f'aria-label="{CATALOGUES[language]["copy"]}"' in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.asyncio
async def test_the_pages_as_served_have_words_only(browser: Browser, language: Language) -> None:
    browser.headers["Accept"] = "text/html"
    answers = [await browser.get(f"{path}?lang={language}") for path in ("/", "/nothing", "/api/signin")]
    await browser.sign_in(await browser.credential())
    answers.append(await browser.get(f"/?lang={language}"))
    assert not any(strange(answer.text) for answer in answers)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_text_is_asked_for_by_a_name_that_a_dict_has(template: Path) -> None:
    """`t.copy` would be the method: such a name needs `t["copy"]`."""
    names = set(re.findall(r"\bt\.(\w+)", template.read_text()))
    assert not [name for name in names if hasattr(dict, name)]
