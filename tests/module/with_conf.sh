#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs a program with a SOFTHSM2_CONF and a token directory of its own, removed afterwards.
# WITH_BACKEND: what new tokens become (sqlite).
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/tokens"
cat > "$dir/softhsm2.conf" <<CONF
directories.tokendir = $dir/tokens
log.target = file
log.file = $dir/log
pin.kdf = test
objectstore.backend = ${WITH_BACKEND:-sqlite}
CONF
SOFTHSM2_CONF="$dir/softhsm2.conf" "$@"
