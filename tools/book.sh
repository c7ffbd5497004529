#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: book.sh FOLDER
# The documents as a book, with mdBook, in FOLDER/html. Pages lie as in the tree, so that their links hold.
set -eu
folder=$1
cd "$(dirname "$0")/.."
command -v mdbook >/dev/null 2>&1 || {
    echo "book.sh: there is no mdbook: cargo install mdbook. The pages can be read as they are, from docs/SUMMARY.md on." >&2
    exit 1
}
rm -rf "$folder"
mkdir -p "$folder/src"
git ls-files -z '*.md' examples LICENSE | xargs -0 cp --parents -t "$folder/src"
# The contents name pages from docs/; the book names them from the top.
sed -e 's#](\([a-z]\)#](docs/\1#' -e 's#](\.\./#](#' docs/SUMMARY.md >"$folder/src/SUMMARY.md"
rm "$folder/src/docs/SUMMARY.md"
sed -i -e 's#(docs/SUMMARY\.md)#(README.md)#' "$folder/src/README.md"
cat >"$folder/book.toml" <<END
[book]
title = "Keykist"
src = "src"

[build]
build-dir = "html"
create-missing = false
END
mdbook build "$folder"
