"""How many examples a costly property test tries: few in `make test`, ten times as many in `make drill`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("EXAMPLES", "1"))


def examples(count: int) -> settings:
    """`count` examples, or EXAMPLES times as many. Building them may take long."""
    return settings(max_examples=count * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
