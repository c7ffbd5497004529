#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Tests the tests with Debian's SoftHSM 2.6.1: softhsm2.sh CONFORMANCE EXPECTED. Skipped (77) where
# that version is not installed.
set -eu

module=/usr/lib/softhsm/libsofthsm2.so
version=$(softhsm2-util --version 2>/dev/null || true)
if [ ! -e "$module" ] || [ "$version" != 2.6.1 ]; then
    echo "SoftHSM 2.6.1 is not installed"
    exit 77
fi
exec "$(dirname "$0")/run.sh" "$1" --module "$module" --expected "$2"
