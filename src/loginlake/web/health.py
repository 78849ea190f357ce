"""Whether the web is alive, whether its sinks answer, and its numbers: no person's datum in any of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from loginlake.errors import LoginlakeError
from loginlake.stream.spool_record import SpoolState
from loginlake.web.context import WebContext, context_of
from loginlake.web.problems import RETRY_AFTER_S
from loginlake.web.state import WebState

router = APIRouter()
_READY_S = 3.0
_METRICS = {
    "answered": "Sign-ins answered 2xx, each with a durable event of its own",
    "answered_again": "Repeats of an answered sign-in, answered the same without a second event",
    "refused": "Refused tokens kept as events",
    "refusals_dropped": "Refused tokens that the rate limit kept from becoming events",
    "refusals_lost": "Refused tokens that the log did not take",
    "unavailable": "Sign-ins answered 503",
    "events_accepted": "Other applications' events accepted, each durable",
    "events_refused": "Other applications' events refused: envelope, source or size",
    "events_unavailable": "Other applications' events that neither log nor spool took",
    "events_limited": "Other applications' events beyond the rate of their key",
}


@router.get("/health")
async def health() -> Response:
    """Alive: this process answers."""
    return _json({"alive": True})


@router.get("/ready")
async def ready(request: Request) -> Response:
    """Ready: log, state and signing keys answer, and no stage of this process is down. 503 names the one that is not.

    A log that is away leaves the web ready while its spool takes sign-ins.
    """
    context = context_of(request)
    names = ("log", "state", "keys")
    results = await asyncio.gather(
        _answers(asyncio.to_thread(context.log.ranges)),
        _answers(asyncio.to_thread(context.state.counters)),
        _answers(context.verifier.ready()),
    )
    parts: dict[str, object] = dict(zip(names, ("ok" if good else "unavailable" for good in results), strict=True))
    log, *others = results
    if context.spool is not None:
        spool = await asyncio.to_thread(context.spool.state)
        parts["spool"] = spool
        log = log or spool.takes
    if stages := context.stages():
        parts["stages"] = stages
    good = log and all(others) and set(stages.values()) <= {"ok"}
    return _json({"ready": good, **parts}, 200 if good else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus' text format. Every worker answers for all: the numbers are the shared state's."""
    registry = CollectorRegistry(auto_describe=False)
    context = context_of(request)
    registry.register(_Counters(context.state))
    if context.spool is not None:
        registry.register(_Spool(await asyncio.to_thread(context.spool.state)))
    registry.register(_Process(context))
    for collector in context.collectors:
        registry.register(collector)
    text = await asyncio.to_thread(generate_latest, registry)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Counters:
    """The shared counters as metrics."""

    def __init__(self, state: WebState) -> None:
        self._counters = state.counters()

    def collect(self) -> Iterator[Metric]:
        """Each metric, zero included."""
        for name, meaning in _METRICS.items():
            yield CounterMetricFamily(f"loginlake_web_{name}", meaning, value=self._counters.get(name, 0))
        reasons = CounterMetricFamily("loginlake_web_refused_by_reason", "Refused tokens by reason", labels=["reason"])
        for name, n in self._counters.items():
            if name.startswith("refused:"):
                reasons.add_metric([name.removeprefix("refused:")], n)
        yield reasons


class _Process:
    """This process's own: the stages in it, and the provider's keys that it holds."""

    def __init__(self, context: WebContext) -> None:
        self._stages, self._keys = {"web": "ok", **context.stages()}, context.verifier.keys()

    def collect(self) -> Iterator[Metric]:
        """Each gauge; no age of keys that were never fetched."""
        up = GaugeMetricFamily("loginlake_stage_up", "Whether a stage of this process is up", labels=["stage"])
        for stage, state in self._stages.items():
            up.add_metric([stage], int(state == "ok"))
        yield up
        failed = int(self._keys.failed)
        yield GaugeMetricFamily("loginlake_keys_failed", "Whether the last fetch of signing keys failed", value=failed)
        if self._keys.age_s is not None:
            meaning = "Since the provider's signing keys were fetched"
            yield GaugeMetricFamily("loginlake_keys_age_seconds", meaning, value=self._keys.age_s)


class _Spool:
    """What waits for the log, over all workers of this machine."""

    def __init__(self, state: SpoolState) -> None:
        self._numbers = {
            "entries": ("Events in the spool", state.entries),
            "bytes": ("Bytes in the spool", state.size_bytes),
            "oldest_seconds": ("Age of the oldest event in the spool", state.oldest_s),
            "takes": ("Whether this worker's spool takes more", int(state.takes)),
            "unreadable": ("Spool files that cannot be read", len(state.unreadable)),
        }

    def collect(self) -> Iterator[Metric]:
        """Each gauge."""
        for name, (meaning, number) in self._numbers.items():
            yield GaugeMetricFamily(f"loginlake_spool_{name}", meaning, value=number)


async def _answers(call: Awaitable[object]) -> bool:
    try:
        return await asyncio.wait_for(call, _READY_S) is not False
    except (TimeoutError, LoginlakeError):
        return False


def _json(value: object, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {})
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")
