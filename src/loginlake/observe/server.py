"""/metrics of a stage that runs alone, on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from loginlake.errors import Misconfigured


class StageUp:
    """Which stages of this process are up."""

    def __init__(self, states: dict[str, bool]) -> None:
        """By the name of the stage."""
        self._states = states

    def collect(self) -> Iterator[Metric]:
        """One gauge."""
        up = GaugeMetricFamily("loginlake_stage_up", "Whether a stage of this process is up", labels=["stage"])
        for stage, is_up in self._states.items():
            up.add_metric([stage], int(is_up))
        yield up


@contextmanager
def serving(host: str, port: int, collectors: Sequence[Collector]) -> Iterator[int]:
    """Answer GET /metrics while the block runs; the port (port 0: any free one)."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise Misconfigured(
            f"Port {port} of {host} can't be listened on for metrics.",
            f"{error.strerror}.",
            "Choose another: LOGINLAKE_METRICS_PORT.",
        ) from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
