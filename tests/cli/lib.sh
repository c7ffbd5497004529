# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# What every test of the programs begins with: a configuration and a token directory of its own, and
# functions that run the program and compare its two streams and its exit status, as TAP.
#
# KK_UTIL    softhsm2-util
# KK_KEYCONV, KK_DUMP_FILE, KK_MIGRATE  the other programs
# KK_MODULE  the module under it; empty: the program's default
# KK_KIND    foreign | shim | own: what kind of module that is. `foreign` cannot delete tokens;
#            `shim` is a foreign module behind shim.so, which adds the interface "Vendor Keykist"
# KK_SHIM    path of shim.so (for `shim`)
# KK_SANITIZED  not empty: the module can be loaded by programs of the same build only

set -u

# shellcheck disable=SC2034 # the tests use it
KEYS=$(cd "$(dirname "$0")" && pwd)/keys
WORK=$(mktemp -d "${TMPDIR:-/tmp}/kk-cli.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM HUP

TOKENS=$WORK/tokens
mkdir "$TOKENS"
SOFTHSM2_CONF=$WORK/softhsm2.conf
export SOFTHSM2_CONF
{
    echo "directories.tokendir = $TOKENS"
    echo "log.level = ERROR"
    if [ "$KK_KIND" = own ]; then
        echo "pin.kdf = test"
        echo "log.file = $WORK/log"
    else
        echo "objectstore.backend = file"
    fi
} > "$SOFTHSM2_CONF"

MODULE=$KK_MODULE
if [ "$KK_KIND" = shim ]; then
    MODULE=$KK_SHIM
    KK_SHIM_MODULE=$KK_MODULE
    KK_SHIM_TOKENS=$TOKENS
    export KK_SHIM_MODULE KK_SHIM_TOKENS
fi

tests=0

pass()
{
    tests=$((tests + 1))
    echo "ok $tests - $1"
}

fail()
{
    tests=$((tests + 1))
    echo "not ok $tests - $1"
}

skip()
{
    tests=$((tests + 1))
    echo "ok $tests - $1 # SKIP $2"
}

# Prints the plan; the last line of every test.
finish()
{
    echo "1..$tests"
}

# remark: its standard input as comments.
remark()
{
    sed 's/^/# /'
}

# bail TEXT: ends the test; what follows the first line is a comment.
bail()
{
    printf 'Bail out! %s\n' "$1" | sed '2,$s/^/# /'
    exit 1
}

# check NAME COMMAND...: passes when the command succeeds. What it says is told when it does not.
check()
{
    name=$1
    shift
    if "$@" > "$WORK/checked" 2>&1; then
        pass "$name"
        return
    fi
    fail "$name"
    remark < "$WORK/checked"
}

# Slot numbers that follow from a random serial, token directories and serials, made the same.
normalise()
{
    sed -E -e 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/UUID/g' \
        -e "s#$WORK#WORK#g" \
        -e 's/([Ss]lot) [0-9]{4,}/\1 N/g' "$1"
}

# util ARGUMENTS...: runs the program on the module, standard input empty.
util()
{
    if [ -n "$MODULE" ]; then
        "$KK_UTIL" --module "$MODULE" "$@" < /dev/null
    else
        "$KK_UTIL" "$@" < /dev/null
    fi
}

# run ARGUMENTS...: the same, keeping what it says and its exit status.
run()
{
    util "$@" > "$WORK/out" 2> "$WORK/err"
    status=$?
}

# run_program PROGRAM ARGUMENTS...: the same for another program, which is given no module.
run_program()
{
    "$@" < /dev/null > "$WORK/out" 2> "$WORK/err"
    status=$?
}

explain()
{
    echo "# $1: expected:"
    printf '%s\n' "$2" | sed 's/^/#   /'
    echo "# got:"
    printf '%s\n' "$3" | sed 's/^/#   /'
}

# said NAME STATUS OUT ERR: compares with the last run. OUT and ERR have no newline at their end.
said()
{
    out=$(normalise "$WORK/out")
    err=$(normalise "$WORK/err")
    if [ "$status" = "$2" ] && [ "$out" = "$3" ] && [ "$err" = "$4" ]; then
        pass "$1"
        return
    fi
    fail "$1"
    [ "$status" = "$2" ] || explain "exit status" "$2" "$status"
    [ "$out" = "$3" ] || explain stdout "$3" "$out"
    [ "$err" = "$4" ] || explain stderr "$4" "$err"
}

# on_terminal COMMAND: runs it under expect(1); the dialogue is on stdin, as expect commands and
# `await TEXT`. What the terminal showed is in $WORK/shown, the exit status in $status: 99 when a
# signal ended it.
# shellcheck disable=SC2016 # the dollars are Tcl's
on_terminal()
{
    {
        echo 'log_user 0; set timeout 20; set shown ""'
        echo 'proc await {text} {
                  global shown spawn_id
                  expect {
                      -ex $text { append shown $expect_out(buffer) }
                      timeout { puts "timeout after: $shown"; exit 3 }
                      eof { puts "end after: $shown$expect_out(buffer)"; exit 4 } } }'
        echo "set stty_init {-onlcr}"
        echo "spawn -noecho $1"
        cat
        echo 'expect eof { append shown $expect_out(buffer) }'
        echo 'puts -nonewline $shown; flush stdout; set result [wait]'
        echo 'if {[llength $result] > 4} { exit 99 }; exit [lindex $result 3]'
    } > "$WORK/dialogue"
    expect -f "$WORK/dialogue" > "$WORK/shown" 2>&1
    status=$?
}

# Leaves a test that needs a terminal where there is no expect(1).
needs_terminal()
{
    if ! command -v expect > /dev/null 2>&1; then
        echo "1..0 # SKIP no expect"
        exit 0
    fi
}

# A token with these PINs, made without a word.
SO_PIN=12345678
PIN=1234
make_token()
{
    util --init-token --free --label "$1" --so-pin "$SO_PIN" --pin "$PIN" > "$WORK/token.out" 2>&1 ||
        bail "no token: $(cat "$WORK/token.out")"
}

# The serial number, or the slot, of the token with a label.
serial_of()
{
    util --show-slots | awk -v label="$1" '
        /^        Serial number:/ { serial = $3 }
        /^        Label:/ && $2 == label { print serial }'
}

slot_of()
{
    util --show-slots | awk -v label="$1" '
        /^Slot / { slot = $2 }
        /^        Label:/ && $2 == label { print slot }'
}
