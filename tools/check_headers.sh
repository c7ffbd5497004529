#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: check_headers.sh BUILD-FOLDER
# Every header compiles alone, as C11 with GNU extensions, without a warning.
set -u
build=$(realpath "$1")
cd "$(dirname "$0")/.." || exit 1
flags=$(pkg-config --cflags libcrypto libsodium sqlite3)
failed=0
for header in src/*/*.h; do
    case $header in
    src/tpm/tpm2_*) pkg-config --exists tss2-sys || continue ;; # the plug-in's, built where that is
    esac
    # shellcheck disable=SC2086 # flags are words
    if ! ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -x c -Isrc \
        -I"$build" $flags -include "$header" /dev/null; then
        echo "$header does not compile alone"
        failed=1
    fi
    if ! grep -q '^#pragma once$' "$header"; then
        echo "$header has no #pragma once"
        failed=1
    fi
done
exit $failed
