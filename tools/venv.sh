#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: venv.sh FOLDER
# Makes a Python virtual environment with PyKCS11 from PyPI, once. Where PyPI does not answer, the
# distribution's own package of PyKCS11 serves.
set -eu
venv=$1

if [ -x "$venv/bin/python3" ] && "$venv/bin/python3" -c 'import PyKCS11' 2>/dev/null; then
    exit 0
fi

rm -rf "$venv"
echo "Installing PyKCS11 from PyPI into $venv/"
python3 -m venv "$venv"
if "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    'PyKCS11>=1.5.12,<2'; then
    exit 0
fi

echo "PyPI gave no PyKCS11; taking this system's own package (python3-pykcs11)"
rm -rf "$venv"
"$(dirname "$0")/deps.sh" python
/usr/bin/python3 -m venv --system-site-packages "$venv"
if ! "$venv/bin/python3" -c 'import PyKCS11' 2>/dev/null; then
    rm -rf "$venv"
    echo "PyKCS11 is missing: neither PyPI nor python3-pykcs11 has it" >&2
    exit 1
fi
