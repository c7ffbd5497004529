#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: run.sh MODULE SOFTHSM2-UTIL [SKIP-LIST]
# Runs the PyKCS11 tests with the Python that has PyKCS11: the one `make venv` made, else the
# system's. Without any, says that they were left out.
set -u
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../../build-venv/bin/python3
[ -x "$python" ] || python=python3
if ! "$python" -c 'import PyKCS11' 2>/dev/null; then
    echo '1..0 # SKIP PyKCS11 is not installed; "make venv" does it'
    exit 0
fi
if [ -n "${KK_PRELOAD:-}" ]; then
    # Python's own leaks are not ours to report.
    LD_PRELOAD=$KK_PRELOAD
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
    export LD_PRELOAD ASAN_OPTIONS
fi
exec "$python" "$here/test_pykcs11.py" "$@"
