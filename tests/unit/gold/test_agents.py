from __future__ import annotations

import pytest
from fakes.silver_objects import CHROME, IPHONE

from loginlake.gold.agents import UNKNOWN, Agent, agent

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
ANDROID = f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {_WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36"
TABLET = f"Mozilla/5.0 (Linux; Android 13; SM-X700) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {_WEBKIT} Version/16.6 Mobile/15E148 Safari/604.1"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Version/17.5 Safari/605.1.15"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CHROME, Agent("desktop", "Chrome", "Windows")),
        (FIREFOX, Agent("desktop", "Firefox", "Linux")),
        (MAC, Agent("desktop", "Safari", "Mac OS X")),
        (IPHONE, Agent("mobile", "Mobile Safari", "iOS")),
        (ANDROID, Agent("mobile", "Chrome Mobile", "Android")),
        (TABLET, Agent("tablet", "Chrome", "Android")),
        (IPAD, Agent("tablet", "Mobile Safari", "iOS")),
        ("curl/8.5.0", Agent("bot", "curl", "")),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Agent("bot", "Googlebot", "")),
        ("\x00 \U0001f600 nothing known", UNKNOWN),
        ("", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_what_a_user_agent_says(text: str | None, expected: Agent) -> None:
    assert agent(text) == expected


def test_a_made_up_one_without_end_is_read_to_a_bound() -> None:
    assert agent(CHROME + "x" * 1_000_000) == agent(CHROME)
