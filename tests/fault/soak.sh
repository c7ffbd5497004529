#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: soak.sh BUILD-FOLDER MINUTES
# The fault tests in their long form, one after the other, each time with a new seed, until the time
# is over; then how long that was and what was counted. KEYKIST_FAULT_KIND chooses the repository.
set -u
build=$1
minutes=$2
here=$(dirname "$0")
module=$build/src/module/libkeykist.so
util=$build/src/cli/softhsm2-util
begin=$(date +%s)
end=$((begin + minutes * 60))
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export KEYKIST_LONG_TESTS=1
runs=0
failed=0

one()
{
    left=$((end - $(date +%s)))
    [ "$left" -gt 0 ] || return 1
    name=$1
    shift
    timeout --foreground "$left" "$here/../module/with_conf.sh" \
        "$build/tests/fault/test_$name" "$@" >"$out/last" 2>&1
    code=$?
    grep '^# count ' "$out/last" >>"$out/counts"
    if [ $code -eq 124 ]; then
        echo "$name: the time is over"
        return 1
    fi
    runs=$((runs + 1))
    if [ $code -ne 0 ]; then
        failed=$((failed + 1))
        echo "$name: failed"
        cat "$out/last"
    else
        echo "$name: passed ($(sed -n 's/^# \(seed [0-9]*\).*/\1/p' "$out/last"))"
    fi
}

: >"$out/counts"
while [ "$(date +%s)" -lt "$end" ]; do
    for name in damage failing kill power kill_pin tries tamper crowd; do
        one "$name" "$module" || break 2
    done
    one processes "$module" "$util" || break
done
echo "soak: $((($(date +%s) - begin) / 60)) min $((($(date +%s) - begin) % 60)) s, $runs runs, $failed failed"
sort "$out/counts" | awk '{ sum[$3] += $4 } END { for (what in sum) print "soak: " what ": " sum[what] }' | sort
[ $failed -eq 0 ]
