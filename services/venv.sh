#!/bin/sh
# The virtual environment .venv, a step a call, one call at a time whoever asks: sh services/venv.sh STEP PYTHON UV_VERSION
#   moved  says so when .venv was made in another folder (its scripts name that one)
#   uv     makes .venv anew, with uv in it        run, dev  install what lock/run.txt or lock/dev.txt names
# One clear line when it can't.
set -eu
cd "$(dirname "$0")/.."
step=$1 python=${2:-python3} version=${3:-} here=$(pwd -P)

moved() {
    [ -f .venv/bin/activate ] && ! grep -qF -e "VIRTUAL_ENV=\"$here/.venv\"" -e "VIRTUAL_ENV=$here/.venv" -e "VIRTUAL_ENV='$here/.venv'" .venv/bin/activate
}

alone() {
    if command -v flock >/dev/null 2>&1; then
        exec 9<services/venv.sh
        flock -n 9 || { echo "waiting for another make that installs here ..."; flock 9; }
        return
    fi
    until mkdir .venv.lock 2>/dev/null; do
        [ -n "${told:-}" ] || echo "waiting for another make that installs here (none does? remove .venv.lock) ..."
        told=yes
        sleep 1
    done
    trap 'rmdir .venv.lock' EXIT
    trap 'exit 130' INT TERM
}

make_venv() {
    command -v "$python" >/dev/null 2>&1 || { echo "loginlake needs Python 3.11 or newer: '$python' was not found. Name yours: make PYTHON=/path/to/python3" >&2; exit 1; }
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "loginlake needs Python 3.11 or newer; $("$python" --version 2>&1) is too old. Name a newer one: make PYTHON=python3.12" >&2; exit 1; }
    "$python" -c 'import ensurepip, venv' 2>/dev/null || {
        package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
        echo "this Python has no venv (Debian and Ubuntu ship it apart): sudo apt install $package" >&2; exit 1; }
    echo "making .venv ..."
    rm -rf .venv
    "$python" -m venv .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check "uv==$version"
}

uv() {
    UV_SYSTEM_CERTS=true VIRTUAL_ENV="$here/.venv" .venv/bin/uv "$@"
}

# Another make may have done it while this one waited.
is_done() {
    [ ".venv/$1.stamp" -nt "lock/$1.txt" ] && [ ".venv/$1.stamp" -nt pyproject.toml ] && [ ".venv/$1.stamp" -nt .venv/bin/uv ]
}

install() {
    if [ "$1" = dev ] || [ ! -f .venv/dev.stamp ]; then
        echo "installing what lock/$1.txt names ..."
        uv pip sync -q --compile-bytecode --require-hashes "lock/$1.txt"
    fi
    uv pip install -q --no-deps -e .
    .venv/bin/python -m compileall -q src # else each start compiles, where PYTHONDONTWRITEBYTECODE is set
    touch .venv/run.stamp
    [ "$1" = run ] || touch .venv/dev.stamp
}

case $step in
moved) if moved; then echo moved; fi ;;
uv) alone; { [ -x .venv/bin/uv ] && ! moved; } || make_venv ;;
run | dev) alone; is_done "$step" || install "$step" ;;
esac
