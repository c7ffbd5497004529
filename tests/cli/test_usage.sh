#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The command line itself: exactly one action, help, version, what getopt refuses.
. "$(dirname "$0")/lib.sh"

# The usage is compared by its first lines and by what it must name.
is_usage()
{
    [ "$(head -n 3 "$WORK/out")" = "Support tool for PKCS#11
Usage: softhsm2-util [ACTION] [OPTIONS]
Action:" ] || return 1
    for option in --delete-token -h --help '--import <path>' --init-token '--show-config <key>' \
        --show-slots -v --version --aes '--file-pin <PIN>' --force --free '--id <hex>' \
        '--import-type <type>' '--label <text>' '--module <path>' --no-public-key '--pin <PIN>' \
        '--pin-env <name>' '--pin-file <path>' '--serial <number>' '--slot <number>' \
        '--so-pin <PIN>' '--so-pin-env <name>' '--so-pin-file <path>' '--token <label>'; do
        grep -q -e "^  $option\( \|\$\)" "$WORK/out" || { echo "# missing: $option"; return 1; }
    done
}

# usage NAME STATUS ERR
usage()
{
    err=$(sed "s#^[^ ]*softhsm2-util:#softhsm2-util:#" "$WORK/err")
    if [ "$status" = "$2" ] && is_usage && [ "$err" = "$3" ]; then
        pass "$1"
    else
        fail "$1"
        explain "exit status" "$2" "$status"
        explain stderr "$3" "$err"
    fi
}

run
usage "no action: usage, rc 1" 1 ""

run --help
usage "--help: rc 0" 0 ""

run -h
usage "-h: rc 0" 0 ""

run -v
said "-v prints only the version" 0 "2.6.1" ""

run --version
said "--version prints only the version" 0 "2.6.1" ""

run --show-slots -v
said "--version wins over an action before it" 0 "2.6.1" ""

run --init-token --show-slots
usage "two actions: usage, rc 1" 1 ""

run --show-slots --show-slots
usage "an action twice: usage, rc 1" 1 ""

run --label x --slot 1
usage "options without an action: usage, rc 1" 1 ""

run --bogus
usage "an unknown option is an error" 1 "softhsm2-util: unrecognized option '--bogus'"

run --show-slots --export
usage "there is no --export" 1 "softhsm2-util: unrecognized option '--export'"

run -x
usage "an unknown short option is an error" 1 "softhsm2-util: invalid option -- 'x'"

run --slot
usage "a missing value is an error" 1 "softhsm2-util: option '--slot' requires an argument"

run --show-slots=4
usage "a value too many is an error" 1 \
    "softhsm2-util: option '--show-slots' doesn't allow an argument"

run --show-config default-pkcs11-lib
check "--show-config default-pkcs11-lib prints a module" \
    test "$status" = 0 -a "$(sed 's#.*/##' "$WORK/out")" = libsofthsm2.so

run --show-config foo
said "--show-config with another key" 1 "" "ERROR: Invalid configuration key 'foo'"

if [ -e /dev/full ]; then
    "$KK_UTIL" --version > /dev/full 2> /dev/null
    check "output that cannot be written is a failure" test $? = 1
else
    skip "output that cannot be written is a failure" "no /dev/full"
fi

finish
