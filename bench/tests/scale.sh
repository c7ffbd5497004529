#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# scale.sh with a small token: every step comes to its end and says its figure.
# Arguments: scale.sh, the build folder.
echo 1..2
output=$("$1" "$2" 3000 2>&1)
code=$?
echo "$output" | sed 's/^/# /'
[ $code -eq 0 ] && echo "ok 1 - ends well" || echo "not ok 1 - ends well"
[ "$(echo "$output" | grep -c ' [0-9.]* \(ms\|s\|/s\|MiB\)$')" -eq 14 ] &&
    echo "ok 2 - all figures are there" || echo "not ok 2 - all figures are there"
