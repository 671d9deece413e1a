#!/bin/sh
# Makes .venv-peers: other people's implementations, which the tests run as processes of their own.
#   peers.sh PYTHON LOCKFILE
# Those in JavaScript go to .venv-peers/node, as tests/peers/package-lock.json pins them.
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
if ! command -v npm >/dev/null 2>&1; then
    echo "npm is missing (Debian's packages nodejs and npm): modbus-serial is not installed, and not spoken with." >&2
    exit 0
fi
if [ "$(cksum <tests/peers/package-lock.json)" != "$(cat .venv-peers/node/.locked 2>/dev/null || true)" ]; then
    mkdir -p .venv-peers/node
    cp tests/peers/package.json tests/peers/package-lock.json .venv-peers/node/
    npm ci --prefix .venv-peers/node --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
    cksum <tests/peers/package-lock.json >.venv-peers/node/.locked
fi
touch .venv-peers/.installed
