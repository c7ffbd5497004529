#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The module exports the standard's C_ functions and nothing else. $1: the module, $2: the list.
set -eu
nm -D --defined-only "$1" | awk '{print $3}' | sed 's/@.*//' | sort > "${TMPDIR:-/tmp}/symbols.$$"
trap 'rm -f "${TMPDIR:-/tmp}/symbols.$$"' EXIT
diff "$2" "${TMPDIR:-/tmp}/symbols.$$"
