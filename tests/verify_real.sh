#!/bin/sh
# The contract suites on real accounts: PASS, FAIL or NOT RUN for each of log, lake and gold.
cd "$(dirname "$0")/.."
failed=0
verify() {
    name=$1 variable=$2 suite=$3 only=$4
    if [ -z "$(printenv "$variable")" ]; then
        echo "NOT RUN  $name ($variable is not set)"
    elif output=$(pytest -q "$suite" -k "$only" 2>&1); then
        echo "PASS     $name: $(printf '%s\n' "$output" | tail -n 1)"
    else
        printf '%s\n' "$output"
        echo "FAIL     $name"
        failed=1
    fi
}
verify log LOGINLAKE_TEST_LOG_URL tests/contract/test_event_log.py kafka
verify lake LOGINLAKE_TEST_LAKE_URL tests/contract/test_object_store.py azur
verify gold LOGINLAKE_TEST_GOLD_URL tests/contract/test_gold_store.py mongo
exit $failed
