#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: dist.sh FOLDER
# Writes FOLDER/keykist-VERSION.tar.gz, the source archive of the last commit, and says its name. The
# same commit gives the same bytes, whoever calls it, when and where.
set -eu
folder=${1:?a folder}
top=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n "s/^  version: '\\(.*\\)',\$/\\1/p" "$top/meson.build")
archive=$folder/keykist-$version.tar.gz
mkdir -p "$folder"
# Without what the user's configuration says of line ends and modes.
git -C "$top" -c core.autocrlf=false -c tar.umask=0022 \
    archive --format=tar --prefix="keykist-$version/" HEAD >"$archive.part"
gzip -9n <"$archive.part" >"$archive.new"
rm "$archive.part"
mv "$archive.new" "$archive"
echo "$archive"
