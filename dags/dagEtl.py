"""# dagEtl: bronze to silver to gold

**find** the new bronze objects -> **azureEtl**: **check** them, portion by portion, **merge** by hour and shard, give
**receipts** to the objects whose every merge is done -> **goldDB** publishes the days that changed -> **audit** fails
the run when something is not accounted for.

The clock starts it every five minutes (DAGETL_SCHEDULE); what there is to do is always what the lake lists, so a run
that failed, was killed or never ran costs nothing but time. A backfill does the bronze objects that arrived in its
hours again.

Each task's log says in a few lines what happened, why, and the next move. Settings: LOGINLAKE_*, as everywhere.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import azureEtl
import etlAlert
from airflow.sdk import CronDataIntervalTimetable, dag, task_group

CLOCK = os.environ.get("DAGETL_SCHEDULE") or "*/5 * * * *"


@task_group(group_id="azureEtl", tooltip="bronze to silver: no repeats, no nulls, everything else accounted for")
def azure_etl(found: Any) -> Any:
    """Check, merge, receipts."""
    checks = azureEtl.check.partial(span=found["span"]).expand(objects=found)
    hours = azureEtl.hours()
    merges = azureEtl.merge.expand(slots=hours)
    settled = azureEtl.receipts(found, found["span"], checks)
    checks >> hours >> merges >> settled
    return settled


@dag(
    dag_id="dagEtl",
    description="Clean what landed, publish the answers, account for everything",
    doc_md=__doc__,
    schedule=None if CLOCK == "none" else CronDataIntervalTimetable(CLOCK, timezone="UTC"),
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    default_args=azureEtl.DEFAULTS,
    on_failure_callback=etlAlert.callbacks(),
    tags=["loginlake", "etl"],
)
def dag_etl() -> None:
    """The routing slip."""
    settled = azure_etl(azureEtl.find())
    published = azureEtl.gold_db()
    settled >> published >> azureEtl.audit(settled, published)


dag_etl()
