"""Twenty kills with -9 in every run of the tests; `make drill` does a hundred."""

from __future__ import annotations

import pytest
from kill.drill import drill


@pytest.mark.kill
@pytest.mark.timeout(1800)
def test_what_is_left_after_twenty_kills_equals_an_undisturbed_run() -> None:
    outcome = drill(kills_wanted=20, seed=7, least=1)
    print(dict(outcome.kills))
    assert outcome.differences == []
    assert sum(outcome.kills.values()) >= 20
