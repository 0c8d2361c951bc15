#!/bin/sh
# Make a virtual environment with the newest Python between 3.11 and 3.13 on this machine. PYTHON= names another.
set -eu
venv=$1
for python in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
    "$python" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1 || continue
    if "$python" -c 'import ensurepip' >/dev/null 2>&1; then
        exec "$python" -m venv --clear "$venv"
    fi
    # Debian and Ubuntu leave ensurepip to the package python3-venv; a pip of the system can step in.
    if "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear --without-pip "$venv"
        exec "$python" -m pip --quiet --disable-pip-version-check --python "$venv/bin/python" install pip
    fi
    lacks_pip=$python
done
if [ -n "${lacks_pip:-}" ]; then
    echo "$lacks_pip cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv" >&2
else
    echo "Regulars needs Python 3.11, 3.12 or 3.13; none was found. PYTHON=/path/to/python make run names one." >&2
fi
exit 1
