#!/bin/sh
# Style, types, import contracts and sizes, a line each; the whole output of a check that fails.
set -u
cd "$(dirname "$0")/.."
failed=0
line() {
    name=$1
    shift
    if output=$("$@" 2>&1); then
        printf '%-18s %s\n' "$name" "$(printf '%s\n' "$output" | grep -v '^$' | tail -n 1)"
    else
        printf '%s FAILED\n%s\n' "$name" "$output"
        failed=1
    fi
}
line "ruff check" ruff check .
line "ruff format" ruff format --check .
line "mypy strict" mypy
line "import contracts" sh -c 'lint-imports | tail -n 3 | grep -E "Contracts:"; lint-imports >/dev/null'
line "sizes" python tests/sizes.py
exit $failed
