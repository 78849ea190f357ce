"""Property tests measure nothing (a slow machine is no failure), and try the same examples in every run."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

pytest_plugins = ["services_azurite_mongo", "services_kafka"]
