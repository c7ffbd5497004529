#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: configure.sh BUILD-FOLDER -Doption=value...
# Sets the folder up, or changes its options, only where they are not already as asked.
set -eu
build=$1
shift
meson=$(dirname "$0")/meson
stamp=$build/.keykist-options

if [ ! -f "$build/build.ninja" ]; then
    rm -rf "$build/meson-private"
    "$meson" setup "$build" "$@"
elif [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$*" ]; then
    "$meson" configure "$build" "$@"
fi
printf '%s\n' "$*" >"$stamp"
