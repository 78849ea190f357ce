"""User agent -> device, browser, system, in words that can be counted. Pure; each distinct user agent is read once."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ua_parser import parse_os, parse_user_agent

DEVICE_DAYS = 90
"""For so many days up to the last sign-in a person's document tells the devices, by day."""
# Longer ones are made up, and a pattern's time grows with its text.
_LONGEST = 512
_BOT = re.compile(r"bot\b|bot[/;-]|crawl|spider|slurp|headless|curl/|wget/|python|java/|go-http", re.IGNORECASE)
_TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook", re.IGNORECASE)
_MOBILE = re.compile(r"mobi|iphone|ipod|windows phone", re.IGNORECASE)
_ANDROID = re.compile(r"android", re.IGNORECASE)
_DESKTOP = re.compile(r"windows nt|macintosh|x11|cros |linux", re.IGNORECASE)


class Agent(NamedTuple):
    """`device` is desktop, mobile, tablet or bot; browser and system are families without version. Unknown is ""."""

    device: str
    browser: str
    system: str


UNKNOWN = Agent("", "", "")


@lru_cache(maxsize=16_384)
def agent(user_agent: str | None) -> Agent:
    """What a user agent says of itself."""
    if not user_agent:
        return UNKNOWN
    text = user_agent[:_LONGEST]
    browser, system = parse_user_agent(text), parse_os(text)
    return Agent(_device(text), browser.family if browser else "", system.family if system else "")


def device_name(user_agent: str | None) -> str:
    """Device, browser and system in one line, as gold keeps them of a person."""
    return "|".join(" ".join(name.split()) for name in agent(user_agent))


def _device(text: str) -> str:
    if _BOT.search(text):
        return "bot"
    android = _ANDROID.search(text) is not None
    mobile = _MOBILE.search(text) is not None
    if _TABLET.search(text) or (android and not mobile):
        return "tablet"
    if mobile:
        return "mobile"
    return "desktop" if _DESKTOP.search(text) else ""
