#!/bin/sh
# Makes a virtual environment with uv in it: sh venv.sh PYTHON FOLDER UV_VERSION. One clear line when it can't.
set -eu
python=$1 folder=$2 version=$3
command -v "$python" >/dev/null 2>&1 || { echo "loginlake needs Python 3.11 or newer: '$python' was not found. Name yours: make PYTHON=/path/to/python3" >&2; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "loginlake needs Python 3.11 or newer; $("$python" --version 2>&1) is too old. Name a newer one: make PYTHON=python3.12" >&2; exit 1; }
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
    package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    echo "this Python has no venv (Debian and Ubuntu ship it apart): sudo apt install $package" >&2; exit 1; }
echo "making $folder ..."
rm -rf "$folder"
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install -q --disable-pip-version-check "uv==$version"
