from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from fakes.web_site import Browser, Site


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def browser(site: Site) -> AsyncIterator[Browser]:
    async with site.browser() as made:
        yield made
