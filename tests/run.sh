#!/bin/sh
# Every check and every test. What this machine can't run is named in the last line; in CI that is a failure.
set -eu
cd "$(dirname "$0")/.."
missing="" select="not drill" sep=""
leave_out() {
    missing="$missing$sep$2" select="$select and not $1" sep="; "
}
CHROMIUM=$(sh tests/browser.sh) || leave_out browser "browser tests (install Chromium: sudo apt install chromium)"
export CHROMIUM
servers=$(python -c 'from services import azurite, kafka, toxiproxy; print("; ".join(filter(None, (kafka.missing(), azurite.missing(), toxiproxy.missing()))))')
[ -z "$servers" ] || leave_out services "tests on real servers (install $servers)"
if [ -n "$missing" ] && [ "${CI:-}" = true ]; then
    echo "NOT RUN: $missing" >&2
    exit 1
fi
if [ -z "$servers" ]; then # beside the checks: a first installation takes minutes, and no test's set-up should
    python -c 'from services import azurite, kafka, mongo, toxiproxy as proxy
for install in (kafka.install, lambda: kafka.install("zookeeper"), azurite.install, mongo.install, proxy.install): install()' &
    installing=$!
fi
sh tests/check.sh
[ -n "$servers" ] || wait "$installing"
# The DAG's tests have an environment of their own, and run beside the others; they are told when these have ended.
told=$(mktemp -d)
sh tests/airflow/run.sh >"$told/dag" 2>&1 &
running=$!
trap 'kill "$running" 2>/dev/null || true; rm -rf "$told"' EXIT
# A worker more than two cores have: many tests wait for a server. A file's tests share its servers, and stay together.
{
    pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m "$select" "$@" || touch "$told/failed"
} | tee "$told/others"
wait "$running" || { echo "ERROR the DAG's tests ended with $?" >>"$told/dag" && touch "$told/failed"; } # a crash says no more
cat "$told/dag"
not_run=$(sed -n 's/^NOT RUN: //p' "$told/dag" | paste -s -d ';' -)
[ -z "$not_run" ] || missing="$missing$sep$not_run"
grep -hE '^(FAILED|ERROR) ' "$told/others" "$told/dag" || true # again, where it is seen
[ -z "$missing" ] || echo "NOT RUN: $missing"
[ ! -e "$told/failed" ]
