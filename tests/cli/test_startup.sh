#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Modules that do not load or start, and configurations that are no good.
. "$(dirname "$0")/lib.sh"

logs="ERROR: Please check log files for additional information."
verify="ERROR: Please verify that the SoftHSM configuration is correct."
good=$SOFTHSM2_CONF
path=$MODULE

MODULE=/nonexistent/module.so
run --show-slots
said "a module that is not there" 1 "" \
    "ERROR: Could not load the PKCS#11 library/module: $MODULE: cannot open shared object file: No such file or directory
$logs"

MODULE=$WORK/text.so
echo "no module" > "$MODULE"
run --show-slots
check "a file that is no library" test "$status" = 1
check "... is said to be none" \
    grep -q "^ERROR: Could not load the PKCS#11 library/module: $WORK/text.so: " "$WORK/err"

MODULE=$KK_NO_MODULE
run --show-slots
said "a library that is no module" 1 "" \
    "ERROR: Could not load the PKCS#11 library/module: $MODULE: undefined symbol: C_GetFunctionList
$logs"

MODULE=$KK_BAD_MODULE
run --show-slots
said "a module without all functions" 1 "" \
    "ERROR: Could not load the PKCS#11 library/module: it gives no complete list of functions
$logs"
MODULE=$path

# bad NAME MESSAGE: each action that needs the module says MESSAGE about $SOFTHSM2_CONF.
bad()
{
    if [ "$KK_KIND" = foreign ]; then
        expected="ERROR: Could not initialize the PKCS#11 library/module: $MODULE
$logs"
    else
        expected="$2
$verify"
    fi
    for action in --show-slots --delete-token --init-token "--import $KEYS/rsa.pem"; do
        # shellcheck disable=SC2086
        run $action --token x --label x --id 01
        said "$1: ${action%% *}" 1 "" "$expected"
    done
}

SOFTHSM2_CONF=
bad "an empty SOFTHSM2_CONF" "ERROR: Could not load the SoftHSM configuration."

SOFTHSM2_CONF=$WORK/nonexistent.conf
bad "no configuration" "ERROR: Could not load the SoftHSM configuration."

SOFTHSM2_CONF=$WORK/level.conf
sed '/^log.level/d' "$good" > "$SOFTHSM2_CONF"
echo "log.level = LOUD # no such level" >> "$SOFTHSM2_CONF"
bad "an unknown log level" "ERROR: Could not configure the log level."

SOFTHSM2_CONF=$WORK/backend.conf
sed '/^objectstore.backend/d' "$good" > "$SOFTHSM2_CONF"
echo "objectstore.backend = stone" >> "$SOFTHSM2_CONF"
bad "an unknown store" "ERROR: Could not select token backend."

SOFTHSM2_CONF=$WORK/tokendir.conf
sed '/^directories.tokendir/d' "$good" > "$SOFTHSM2_CONF"
echo "directories.tokendir = $WORK/nonexistent" >> "$SOFTHSM2_CONF"
bad "no token directory" "ERROR: Failed to enumerate object store in WORK/nonexistent"

SOFTHSM2_CONF=$WORK/nonexistent.conf
run --version
said "--version needs no configuration" 0 "2.6.1" ""

run --show-config foo
said "--show-config needs no configuration" 1 "" "ERROR: Invalid configuration key 'foo'"

# Without --module: the configuration is looked at before the module is.
MODULE=
bad_default()
{
    run --show-slots
    said "the default module: $1" 1 "" "$2
$verify"
}
bad_default "no configuration" "ERROR: Could not load the SoftHSM configuration."
SOFTHSM2_CONF=$WORK/level.conf
bad_default "an unknown log level" "ERROR: Could not configure the log level."
SOFTHSM2_CONF=$WORK/backend.conf
bad_default "an unknown store" "ERROR: Could not select token backend."
SOFTHSM2_CONF=$WORK/tokendir.conf
bad_default "no token directory" "ERROR: Failed to enumerate object store in WORK/nonexistent"

finish
