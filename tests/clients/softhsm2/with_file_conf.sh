#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs a program with a configuration of its own that Keykist and SoftHSM both read, and SoftHSM's
# format for tokens.
set -eu
dir=$(mktemp -d "${TMPDIR:-/tmp}/keykist-judge.XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/tokens"
cat > "$dir/softhsm2.conf" <<CONF
directories.tokendir = $dir/tokens
objectstore.backend = file
log.level = ERROR
log.file = $dir/log
CONF
SOFTHSM2_CONF="$dir/softhsm2.conf" "$@" || { status=$?; sed 's/^/# log: /' "$dir/log" 2>/dev/null | tail -n 40; exit $status; }
