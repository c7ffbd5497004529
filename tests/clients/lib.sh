# SPDX-License-Identifier: BSD-2-Clause
# Shared by the shell tests of clients: a token in a folder of its own, TAP, and checks of what a
# program printed. The caller sets `module` and `util`, and calls plan_done at the end.
#
#   skip_list=FILE   lines "name of a check<TAB>reason": what the module under test cannot do
#   KK_PRELOAD       the sanitizer's runtime, for programs that were not built with it
#   KK_CLIENTS       "required": what is missing fails the test (make check-clients), and is not skipped

number=0
failures=0
skip_list=${skip_list:-/dev/null}
tab=$(printf '\t')

make_work_folder()
{
    work=$(mktemp -d "${TMPDIR:-/tmp}/keykist-client.XXXXXX") || exit 99
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/tokens"
    cat >"$work/softhsm2.conf" <<END
directories.tokendir = $work/tokens/
objectstore.backend = ${backend:-file}
log.level = ERROR
END
    SOFTHSM2_CONF=$work/softhsm2.conf
    LC_ALL=C
    export SOFTHSM2_CONF LC_ALL
    cd "$work" || exit 99
}

# A program that loads the module; under a sanitizer its own leaks are not ours to report.
loading()
{
    if [ -n "${KK_PRELOAD:-}" ]; then
        ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 LD_PRELOAD=$KK_PRELOAD timeout 120 "$@"
    else
        timeout 120 "$@"
    fi
}

# A program beside the module, never under the sanitizer.
plain()
{
    timeout 120 "$@"
}

# client NAME VERSION: whose checks follow, for the table that tools/clients_table.py prints. Nothing where
# it is not our module that is under test.
client()
{
    [ "$skip_list" != /dev/null ] || echo "# client $1 $2"
}

# cannot_run WHY: the whole test is skipped, or fails where its clients are required. Ends the test.
cannot_run()
{
    if [ "${KK_CLIENTS:-}" = required ]; then
        echo "not ok 1 - $1"
        echo '1..1'
        exit 1
    fi
    echo "1..0 # SKIP $1"
    exit 0
}

# need PROGRAM...: each must be there.
need()
{
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || cannot_run "$program is not installed"
    done
}

skip_reason()
{
    sed -n "s/^$1$tab//p" "$skip_list" | head -n 1
}

# result STATUS NAME: one line of TAP; the last output as a comment when it failed.
result()
{
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $2"
        return
    fi
    reason=$(skip_reason "$2")
    if [ -n "$reason" ]; then
        echo "ok $number - $2 # SKIP $reason"
        return
    fi
    failures=$((failures + 1))
    echo "not ok $number - $2"
    sed 's/^/#   /' out
    [ ! -s why ] || sed 's/^/#   /' why
}

# has PATTERN...: each must match a line of the last output.
has()
{
    for pattern in "$@"; do
        if ! grep -Eq -- "$pattern" out; then
            echo "no line matches: $pattern" >>why
            return 1
        fi
    done
}

lacks()
{
    for pattern in "$@"; do
        if grep -Eq -- "$pattern" out; then
            echo "a line matches: $pattern" >>why
            return 1
        fi
    done
}

# check NAME COMMAND...: the command must end with 0.
check()
{
    name=$1
    shift
    : >why
    if "$@"; then
        result 0 "$name"
    else
        echo "failed: $*" >>why
        result 1 "$name"
    fi
}

same()
{
    cmp "$1" "$2" >>why 2>&1
}

size_is()
{
    [ "$(wc -c <"$1")" -eq "$2" ] || {
        echo "$1 has $(wc -c <"$1") bytes, not $2" >>why
        return 1
    }
}

# A TCP port that nobody has at this moment.
free_port()
{
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

plan_done()
{
    echo "1..$number"
    [ "$failures" -eq 0 ]
}
