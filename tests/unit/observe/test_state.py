from __future__ import annotations

import pytest
from fakes.object_store import FakeStore
from prometheus_client.core import Metric

from loginlake.lake import keys
from loginlake.observe import audited
from loginlake.observe.state import PathState


def samples(store: FakeStore) -> dict[str, float]:
    found: list[Metric] = list(PathState(store=store).collect())
    return {sample.name: sample.value for metric in found for sample in metric.samples}


def test_watermarks_and_what_expired_are_told() -> None:
    store = FakeStore()
    store.put(keys.CLEAN_WATERMARK, b'{"complete_until": "2026-11-24T10:00:00Z"}')
    store.put(keys.expired(0, 1, 20), b'{"log": 0, "partition": 1, "from": 20, "to": 27}')
    audited.keep(store, audited.Audited(at="2026-11-24T09:00:00Z", deep=True, faults=2))
    found = samples(store)
    assert found["loginlake_clean_complete_until_timestamp_seconds"] == 1_795_514_400
    assert found["loginlake_land_expired_records"] == 7
    assert found["loginlake_audit_faults"] == 2
    assert found["loginlake_metrics_away"] == 0


def test_only_what_stands_for_an_object_waits_for_clean() -> None:
    store = FakeStore()
    store.put(keys.todo(keys.BronzeName("2026-11-24", 10, 0, 0, 0).key), b"")
    store.put("todo/a note of somebody", b"")
    assert samples(store)["loginlake_clean_waiting_objects"] == 1


@pytest.mark.parametrize("name", [keys.CLEAN_WATERMARK, audited.KEY])
def test_a_damaged_hint_hides_itself_alone(name: str) -> None:
    store = FakeStore()
    store.put(name, b'{"complete_until"')
    found = samples(store)
    assert found["loginlake_clean_waiting_objects"] == 0
    assert "loginlake_clean_complete_until_timestamp_seconds" not in found
    assert "loginlake_audit_faults" not in found
