"""Property tests measure nothing (a slow machine is no failure), and try the same examples in every run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

# Else it also tries the constants of our modules, of those that are imported by then: whatever tests ran before.
assert callable(providers._get_local_constants)
providers._get_local_constants = lambda: providers._local_constants

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

pytest_plugins = ["services_azurite_mongo", "services_kafka"]
