#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# `keykist bench`: finds the benchmark and hands it all words. keykist.sh KEYKIST FOLDER MODULE
set -u

keykist=$1
KEYKIST_LIBEXEC=$2
module=$3
export KEYKIST_LIBEXEC
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
TMPDIR=$folder
KEYKIST_BENCH_CONF='pin.kdf = test'
export TMPDIR KEYKIST_BENCH_CONF
number=0

# check NAME COMMAND... : one TAP line.
check()
{
    number=$((number + 1))
    title=$1
    shift
    if "$@" >"$folder/checked" 2>&1; then
        echo "ok $number - $title"
    else
        echo "not ok $number - $title"
        sed 's/^/# /' "$folder/checked" "$folder/out"
    fi
}

bench()
{
    "$keykist" bench "$@" >"$folder/out" 2>&1
    status=$?
}

has() { grep -Eq -- "$1" "$folder/out"; }
exited() { [ "$status" -eq "$1" ]; }

bench --help
check "its help is the benchmark's" has '^Usage: keykist-bench'
bench --list
check "it lists the rows" has '^p256-sign '
check "and succeeds" exited 0
bench --rounds 2 --round-ms 5 --rows session,sha256-64 --module "$module" --module "$module"
check "two modules, and no other" has '^ .*libkeykist.so #2  *[0-9]'
check "succeed" exited 0
check "raw OpenSSL is beside them" has '^SHA-256, 64 bytes  *raw  *[0-9]'
bench --rounds 2 --round-ms 5 --rows session --module="$module"
check "one module" has 'libkeykist.so  *[0-9]'
if [ -e /usr/lib/softhsm/libsofthsm2.so ] && ! grep -q 'Vendor Keykist' /usr/lib/softhsm/libsofthsm2.so; then
    check "brings SoftHSM along" has 'libsofthsm2.so  *[0-9]'
else
    check "alone, without SoftHSM" exited 0
fi
bench --rows nothing
check "what it does not understand is a usage error" exited 2
KEYKIST_LIBEXEC=$folder/none
bench --list
check "without a benchmark it says so" has "^keykist: the benchmark cannot be started: $folder/none/keykist-bench: No such file"
check "and fails" exited 1
"$keykist" --help >"$folder/out" 2>&1
check "the help has it" has '^  bench '
echo "1..$number"
