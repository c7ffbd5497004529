#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs the benchmark for moments and looks at what it prints: smoke.sh BENCH FAULTY_MODULE MODULE.
# Without MODULE on this machine only what needs none is run.
set -u

bench=$1
faulty=$2
module=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
TMPDIR=$folder
export TMPDIR
number=0

# check NAME COMMAND... : one TAP line.
check() {
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

# run ARGUMENT... : the benchmark, its output in the file out, its exit status in $status.
run() {
    "$bench" --rounds 2 --round-ms 5 "$@" >"$folder/out" 2>&1
    status=$?
}

has() { grep -Eq -- "$1" "$folder/out"; }
lacks() { ! has "$1"; }
exited() { [ "$status" -eq "$1" ]; }
nothing_left() { ! ls -d "$folder"/keykist-bench-* 2>/dev/null; }

run --list
check "the list has at least 21 rows" [ "$(wc -l <"$folder/out")" -ge 21 ]
run --rows no-such-row
check "a row that is not there is a usage error" exited 2
run --rounds 0
check "so is a number out of its limits" exited 2

run
check "every row with a counterpart gives raw a figure" lacks 'raw .* - '
check "and there are 17 of them" [ "$(grep -c ' raw  *[0-9]' "$folder/out")" -eq 17 ]
check "raw alone succeeds" exited 0

run --rows random-32 --module "$folder/none.so"
check "a module that is not there is reported" has '^none.so: loading the module'
check "its row is empty" has 'none.so  *-  *-  *-  *-'
check "when no module can be used, that is a failure" exited 1
check "nothing is left behind" nothing_left

if [ ! -r "$module" ]; then
    echo "# no $module: the rest is skipped"
    echo "1..$number"
    exit 0
fi
name=$(basename "$module")

run --module "$module" --json "$folder/json"
check "every row has a figure for a whole module" lacks "$name  *-"
check "misses are marked and not judged" exited 0
check "a target is marked as missed" has "$name.* missed$"
check "nothing is reported" lacks 'No figure'
check "the JSON has every row" \
    [ "$(grep -c '"row": ' "$folder/json")" -eq "$("$bench" --list | wc -l)" ]

run --module "$module" --rows 'p256-sign,create' --threads 2 --processes 2 --sessions 3
check "threads and processes share a token" has "$name  *[0-9]"
check "without a fault" lacks 'No figure'

run --module "$module" --rows 'p256-sign,session' --threads 1,2 --processes 1,2 --json "$folder/json"
check "a list of threads and processes has a line for each" has '^  2 processes of 2 threads'
check "and says how the rate grows" has "scales [0-9]"
check "in the JSON, too" grep -q '"processes": 2, "threads": 2.*"scaling": [0-9]' "$folder/json"
check "a list is an array there" grep -q '"threads": \[1,2\]' "$folder/json"
run --module "$module" --rows session --objects 1,2 --sessions 0,3 --cpu-time
check "a table for each number of objects and sessions" has '^2 objects, 3 sessions'
check "they are four" [ "$(grep -c ' objects, [03] sessions$' "$folder/out")" -eq 4 ]
run --module "$module" --rows 'session,sha256-64' --threads 1,2 --markdown
check "a table in Markdown" has '^\| SHA-256, 64 bytes \| [0-9,]+ \| .*[0-9.]+.* \| 0.40 \|$'
check "has a line for each number of threads" has '^\| SHA-256, 64 bytes, 2 threads \|'
run --threads 1,2,
check "a list that ends with a comma is a usage error" exited 2
run --threads 1,0
check "so is a number out of its limits in a list" exited 2

FAULTY_MODULE_OF=$module
export FAULTY_MODULE_OF
run --module "$faulty" --module "$module" --rows 'p256-sign,sha256-64,random-32,rsa2048-verify'
check "a crash is reported" has 'sha256-64: crashed \(Killed\)'
check "a code is reported by call and name" has 'random-32: C_GenerateRandom: CKR_DEVICE_ERROR'
check "a missing mechanism too" has 'p256-sign: C_SignInit: CKR_MECHANISM_INVALID'
check "these rows are empty" [ "$(grep -c "libfaulty.* -  *-  *-  *-" "$folder/out")" -eq 3 ]
check "the row that works has a figure" has 'libfaulty[^ ]*  *[0-9]'
check "the other module has all four" [ "$(grep -c " $name  *[0-9]" "$folder/out")" -eq 4 ]

"$bench" --solo hmac-sha256-64 --count 3 --module "$module" >"$folder/out" 2>&1
status=$?
check "one row runs alone" has '^hmac-sha256-64: 3 operations$'
"$bench" --solo sha256-64 --count 3 >"$folder/out" 2>&1
status=$?
check "on raw OpenSSL too" exited 0
check "nothing is left behind at the end" nothing_left
echo "1..$number"
