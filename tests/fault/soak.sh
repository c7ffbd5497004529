#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: soak.sh BUILD-FOLDER MINUTES
# The fault tests in their long form, one after the other, each time with a new seed: once all of them,
# however long that takes, then again until the time is over; then how long that was and what was counted. KEYKIST_FAULT_KIND chooses the kind of
# repository; without it all have their turn.
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
# Where no power is cut, what a disk takes for an fsync is time lost.
[ ! -d /dev/shm ] || export TMPDIR=/dev/shm
round=1
runs=0
failed=0

# one NAME COMMAND...: a test, while there is time or it did not have its turn yet.
one()
{
    [ $round -eq 1 ] || [ "$(date +%s)" -lt "$end" ] || return 1
    name=$1
    shift
    "$@" >"$out/last" 2>&1
    code=$?
    grep '^# count ' "$out/last" >>"$out/counts"
    runs=$((runs + 1))
    if [ $code -ne 0 ] || grep -q '^not ok' "$out/last"; then
        failed=$((failed + 1))
        echo "$name: failed"
        cat "$out/last"
    else
        echo "$name: passed ($(sed -n 's/^# \(seed [0-9]*\).*/\1/p' "$out/last"))"
    fi
}

# on KIND NAME ARGUMENTS...: a test of this folder on a kind of repository.
on()
{
    kind=$1
    test=$2
    shift 2
    backend=sqlite
    [ "$kind" != softhsm2 ] || backend="file"
    one "$kind $test" env KEYKIST_FAULT_KIND="$kind" WITH_BACKEND="$backend" \
        "$here/../module/with_conf.sh" "$build/tests/fault/test_$test" "$@"
}

# The programs, killed: sealed tokens only.
kills()
{
    one "rekey and repair" env KK_KIND=own KK_MODULE="$module" KK_UTIL="$util" KK_SHIM= \
        KK_SANITIZED= KK_KEYKIST="$build/src/cli/keykist" KK_KILL_AT="$build/tests/cli/kill_at" \
        LC_ALL=C "$here/../cli/keykist_kills.sh"
}

all()
{
    for kind in ${KEYKIST_FAULT_KIND:-sealed softhsm2}; do
        for name in damage failing kill power tries; do
            on "$kind" "$name" "$module" || return 1
        done
        on "$kind" processes "$module" "$util" || return 1
        if [ "$kind" = sealed ]; then
            for name in kill_pin tamper crowd; do
                on "$kind" "$name" "$module" || return 1
            done
            kills || return 1
        fi
    done
}

: >"$out/counts"
while [ "$(date +%s)" -lt "$end" ]; do
    all || break
    round=$((round + 1))
done
echo "soak: $((($(date +%s) - begin) / 60)) min $((($(date +%s) - begin) % 60)) s, $runs runs, $failed failed"
sort "$out/counts" | awk '{ sum[$3] += $4 } END { for (what in sum) print "soak: " what ": " sum[what] }' | sort
[ $failed -eq 0 ]
