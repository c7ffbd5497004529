#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A sealed token with very many keys: made by one `keykist object import`, then measured (scale.c),
# checked, and deleted. Everything lies in a folder of its own, which is removed at the end.
#
#   scale.sh BUILD [COUNT [DIRECTORY]]
#
# BUILD      the build folder
# COUNT      keys (1000000)
# DIRECTORY  where the folder is made: TMPDIR, or /var/tmp
set -eu

if [ $# -lt 1 ] || [ $# -gt 3 ]; then
    sed -n '6,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
build=$(cd "$1" && pwd)
count=${2:-1000000}
folder=$(mktemp -d "${3:-${TMPDIR:-/var/tmp}}/keykist-scale.XXXXXX")
trap 'rm -rf "$folder"' EXIT INT TERM
module=$build/src/module/libkeykist.so
mkdir "$folder/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\nlog.target = stderr\n' "$folder/tokens" >"$folder/conf"
SOFTHSM2_CONF=$folder/conf
export SOFTHSM2_CONF

keykist()
{
    "$build/src/cli/keykist" "$@" --module "$module"
}

# timed WHAT COMMAND...: runs it and prints the seconds that it took.
timed()
{
    what=$1
    shift
    begun=$(date +%s%N)
    "$@" >"$folder/out"
    ended=$(date +%s%N)
    awk -v what="$what" -v ns="$((ended - begun))" 'BEGIN { printf "%-44s %12.1f s\n", what, ns / 1e9 }'
}

# JSON Web Key sets of at most 100,000 keys (8 MiB) each, in $folder/keys.
keys()
{
    mkdir "$folder/keys"
    awk -v count="$count" -v folder="$folder/keys" 'BEGIN {
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        srand(1)
        for (i = 0; i < 42; i++) { fill = fill "B" }
        for (i = 0; i < count; i++) {
            if (i % 100000 == 0) {
                if (i > 0) { print "]}" >file; close(file) }
                file = sprintf("%s/%07d.jwk", folder, i)
                printf "{\"keys\":[" >file
            }
            key = sprintf("%07d", i)
            for (j = 0; j < 35; j++) { key = key substr(letters, int(rand() * 64) + 1, 1) }
            printf "%s{\"kty\":\"oct\",\"kid\":\"key-%07d\",\"k\":\"%sA\"}", (i % 100000 > 0) ? ",\n" : "", i, key >file
        }
        print "]}" >file
    }'
}

keykist token init --label scale --so-pin 12345678 --pin 1234 >/dev/null 2>&1
keys
timed "keykist object import of $count keys" keykist object import "$folder/keys" --usage sign \
    --token scale --pin 1234
rm -r "$folder/keys"
du -sm "$folder/tokens" | awk '{ printf "%-44s %12.1f MiB\n", "on the disk", $1 }'
"$build/bench/keykist-scale" "$module" scale 1234 "$count"
timed "keykist token check" keykist token check --token scale --pin 1234
timed "keykist token delete" keykist token delete --token scale --yes
