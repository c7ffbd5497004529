#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: run.sh [--quick] SUITE...
# For each suite (bookworm, trixie): a folder with a fresh Debian, in it the packages built of the last
# commit's source archive, and inside.sh: Keykist over SoftHSM and back, a fresh installation. Without
# --quick also a second build elsewhere, whose packages must be the same byte for byte, and lintian,
# which must find nothing. Needs root. The folders are ${TMPDIR:-/var/tmp}/keykist-packages-SUITE and
# are deleted, unless KEEP=1; packages are left in build-packages/SUITE.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
release=$top/tools/release_folder.sh
quick=no
if [ "${1:-}" = --quick ]; then
    quick=yes
    shift
fi
[ $# -gt 0 ] || { echo "run.sh: which suite?" >&2; exit 2; }
folder=

remove_folder()
{
    if [ -n "$folder" ] && [ -z "${KEEP:-}" ]; then
        "$release" remove "$folder"
    fi
}
trap remove_folder EXIT
trap 'exit 1' INT TERM HUP

inside()
{
    "$release" enter "$folder" "$@"
}

step()
{
    title=$1
    shift
    began=$(date +%s)
    if "$@" >"$out/step.log" 2>&1; then
        echo "# $suite: $title: $(($(date +%s) - began)) s"
    else
        tail -n 40 "$out/step.log" >&2
        echo "# $suite: $title FAILED" >&2
        exit 1
    fi
}

prepare()
{
    "$release" make "$suite" "$folder"
    mkdir -p "$folder/root/keykist" "$folder/root/build"
    cp "$archive" "$folder/root/build/"
    tar -x -z --strip-components=1 -C "$folder/root/keykist" -f "$archive"
    inside apt-get -q update
    inside apt-get -q -y install --no-install-recommends build-essential fakeroot
    # The packages that debian/control names, by apt itself.
    inside sh -c 'cd /root/keykist && cp -a packaging/debian debian && DEB_BUILD_PROFILES=nocheck apt-get -q -y build-dep --no-install-recommends . && rm -r debian'
}

# build FOLDER NAME=VALUE...
build()
{
    into=$1
    shift
    inside env DEB_BUILD_OPTIONS="nocheck parallel=2" DEB_BUILD_PROFILES=nocheck "$@" \
        /root/keykist/tools/deb.sh "/root/build/$(basename "$archive")" "$into"
}

# Another folder, another time zone, another language, another umask.
build_again()
{
    inside mkdir -p /var/tmp/elsewhere/deep
    build /root/again TMPDIR=/var/tmp/elsewhere/deep TZ=Pacific/Kiritimati LC_ALL=C
    for package in "$folder"/root/debs/*.deb; do
        cmp "$package" "$folder/root/again/$(basename "$package")"
    done
}

lint()
{
    inside apt-get -q -y install --no-install-recommends lintian
    inside sh -c 'cd /root/debs && lintian --allow-root --fail-on error,warning --display-info *.changes'
}

failed=no
mkdir -p "$top/build-packages"
archive=$("$top/tools/dist.sh" "$top/build-packages")
for suite in "$@"; do
    out=$top/build-packages/$suite
    folder=${TMPDIR:-/var/tmp}/keykist-packages-$suite
    rm -rf "$out"
    mkdir -p "$out"
    step "a folder" prepare
    step "packages are built" build /root/debs
    cp "$folder"/root/debs/*.deb "$out/"
    if [ "$quick" = no ]; then
        step "a second build elsewhere gives the same bytes" build_again
        step "lintian finds nothing" lint
    fi
    inside sh /root/keykist/tests/packages/inside.sh /root/debs || failed=yes
    remove_folder
done
[ "$failed" = no ]
