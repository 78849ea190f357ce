"""One trace a sign-in: the POST, and beneath it land, clean and publish, by the event's own traceparent."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.gold_store import FakeGold
from fakes.landing import LIMITS, T0, lander
from fakes.memory_log import MemoryLog
from fakes.object_store import FakeStore
from fakes.silver_messages import RULES, signin, value
from fakes.web_site import Site
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Sampler

from loginlake import wiring
from loginlake.gold.publish import publish
from loginlake.lake.store import ObjectStore
from loginlake.observe.otel import Traces
from loginlake.silver.clean import clean

TIME = "2025-11-24T19:00:00.000000Z"
OTHER = "00-" + "a" * 32 + "-" + "b" * 16


class Told:
    """Traces whose spans are kept; its clock is a second later at each look."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=sampler)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.now = T0 * 1_000_000
        self.traces = Traces(provider, self.tick)

    def tick(self) -> int:
        self.now += 1_000_000_000
        return self.now

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def names(self, event: str) -> list[str]:
        return [span.name for span in self.spans() if (span.attributes or {}).get("loginlake.event") == event]


def pass_through(log: MemoryLog, store: ObjectStore, gold: FakeGold) -> None:
    from threading import Event

    lander(log, store, LIMITS).run(Event(), once=True)
    clean(store, RULES)
    publish(store, gold, now=lambda: datetime(2025, 11, 26, tzinfo=UTC))


def appended(log: MemoryLog, event: str, traceparent: str | None, **data: object) -> None:
    more = {} if traceparent is None else {"traceparent": traceparent}
    log.append(value(signin(data, id=event, time=TIME, **more)), timestamp_ms=T0)


@pytest.mark.asyncio
async def test_a_sign_in_is_one_trace_from_the_post_to_gold(tmp_path: Path) -> None:
    told, log, fake = Told(), MemoryLog(), FakeStore()
    site = Site(tmp_path, traced=told.traces.post)
    async with site.browser() as browser:
        await browser.sign_in(await browser.credential())
    await site.close()
    (sent,) = (record for records in site.log.records for record in records if record is not None)
    log.append(sent.value, timestamp_ms=sent.timestamp_ms)
    pass_through(log, told.traces.store(fake), FakeGold())
    post, *stages = told.spans()
    assert (post.name, [span.name for span in stages]) == ("POST /api/signin", ["land", "clean", "publish"])
    assert post.context is not None
    for span in stages:
        assert span.parent is not None
        assert (span.parent.trace_id, span.parent.span_id) == (post.context.trace_id, post.context.span_id)
        assert span.attributes is not None
        assert span.attributes["loginlake.event"] == json.loads(sent.value or b"")["id"]
    told_to_all = str([span.to_json() for span in told.spans()])
    assert not [word for word in ("lucia", "@example", "Lucía") if word in told_to_all]
    assert fake.content("traces/") == {}


def test_each_stage_begins_where_the_one_before_ended() -> None:
    told, log = Told(), MemoryLog()
    appended(log, "e1", f"{OTHER}-01")
    pass_through(log, told.traces.store(FakeStore()), FakeGold())
    land, clean_, publish_ = told.spans()
    assert land.start_time == T0 * 1_000_000
    for before, after in ((land, clean_), (clean_, publish_)):
        assert before.end_time is not None
        assert after.start_time is not None
        assert after.end_time is not None
        assert before.start_time is not None
        assert before.start_time < after.start_time < after.end_time


def test_only_what_is_sampled_is_told_and_a_rejected_event_ends_at_clean() -> None:
    told, log, fake = Told(), MemoryLog(), FakeStore()
    appended(log, "sampled", f"{OTHER}-01")
    appended(log, "unsampled", f"{OTHER}-00")
    appended(log, "without", None)
    appended(log, "rejected", f"{OTHER}-01", email=None)
    log.append(b'{"text":"\\"traceparent\\":\\"00-","traceparent":"00-x"}', timestamp_ms=T0)
    pass_through(log, told.traces.store(fake), FakeGold())
    assert told.names("sampled") == ["land", "clean", "publish"]
    assert told.names("rejected") == ["land", "clean"]
    assert len(told.spans()) == 5
    ends = [span.attributes["end"] for span in told.spans() if span.attributes and "end" in span.attributes]
    assert sorted(map(str, ends)) == ["rejected", "silver"]
    assert fake.content("traces/") == {}


def test_stages_in_processes_of_their_own_find_what_is_on_its_way_in_the_lake() -> None:
    from threading import Event

    land, cleaning, publishing, log, fake = Told(), Told(), Told(), MemoryLog(), FakeStore()
    appended(log, "e1", f"{OTHER}-01")
    lander(log, land.traces.store(fake), LIMITS).run(Event(), once=True)
    clean(cleaning.traces.store(fake), RULES)
    publish(publishing.traces.store(fake), FakeGold(), now=lambda: datetime(2025, 11, 26, tzinfo=UTC))
    assert [told.names("e1") for told in (land, cleaning, publishing)] == [["land"], ["clean"], ["publish"]]


def test_a_stage_that_is_done_again_tells_nothing_twice() -> None:
    told, log, fake = Told(), MemoryLog(), FakeStore()
    appended(log, "e1", f"{OTHER}-01")
    store, gold = told.traces.store(fake), FakeGold()
    for _ in range(2):
        pass_through(log, store, gold)
    assert told.names("e1") == ["land", "clean", "publish"]


def test_a_post_that_is_not_sampled_says_so_to_all_stages() -> None:
    told, log = Told(ALWAYS_OFF), MemoryLog()
    with told.traces.post() as traceparent:
        assert traceparent is not None
        assert int(traceparent[-2:], 16) & 1 == 0
    appended(log, "e1", traceparent)
    pass_through(log, told.traces.store(FakeStore()), FakeGold())
    assert told.spans() == []


def test_without_a_collector_nothing_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from loginlake import wiring; from loginlake.settings import Settings; "
        "wiring.open_lake(Settings(data=Path(sys.argv[1]))); "
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0


def test_a_collector_that_is_named_gets_traces() -> None:
    told = wiring.traces("http://127.0.0.1:9")
    assert isinstance(told, Traces)
    wiring.traces.cache_clear()
