#!/bin/sh
# Every check and every test. What this machine can't run is named in the last line; in CI that is a failure.
set -eu
cd "$(dirname "$0")/.."
missing=""
CHROMIUM=$(sh tests/browser.sh) || missing="browser tests (install Chromium: sudo apt install chromium)"
export CHROMIUM
if [ -n "$missing" ] && [ "${CI:-}" = true ]; then
    echo "NOT RUN: $missing" >&2
    exit 1
fi
sh tests/check.sh
if [ -n "$missing" ]; then select="not browser"; else select=""; fi
coverage erase
coverage run -m pytest -q -m "$select" "$@"
coverage combine -q
coverage report --skip-covered --sort=cover | tail -n 25
if [ -n "$missing" ]; then echo "NOT RUN: $missing"; fi
