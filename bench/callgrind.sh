#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Instructions per operation inside one library, counted with valgrind: they do not drift with the
# machine. Only the library's own instructions count, not those of the libraries that it calls.
#
#   callgrind.sh BENCH MODULE ROW [COUNT [LIBRARY]]
#
# BENCH    the benchmark program (build/bench/keykist-bench)
# MODULE   the PKCS#11 module, or "raw" for OpenSSL alone
# ROW      a row's name, or several separated by blanks in one argument ("p256-sign gcm-64")
# COUNT    operations to average over (100)
# LIBRARY  part of the file name of the library to count in (the module's own; of raw, libcrypto)
set -eu

if [ $# -lt 3 ] || [ $# -gt 5 ]; then
    sed -n '6,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
bench=$1
module=$2
rows=$3
count=${4:-100}
if [ "$module" = raw ]; then
    library=${5:-libcrypto}
    set --
else
    library=${5:-$(basename "$(readlink -f "$module")")}
    set -- --module "$module"
fi

# Under valgrind a PIN's derivation takes seconds, and it is not what is counted.
KEYKIST_BENCH_CONF="${KEYKIST_BENCH_CONF:-pin.kdf = test}"
export KEYKIST_BENCH_CONF
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

# instructions ROW COUNT COLLECT ARGUMENT... : the sum of self costs in the library. Of a call line
# the line after it is the callee's inclusive cost, which is not the caller's.
instructions() {
    row=$1
    operations=$2
    collect=$3
    shift 3
    if ! valgrind --tool=callgrind --compress-strings=no --compress-pos=no \
        --collect-atstart="$collect" --callgrind-out-file="$folder/out" \
        "$bench" --solo "$row" --count "$operations" "$@" >"$folder/log" 2>&1; then
        grep -v '^==' "$folder/log" >&2 || true
        return 1
    fi
    awk -v library="$library" '
        /^ob=/ { inside = index(substr($0, 4), library) > 0; next }
        /^calls=/ { skip = 1; next }
        /^[0-9]/ { if (!skip && inside) { sum += $2 } skip = 0 }
        END { printf "%d\n", sum }' "$folder/out"
}

for row in $rows; do
    # The program switches collection on for the measured operations alone. One built without
    # valgrind's headers cannot: then the difference of two whole runs tells.
    total=$(instructions "$row" "$count" no "$@")
    if [ "$total" -eq 0 ]; then
        once=$(instructions "$row" "$count" yes "$@")
        twice=$(instructions "$row" "$((2 * count))" yes "$@")
        total=$((twice - once))
    fi
    printf '%-15s %12d  %s\n' "$row" "$((total / count))" "$library"
done
