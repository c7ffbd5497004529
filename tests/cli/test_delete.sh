#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# --delete-token. A module that is not ours cannot: then that is said.
. "$(dirname "$0")/lib.sh"

# A second token directory found through a longer or shorter path prints that path.
not_found="ERROR: Could not find a token using --serial or --token."

run --delete-token
said "no selector" 1 "" \
    "ERROR: A token must be supplied. Use --serial <serial> or --token <label>"

run --delete-token --slot 0 --free
said "--slot and --free are no selectors here" 1 "" \
    "ERROR: A token must be supplied. Use --serial <serial> or --token <label>"

run --delete-token --serial 12345678901234567
said "a serial of 17 bytes" 1 "" "ERROR: --serial is too long."

run --delete-token --token 123456789012345678901234567890123
said "a token label of 33 bytes" 1 "" "ERROR: --token is too long."

make_token demo
if [ "$KK_KIND" = foreign ]; then
    run --delete-token --token demo
    said "a foreign module" 1 "" "ERROR: The module cannot delete tokens: $MODULE"
    check "... keeps its token" test -n "$(slot_of demo)"
    finish
    exit 0
fi

directories()
{
    find "$TOKENS" -mindepth 1 -maxdepth 1 -type d | wc -l
}

run --delete-token --token nobody
said "a token that is not there" 1 "" "$not_found"
run --delete-token --serial nobody
said "a serial that is not there" 1 "" "$not_found"
run --delete-token --token ''
said "the uninitialised token cannot be meant" 1 "" "$not_found"

make_token twin
make_token twin
run --delete-token --token twin
said "two tokens match" 1 "Found token (UUID) with matching token label.
Found token (UUID) with matching token label." "ERROR: Found multiple matching tokens."
check "... and none is deleted" test "$(directories)" = 3

serial=$(serial_of twin | head -n 1)
run --delete-token --serial "$serial"
said "by serial" 0 "Found token (UUID) with matching serial.
The token (WORK/tokens/UUID) has been deleted." ""
check "one directory is gone" test "$(directories)" = 2
check "no slot has that serial" sh -c "! '$KK_UTIL' --module '$MODULE' --show-slots | grep -q '$serial'"

run --delete-token --serial "$serial"
said "once is enough" 1 "" "$not_found"

serial=$(serial_of twin)
run --delete-token --serial "$serial" --token demo
said "--serial and --token must both match" 1 "" "$not_found"

name=$(basename "$TOKENS"/*"$(printf '%s' "$serial" | sed 's/^\(....\)/\1-/')")
run --delete-token --serial "$serial" --token twin
check "the directory is named" grep -q -e "^The token ($TOKENS/$name) has been deleted\.\$" "$WORK/out"
said "by serial and label" 0 "Found token (UUID) with matching serial and token label.
The token (WORK/tokens/UUID) has been deleted." ""

run --delete-token --token demo
said "by label" 0 "Found token (UUID) with matching token label.
The token (WORK/tokens/UUID) has been deleted." ""
check "nothing is left" test "$(directories)" = 0

finish
