#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist pin change, init, reset.
. "$(dirname "$0")/keykist_lib.sh"

keykist token init --label t --so-pin 12345678 > "$WORK/token.out" 2>&1 ||
    bail "no token: $(cat "$WORK/token.out")"

wrong='the PIN is wrong \(CKR_PIN_INCORRECT\)\.'
runk pin init --so-pin 00000000 --new-pin 1234
tells "init: a wrong SO PIN" 1 "keykist: Could not log in as SO: $wrong"
runk pin init --so-pin 12345678
tells "init: no new PIN" 1 \
    'keykist: the new user PIN is missing: use --new-pin-file, --new-pin-env or --new-pin'
runk pin init --so-pin 12345678 --new-pin 1
tells "init: a PIN too short" 1 'keykist: .*too short or too long \(CKR_PIN_LEN_RANGE\)\.'
runk pin init --so-pin 12345678 --new-pin 1234
said "init" 0 'Token "t" (serial S, slot N): user PIN set.' ""
runk pin init --so-pin 12345678 --new-pin 4321
tells "init: there is one" 1 'keykist: the token has a user PIN already; "keykist pin reset" replaces it'

runk pin change --pin 4321 --new-pin 5678
tells "change: a wrong PIN" 1 "keykist: Could not log in as user: $wrong"
runk pin change --pin 1234 --new-pin 5678
said "change" 0 'Token "t" (serial S, slot N): user PIN changed.' ""
runk pin change --pin 1234 --new-pin 9999
tells "... the old one is no good any more" 1 "keykist: Could not log in as user: $wrong"
printf '' > "$WORK/empty"
runk pin change --pin-file "$WORK/empty" --new-pin 5678
tells "an empty PIN" 1 'keykist: the present user PIN must have 1 to 255 bytes'
runk pin change --pin 5678 --pin-env KK --new-pin 5678
tells "a PIN from two places" 1 'keykist: Use only one of --pin, --pin-file and --pin-env\.'
runk pin change --so-pin 12345678 --new-pin 5678
tells "the SO's PIN without --so" 1 "keykist: the SO's PIN changes the SO's PIN only: .*"

runk pin change --so --so-pin 12345678 --new-pin 87654321
said "change --so" 0 'Token "t" (serial S, slot N): SO PIN changed.' ""
runk pin reset --so-pin 12345678 --new-pin 1111
tells "... the old one is no good any more" 1 "keykist: Could not log in as SO: $wrong"

if [ "$KK_KIND" = own ]; then
    for n in 1 2 3 4 5 6 7 8; do # and one above
        keykist pin change --pin 0000 --new-pin 5678 > "$WORK/try" 2>&1
    done
    runk token show --json
    check "one try left" test "$(json 'd["state"], d["user_pin_failed"]')" = "('one PIN try left', 9)"
    runk pin change --pin 0000 --new-pin 5678
    runk pin change --pin 5678 --new-pin 5678
    tells "locked" 1 'keykist: Could not log in as user: .*\(CKR_PIN_LOCKED\)\.'
    runk token show --json
    check "... and shown so" test "$(json 'd["state"]')" = "user PIN locked"
fi
KK_TEST_SO=87654321
export KK_TEST_SO
runk pin reset --so-pin-env KK_TEST_SO --new-pin 1111 --json
check "reset, as JSON" test "$status $(json 'd["result"]')" = "0 user PIN reset"
runk pin change --pin 1111 --new-pin 2222
check "... the new PIN is the user's" test "$status" = 0

if [ "$KK_KIND" = own ]; then
    echo "token.so_recovery = off" >> "$SOFTHSM2_CONF"
    keykist token init --label off --so-pin 12345678 --pin 1234 > "$WORK/token.out" 2>&1
    runk pin reset --token off --so-pin 12345678 --new-pin 4321
    tells "so_recovery off: reset wants --yes" 1 \
        'keykist: All private objects of the token "off" will be lost .*: say --yes .*'
    runk pin reset --token off --so-pin 12345678 --new-pin 4321 --yes
    check "... and has it" test "$status" = 0
fi
finish
