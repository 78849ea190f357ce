#!/bin/sh
# The tests of the DAG on a real Airflow, in its own environment (made where it is missing).
set -eu
cd "$(dirname "$0")/../.."
.venv/bin/python -m services.airflow install >/dev/null
exec .venv-airflow/bin/python -m pytest -q -c tests/airflow/airflow.ini tests/airflow "$@"
