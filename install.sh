#!/bin/sh
# Makes .venv and installs into it what the lock files name.   install.sh PYTHON LOCKFILE...
set -eu
cd "$(dirname "$0")"
python=$1
shift

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "$python is not Python 3.11 or newer: install one, or name it with make PYTHON=/path/to/python3.11." >&2
    exit 1
fi
if [ "$(uname -s)" != Linux ]; then
    echo "This runs on Linux; on Windows use WSL2 with Debian, on macOS a Debian machine or container." >&2
    exit 1
fi

# Two installs into one .venv would trample on each other.
if command -v flock >/dev/null 2>&1; then
    exec 9>.install.lock
    flock 9
fi

sh packages.sh run "$python"

if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi

files=
for file in "$@"; do files="$files -r $file"; done
# One resolver run for all files: the same package at the same version, each with its hashes.
if [ "$(cat "$@" | cksum)" != "$(cat .venv/.locked 2>/dev/null || true)" ]; then
    echo "Installing the pinned requirements (a minute or two the first time)"
    .venv/bin/pip install -qq --require-hashes $files
    cat "$@" | cksum >.venv/.locked
fi
.venv/bin/pip install -qq --no-deps --no-build-isolation -e .
touch .venv/.installed
