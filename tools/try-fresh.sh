#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: try-fresh.sh SUITE [TARGET...]
# What a stranger does, on a machine with nothing but make and git: a folder with a fresh SUITE
# (bookworm, trixie, ...), a git clone of this repository's last commit, then `make demo` and
# `make check` (or the targets given). Needs root.
# DIRTY=1 takes the working tree as it is instead of the last commit.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
suite=${1:?a suite, such as bookworm or trixie}
shift
[ $# -gt 0 ] || set -- demo check
folder=${TMPDIR:-/var/tmp}/keykist-fresh-$suite

"$top/tools/release_folder.sh" make "$suite" "$folder"
trap '"$top/tools/release_folder.sh" remove "$folder"' EXIT
trap 'exit 1' INT TERM HUP
if [ -n "${DIRTY:-}" ]; then
    mkdir -p "$folder/root/keykist"
    (cd "$top" && git ls-files -z -co --exclude-standard | tar -c --null -T -) |
        tar -x -C "$folder/root/keykist"
else
    git clone --quiet "$top" "$folder/root/keykist"
fi

for target in "$@"; do
    echo "== $suite: make $target"
    began=$(date +%s)
    if "$top/tools/release_folder.sh" enter "$folder" make -C /root/keykist "$target"; then
        echo "== $suite: make $target passed in $(($(date +%s) - began)) s"
    else
        echo "== $suite: make $target FAILED"
        exit 1
    fi
done
