#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The module exports the standard's C_ functions and nothing else, and is not linked with what belongs
# in plug-ins. $1: the module, $2: the list.
set -eu
nm -D --defined-only "$1" | awk '{print $3}' | sed 's/@.*//' | sort > "${TMPDIR:-/tmp}/symbols.$$"
trap 'rm -f "${TMPDIR:-/tmp}/symbols.$$"' EXIT
diff "$2" "${TMPDIR:-/tmp}/symbols.$$"
if readelf -d "$1" | grep -E 'NEEDED.*lib(tss2|pq)'; then
    exit 1
fi
