"""Runs of dagEtl whose task kills its own process with -9. A line of JSON asks for one, a line answers its exit code.

    {"step": STEP, "nth": NTH, "when": WHEN, "settings": {...}}      (see tests/kill/stage.py)

Airflow takes many seconds to import: it is done once here, and each run is a fork of this process.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from kill.stage import Trigger, guard_stores


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # Airflow's own words are no answers
    folder = str(Path(__file__).resolve().parents[2] / "dags")
    dag = import_module("airflow.dag_processing.dagbag").DagBag(folder).dags["dagEtl"]
    import_module("loginlake.silver.merger")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(dag, **json.loads(line))
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")


def run(dag: Any, step: str, nth: int, when: str, settings: dict[str, str]) -> None:
    try:
        os.environ.update(settings)
        guard_stores(Trigger(step, nth, when))
        dag.test()
    except BaseException:  # noqa: BLE001 - this process must end here, and not as one that was not killed
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
