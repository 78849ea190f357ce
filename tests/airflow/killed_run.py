"""One run of dagEtl whose task kills this process with -9: killed_run.py STEP NTH WHEN (see tests/kill/stage.py)."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from kill.stage import Proxy, Trigger, gold_step, store_step

from loginlake import wiring


def main(step: str, nth: int, when: str) -> None:
    trigger = Trigger(step, nth, when)
    open_lake, open_gold = wiring.open_lake, wiring.open_gold
    wiring.open_lake = lambda s: Proxy(open_lake(s), trigger, store_step)  # type: ignore[assignment]
    wiring.open_gold = lambda s: Proxy(open_gold(s), trigger, gold_step)  # type: ignore[assignment]
    folder = str(Path(__file__).resolve().parents[2] / "dags")
    import_module("airflow.dag_processing.dagbag").DagBag(folder).dags["dagEtl"].test()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
