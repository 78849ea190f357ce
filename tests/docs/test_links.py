"""Every relative link of every page leads somewhere; every picture is there; every setting that is named exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loginlake.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "lock/*.md", "bench/*.md", "services/*.md", "dags/*.md", "tests/**/*.md")
    for path in ROOT.glob(pattern)
)


def anchor(heading: str) -> str:
    """As forges make it: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def targets(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("doc", PAGES, ids=lambda doc: str(doc.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(doc: Path) -> None:
    for target in targets(doc):
        name, _, part = target.partition("#")
        place = (doc.parent / name).resolve() if name else doc
        assert place.exists(), f"{target} is not there"
        assert place.is_relative_to(ROOT), f"{target} leads out of the project"
        if part:
            assert part in {anchor(heading) for heading in re.findall(r"^#+ (.+)$", place.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("doc", PAGES, ids=lambda doc: str(doc.relative_to(ROOT)))
def test_every_setting_that_is_named_exists(doc: Path) -> None:
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields} | {
        f"LOGINLAKE_TEST_{name}_URL" for name in ("LOG", "LAKE", "GOLD", "MONGO")
    }
    named = set(re.findall(r"LOGINLAKE_[A-Z0-9_]*[A-Z0-9]\b(?!\*)", doc.read_text()))
    assert named <= known


def test_every_decision_has_its_number_and_its_four_parts() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        parts = {word.lower() for word in re.findall(r"^(?:#+ |\*\*)?(\w+)", page.read_text(), re.MULTILINE)}
        assert {"status", "context", "decision", "consequences"} <= parts, page.name
