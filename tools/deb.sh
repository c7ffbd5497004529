#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: deb.sh ARCHIVE FOLDER
# Makes Debian packages, source and binary, of a source archive (tools/dist.sh) and leaves them in
# FOLDER. What building needs must be installed (packaging/debian/control says what);
# DEB_BUILD_OPTIONS is heeded (nocheck: no tests; parallel=N).
#
# debian/ lies in packaging/ and is put to the top of the source here: at the top of the archive it
# would be in the way of a distribution's own.
set -eu
archive=$(realpath "${1:?a source archive}")
mkdir -p "${2:?a folder}"
folder=$(realpath "$2")
name=$(basename "$archive" .tar.gz)
version=${name#keykist-}
work=$(mktemp -d "${TMPDIR:-/tmp}/keykist-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

cp "$archive" "$work/keykist_$version.orig.tar.gz"
tar -x -z -C "$work" -f "$archive"
cp -a "$work/$name/packaging/debian" "$work/$name/debian"
if ! (cd "$work/$name" && dpkg-buildpackage -us -uc -F) >"$work/log" 2>&1; then
    tail -n 60 "$work/log" >&2
    exit 1
fi
mv "$work/log" "$folder/build.log"
mv "$work"/*_"$version"* "$folder/"
(cd "$folder" && ls ./*.deb)
