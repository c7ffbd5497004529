#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: run.sh SECONDS [TARGET...]
# Builds the targets with libFuzzer and the address and undefined behaviour sanitizers, and runs each
# for so many seconds, beginning with its corpus. New inputs go to build-fuzz/corpus/TARGET; what
# fails lies in build-fuzz as crash-*.
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
[ $# -gt 0 ] || set -- api param config der object_file record audit
CC=${CC:-clang} tools/configure.sh build-fuzz -Db_sanitize=address,undefined -Db_lundef=false \
    -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all' -Dlibfuzzer=true -Dbench=false
for target in "$@"; do
    tools/meson compile -C build-fuzz "fuzz_$target"
    mkdir -p "build-fuzz/corpus/$target"
    "build-fuzz/fuzz/fuzz_$target" -max_total_time="$seconds" -artifact_prefix=build-fuzz/ \
        -print_final_stats=1 "build-fuzz/corpus/$target" "fuzz/corpus/$target"
done
