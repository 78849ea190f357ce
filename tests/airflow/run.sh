#!/bin/sh
# The tests of the DAG on a real Airflow, in its own environment (made where it is missing). They may run beside any
# others: their ports, folders and servers are their own. `--missing` only says what hinders them, or nothing.
set -eu
cd "$(dirname "$0")/../.."
PATH="$PWD/.venv/bin:$PATH" python=.venv/bin/python
export PATH
missing=$($python -m services.airflow install 2>&1 >/dev/null) || missing=${missing:-"it cannot be installed"}
missing=$(printf '%s' "$missing" | tr -s '\n ' ' ')
if [ "${1:-}" = --missing ]; then
    printf '%s\n' "$missing"
    exit 0
fi
if [ -n "$missing" ]; then
    echo "NOT RUN: the DAG on Airflow ($missing)" >&2
    [ "${CI:-}" != true ]
    exit
fi
select="not drill"
azurite=$($python -c 'from services import azurite; print(azurite.missing())')
if [ -n "$azurite" ]; then
    echo "NOT RUN: the DAG on Azurite (install $azurite)" >&2
    [ "${CI:-}" != true ]
    select="$select and not services"
else
    # Here, since a first installation may take minutes, and a test has five.
    $python -c 'from services import azurite, mongo; azurite.install(); mongo.install()'
fi
exec .venv-airflow/bin/python -m pytest -q -c tests/airflow/airflow.ini -m "$select" tests/airflow "$@"
