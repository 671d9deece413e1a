#!/bin/sh
# Makes .venv-peers: other people's implementations, which the tests run as processes of their own.
#   peers.sh PYTHON LOCKFILE
set -eu
cd "$(dirname "$0")"
python=$1
locked=$2

# Two installs into one .venv-peers would trample on each other.
if command -v flock >/dev/null 2>&1; then
    exec 9>.install.lock
    flock 9
fi

if ! .venv-peers/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    rm -rf .venv-peers
    "$python" -m venv .venv-peers
fi
if [ "$(cksum <"$locked")" != "$(cat .venv-peers/.locked 2>/dev/null || true)" ]; then
    echo "Installing the foreign implementations that the tests speak with into .venv-peers"
    .venv-peers/bin/pip install -qq --require-hashes -r "$locked"
    cksum <"$locked" >.venv-peers/.locked
fi
touch .venv-peers/.installed
