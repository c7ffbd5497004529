#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Guards the hot path: the instructions per operation inside the module alone may not grow by more
# than 5 % over those in instructions.txt. They depend on the compiler, and on nothing of the machine.
#
#   instructions.sh BENCH MODULE COMPILER [--update]
#
# COMPILER  whose lines of instructions.txt count ("gcc-12")
# --update  write them anew, on purpose (make instructions)
set -u

here=$(cd "$(dirname "$0")" && pwd)
bench=$1
module=$2
compiler=$3
figures=$here/instructions.txt
rows="rsa2048-sign rsa2048-verify p256-sign p256-verify ed25519-sign ecdh-p256 hmac-sha256-64 gcm-64
 sha256-64 random-32 attributes-2 find-same session"

skip()
{
    echo "1..0 # SKIP $1"
    exit 0
}

command -v valgrind >/dev/null || skip "valgrind is not installed"
if [ "${4:-}" != --update ] && ! grep -q "^$compiler " "$figures"; then
    skip "instructions.txt has no lines for $compiler"
fi
# shellcheck disable=SC2086 # rows are words
counted=$("$here/callgrind.sh" "$bench" "$module" "$(echo $rows)" 200) || {
    echo "Bail out! $counted"
    exit 1
}

if [ "${4:-}" = --update ]; then
    others=$(grep -v "^$compiler " "$figures")
    {
        echo "$others"
        echo "$counted" | awk -v compiler="$compiler" '{ printf "%s %-15s %6d\n", compiler, $1, $2 }'
    } >"$figures"
    exit 0
fi

echo "$counted" | awk -v compiler="$compiler" -v figures="$figures" '
    BEGIN {
        while ((getline line < figures) > 0) {
            split(line, field, " ")
            if (field[1] == compiler) { expected[field[2]] = field[3] }
        }
    }
    {
        good = $1 in expected && $2 > 0 && $2 <= expected[$1] * 1.05
        failed += !good
        printf "%s %d - %s: %d instructions, %d allowed\n", good ? "ok" : "not ok", NR, $1, $2,
            expected[$1] * 1.05
    }
    END {
        print "1.." NR
        if (failed) { print "# when it has to be so: make instructions" }
    }'
