#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# --init-token: selection, checks, success, initialising again.
. "$(dirname "$0")/lib.sh"

pins="--so-pin $SO_PIN --pin $PIN"
no_slot="ERROR: A slot/token must be supplied. Use --slot <number>, --serial <serial>, --token <label>, or --free"
not_found="ERROR: Could not find a slot/token using --serial, --token, or --free."

# init ARGUMENTS...: --init-token with both PINs.
init()
{
    # shellcheck disable=SC2086
    run --init-token "$@" $pins
}

init --label a
said "no selector" 1 "" "$no_slot"

init --free
said "no label" 1 "Slot 0 has a free/uninitialized token." \
    "ERROR: A label for the token must be supplied. Use --label <text>"

init --free --label 123456789012345678901234567890123
said "a label of 33 bytes" 1 "Slot 0 has a free/uninitialized token." \
    "ERROR: The token label must not have a length greater than 32 chars."

init --slot -1 --label a
said "a negative slot" 1 "" "ERROR: The slot number is negative."

init --slot foo --label a
said "a slot that is no number" 1 "" 'ERROR: The slot number is not a number: "foo".'

init --slot 0x0 --label a
said "a slot in hexadecimal" 1 "" 'ERROR: The slot number is not a number: "0x0".'

init --slot '' --label a
said "an empty slot" 1 "" 'ERROR: The slot number is not a number: "".'

init --slot 99999999999999999999999 --label a
said "a slot that no number holds" 1 "" \
    "ERROR: The slot number is too large: 99999999999999999999999"

init --slot 777 --label a
said "a slot that is not there" 1 "" "CKR_SLOT_ID_INVALID: Slot 777 does not exist."

init --serial 12345678901234567 --label a
said "a serial of 17 bytes" 1 "" "ERROR: --serial is too long."

init --token 123456789012345678901234567890123 --label a
said "a token label of 33 bytes" 1 "" "ERROR: --token is too long."

init --token nobody --label a
said "a token that is not there" 1 "" "$not_found"

init --serial nobody --label a
said "a serial that is not there" 1 "" "$not_found"

init --free --label demo
said "--free" 0 "Slot 0 has a free/uninitialized token.
The token has been initialized and is reassigned to slot N" ""

slot=$(sed -n 's/^The token .* //p' "$WORK/out")
check "the last word is the slot" test "$slot" = "$(slot_of demo)"

init --slot 1 --label demo2
said "--slot of the uninitialised token" 0 \
    "The token has been initialized and is reassigned to slot N" ""

init --slot 777 --free --token demo --label x
said "--slot wins over --free and --token" 1 "" "CKR_SLOT_ID_INVALID: Slot 777 does not exist."

init --free --token demo --label 12345678901234567890123456789012
said "--free wins over --token; a label of 32 bytes" 0 "Slot 2 has a free/uninitialized token.
The token has been initialized and is reassigned to slot N" ""

init --free --label demo
said "a second token of one label" 0 "Slot 3 has a free/uninitialized token.
The token has been initialized and is reassigned to slot N" ""

init --token demo --label demo
said "two tokens match" 1 "Found slot N with matching token label.
Found slot N with matching token label." "ERROR: Found multiple matching slots/tokens."

serial=$(serial_of demo2)
slot=$(slot_of demo2)
init --token demo2 --label again
said "initialising again by label" 0 "Found slot N with matching token label.
The token has been initialized on slot N" ""
check "... keeps the serial" test "$(serial_of again)" = "$serial"
check "... and the slot" test "$(slot_of again)" = "$slot"

init --serial "$serial" --label again
said "initialising again by serial" 0 "Found slot N with matching serial.
The token has been initialized on slot N" ""

init --serial "$serial" --token again --label demo2
said "initialising again by both" 0 "Found slot N with matching serial and token label.
The token has been initialized on slot N" ""

init --serial "$serial" --token again --label demo2
said "--serial and --token must both match" 1 "" "$not_found"

init --slot " $slot
" --label demo2
said "blanks round a slot are taken" 0 "The token has been initialized on slot N" ""

run --init-token --serial "$serial" --label demo2 --so-pin 87654321 --pin "$PIN"
said "the wrong SO PIN" 1 "Found slot N with matching serial." \
    "CKR_PIN_INCORRECT: The given SO PIN does not match the one in the token. Needed when reinitializing the token."

blue=$(printf 'bl\303\245 b\303\244r')
init --free --label "$blue"
init --token "$blue" --label "$blue"
said "a label in UTF-8, with a blank" 0 "Found slot N with matching token label.
The token has been initialized on slot N" ""

finish
