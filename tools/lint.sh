#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Usage: lint.sh BUILD-FOLDER
# All checks of the sources that run nothing. What a missing program would do is said and left out;
# clang-tidy and the sizes inform only. LINT_TIDY=no leaves clang-tidy out, which takes minutes.
set -u
build=$1
cd "$(dirname "$0")/.." || exit 1
failed=0

run()
{
    echo "== $1"
    shift
    "$@" || failed=1
}

c_files()
{
    git ls-files -co --exclude-standard 'src/*.[ch]' 'tests/*.[ch]' 'bench/*.[ch]' 'fuzz/*.[ch]'
}

format()
{
    if ! command -v clang-format-19 >/dev/null 2>&1; then
        echo "clang-format-19 is not installed: the format was not checked"
        return 0
    fi
    c_files | xargs clang-format-19 --dry-run --Werror
}

shell()
{
    if ! command -v shellcheck >/dev/null 2>&1; then
        echo "shellcheck is not installed: the shell scripts were not checked"
        return 0
    fi
    git ls-files -co --exclude-standard '*.sh' .ci/run tools/meson | xargs shellcheck -s sh --severity=warning -e SC2034,SC2154
}

tidy()
{
    if [ "${LINT_TIDY:-}" = no ]; then
        echo "left out, as asked"
        return 0
    fi
    if ! command -v clang-tidy-19 >/dev/null 2>&1; then
        echo "clang-tidy-19 is not installed: left out"
        return 0
    fi
    git ls-files -co --exclude-standard 'src/*.c' |
        xargs -P 2 -n 8 clang-tidy-19 --quiet -p "$build" \
            --checks='-*,bugprone-*,clang-analyzer-*,concurrency-*,performance-*,portability-*,misc-header-include-cycle,-bugprone-easily-swappable-parameters,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-concurrency-mt-unsafe' \
            2>/dev/null | grep -E 'warning:|error:' | sort -u
    return 0
}

run 'layers' tools/check_layers.py
run 'simple mistakes' tools/simple_mistakes.py
run 'headers' tools/check_headers.sh "$build"
run 'citations of the standard' tools/spec_trace.py
run 'quotes in guides' tools/check_quotes.py
run 'format' format
run 'shell scripts' shell
run 'sizes' tools/size_gate.py
run 'clang-tidy (advisory)' tidy
if [ $failed -ne 0 ]; then
    echo "lint: there are problems" >&2
fi
exit $failed
