#!/bin/sh
# Installs what debian-packages.txt lists and the machine lacks, or says in one sentence how to.
#   packages.sh run|test PYTHON
set -eu
here=$(cd "$(dirname "$0")" && pwd)
upto=$1
python=$2

wanted=$(awk -v upto="$upto" '
    /^#:/ { part = $2; next }
    /^[a-z0-9]/ && (part == "run" || part == upto) { print $1 }' "$here/debian-packages.txt")

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    if [ -z "${AMI_DATABASE_URL:-}" ]; then
        echo "There is no apt-get here, so the embedded database cannot be set up: use Debian (on Windows: WSL2)," \
            "or start compose.yaml and set AMI_DATABASE_URL." >&2
    fi
    wanted=
fi

missing=
for package in $wanted; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
        "install ok installed") ;;
        *)
            # Only Debian's own Python needs Debian's venv.
            if [ "$package" = python3-venv ] && "$python" -c 'import ensurepip, venv' 2>/dev/null; then
                continue
            fi
            # Another build of these serves as well, and Debian's would not install beside it.
            case $package in
                nodejs) command -v node >/dev/null 2>&1 && continue ;;
                npm) command -v npm >/dev/null 2>&1 && continue ;;
            esac
            missing="$missing $package"
            ;;
    esac
done

if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then
        root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        root="sudo -n"
    else
        root=none
    fi
    if [ "$root" = none ]; then
        echo "These Debian packages are missing and this user may not install them;" \
            "ask for: sudo apt-get install --no-install-recommends$missing" >&2
    else
        echo "Installing Debian packages:$missing"
        log=$(mktemp)
        if ! {
            $root apt-get update -q &&
                $root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
                    -o DPkg::Lock::Timeout=300 $missing
        } >"$log" 2>&1 </dev/null; then
            tail -n 5 "$log" >&2
            echo "apt-get could not install$missing (its last words are above, all of them in $log);" \
                "the embedded database or the browser tests will not work until it does." >&2
        else
            rm -f "$log"
        fi
    fi
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python cannot make a virtual environment: install Debian's package python3-venv, or choose another" \
        "with make PYTHON=/path/to/python3." >&2
    exit 1
fi
