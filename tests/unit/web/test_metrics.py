"""/metrics tells the stages of this process, what they counted, and how old the provider's keys are."""

from __future__ import annotations

import pytest
from fakes.web_site import Browser, Site


@pytest.mark.asyncio
async def test_the_age_of_the_keys_is_told_once_they_were_fetched(site: Site, browser: Browser) -> None:
    assert "loginlake_keys_age_seconds" not in (await browser.get("/metrics")).text
    await browser.sign_in(await browser.credential())
    assert "loginlake_keys_age_seconds 0" in (await browser.get("/metrics")).text
    site.clock.pass_s(90)
    text = (await browser.get("/metrics")).text
    assert "loginlake_keys_failed 0.0" in text
    assert "loginlake_keys_age_seconds 90.0" in text


@pytest.mark.asyncio
async def test_a_stage_that_is_down_is_told(site: Site, browser: Browser) -> None:
    site.stages = {"land": "ok", "clean and publish": "Corrupt"}
    text = (await browser.get("/metrics")).text
    assert 'loginlake_stage_up{stage="web"} 1.0' in text
    assert 'loginlake_stage_up{stage="land"} 1.0' in text
    assert 'loginlake_stage_up{stage="clean and publish"} 0.0' in text
