"""Traces by OpenTelemetry, from the POST to gold, held together by each event's own `traceparent` (the extra otel).

The web makes the span of the POST and writes its context into the event. Whoever lands, cleans or publishes makes a
span beneath it for each event that is sampled: seen where the stage writes, in the lake's calls. traces/ in the lake
holds the sampled events on their way, named as their bronze object; it is empty when nothing is on its way.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec
from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from loginlake.lake import hint, keys, lines
from loginlake.lake.marks import to_publish
from loginlake.lake.store import Entry, ObjectStore, Stored, lookup

_FOLDER = "traces/"
_MARK = b'"traceparent"'
_CONTEXT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
_PROPAGATOR = TraceContextTextMapPropagator()


class _OnItsWay(msgspec.Struct):
    """A sampled event: its context, its id, its day, and when it reached where it is (ns)."""

    traceparent: str
    event: str
    day: str
    partition: int
    offset: int
    since: int


class _Trail(msgspec.Struct):
    cleaned: bool
    events: list[_OnItsWay]


_TRAIL = msgspec.json.Decoder(_Trail)


class _Event(msgspec.Struct):
    id: str
    time: str
    traceparent: str


_event = msgspec.json.Decoder(_Event).decode


class _Line(msgspec.Struct):
    partition: int
    offset: int
    value: msgspec.Raw


_line = msgspec.json.Decoder(_Line).decode


class _Rejected(msgspec.Struct):
    offset: int


_rejected = msgspec.json.Decoder(_Rejected).decode_lines


class Traces:
    """The spans of one process."""

    def __init__(self, provider: TracerProvider, now_ns: Callable[[], int] = time.time_ns) -> None:
        """`provider` has its exporter already; `now_ns` is the wall clock."""
        self._tracer = provider.get_tracer("loginlake")
        self.now_ns = now_ns

    @contextmanager
    def post(self) -> Iterator[str | None]:
        """The span of a POST that becomes an event; its context, as the event carries it."""
        span = self._tracer.start_span("POST /api/signin", kind=SpanKind.PRODUCER, start_time=self.now_ns())
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
        try:
            yield carrier.get("traceparent")
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            span.end(self.now_ns())

    def stage(self, name: str, event: _OnItsWay, **attributes: str) -> None:
        """The span of a stage: since the event reached the one before, until now."""
        parent = _PROPAGATOR.extract({"traceparent": event.traceparent})
        told: dict[str, str | int] = {
            "loginlake.event": event.event,
            "loginlake.partition": event.partition,
            "loginlake.offset": event.offset,
            **attributes,
        }
        span = self._tracer.start_span(name, parent, SpanKind.CONSUMER, told, start_time=event.since)
        span.end(self.now_ns())

    def store(self, store: ObjectStore) -> ObjectStore:
        """The store, watched."""
        return _TracedStore(store, self)


class _TracedStore:
    """See the port. What a stage writes last says that it is done: an object, a receipt, the end of a claim."""

    def __init__(self, store: ObjectStore, traces: Traces) -> None:
        self._store, self._traces = store, traces
        self._claims: set[str] = set()

    def get(self, key: str) -> Stored:
        return self._store.get(key)

    def create(self, key: str, data: bytes) -> None:
        self._store.create(key, data)
        if key.startswith("bronze/"):
            self._landed(key, lines.decode(data))

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        self._store.replace(key, data, expected)

    def put(self, key: str, data: bytes) -> None:
        self._store.put(key, data)
        if key.startswith("receipts/"):
            self._cleaned(f"bronze/{key.removeprefix('receipts/').removesuffix('.json')}.jsonl.gz")
        elif key.startswith("dirty/claims/"):
            self._claims.add(key)

    def delete(self, key: str) -> None:
        self._store.delete(key)
        if key in self._claims:
            self._claims.discard(key)
            self._published(keys.day_of_dirty(key))

    def list(self, prefix: str, after: str | None = None) -> Iterator[Entry]:
        return self._store.list(prefix, after)

    def lock(self, name: str) -> AbstractContextManager[None]:
        return self._store.lock(name)

    def _landed(self, key: str, content: bytes) -> None:
        now = self._traces.now_ns()
        found = [event for line in lines.split(content) if _MARK in line for event in _sampled(line, now)]
        if not found:
            return
        arrived = _arrival_ns(content)
        for event in found:
            self._traces.stage("land", msgspec.structs.replace(event, since=arrived[event.offset]), object=key)
        self._keep(key, _Trail(False, found))

    def _cleaned(self, key: str) -> None:
        trail = self._trail(key)
        if trail is None or trail.cleaned:
            return
        rejected = self._rejected(key)
        now = self._traces.now_ns()
        for event in trail.events:
            self._traces.stage("clean", event, end="rejected" if event.offset in rejected else "silver")
        left = [msgspec.structs.replace(event, since=now) for event in trail.events if event.offset not in rejected]
        self._keep(key, _Trail(True, left))

    def _published(self, day: str) -> None:
        """The day's claim was given back: what was cleaned before it was taken is in gold."""
        marked = to_publish(self._store)
        if day in marked:
            return
        for entry in list(self._store.list(_FOLDER)):
            key = entry.key.removeprefix(_FOLDER).removesuffix(".json")
            trail = self._trail(key)
            if trail is None or not trail.cleaned:
                continue
            for event in trail.events:
                if event.day == day:
                    self._traces.stage("publish", event)
            self._keep(key, _Trail(True, [event for event in trail.events if event.day != day]))

    def _trail(self, key: str) -> _Trail | None:
        return hint.read(self._store, f"{_FOLDER}{key}.json", _TRAIL)

    def _keep(self, key: str, trail: _Trail) -> None:
        if trail.events:
            self._store.put(f"{_FOLDER}{key}.json", msgspec.json.encode(trail))
        else:
            self._store.delete(f"{_FOLDER}{key}.json")

    def _rejected(self, key: str) -> set[int]:
        stored = lookup(self._store, keys.rejected(key))
        rows = lines.decode(stored.data) if stored is not None else b""
        return {row.offset for row in _rejected(rows)}


class _Arrived(msgspec.Struct):
    offset: int
    timestamp: str


_arrived = msgspec.json.Decoder(_Arrived).decode_lines


def _arrival_ns(content: bytes) -> dict[int, int]:
    from loginlake.silver.moments import moment

    rows = _arrived(content)
    times = ((row.offset, moment(row.timestamp)) for row in rows)
    return {offset: int(when.timestamp() * 1_000_000) * 1_000 for offset, when in times if when is not None}


def _sampled(line: bytes, now: int) -> Iterator[_OnItsWay]:
    """The event of a bronze line, where it has a context that says it is sampled."""
    try:
        row = _line(line)
        event = _event(row.value)
    except msgspec.ValidationError:
        return  # the words are in it, but not as an event has them
    if _CONTEXT(event.traceparent) and int(event.traceparent[-2:], 16) & 1:
        yield _OnItsWay(event.traceparent, event.id, event.time[:10], row.partition, row.offset, now)


def to_collector(endpoint: str) -> Traces:
    """Traces that go to an OTLP/HTTP collector. OpenTelemetry's own variables (OTEL_TRACES_SAMPLER, ...) count too."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "loginlake"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider)
