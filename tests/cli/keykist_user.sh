#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist user add, remove, list, and what other commands do to named users.
. "$(dirname "$0")/keykist_lib.sh"

cd "$WORK" || exit 1
keykist token init --label t --so-pin 12345678 --pin 1234 > token.out 2>&1 ||
    bail "no token: $(cat token.out)"

names()
{
    runk user list "$@" --json
    json '" ".join(u["name"] for u in d["users"])'
}

check "nobody at first" test "$(names)" = ""
runk user add --name alice --so-pin 00000000 --new-pin alices
tells "add: a wrong SO PIN" 1 'keykist: Could not log in as SO: .*\(CKR_PIN_INCORRECT\)\.'
runk user add --name alice --so-pin 12345678
tells "add: no PIN" 1 \
    "keykist: the new user's PIN is missing: use --new-pin-file, --new-pin-env or --new-pin"
runk user add --so-pin 12345678 --new-pin alices
tells "add: no name" 1 'keykist: --name is missing'
runk user add --name alice --so-pin 12345678 --new-pin 1
tells "add: a PIN too short" 1 'keykist: .*too short or too long \(CKR_PIN_LEN_RANGE\)\.'
runk user add --name alice --so-pin 12345678 --new-pin alices
said "add" 0 'Token "t" (serial S, slot N): user added.' ""
runk user add --name alice --so-pin 12345678 --new-pin alices
tells "add: there is one" 1 'keykist: there is a user of that name already'
runk user add --name bob --pin 1234 --new-pin bobs
tells "add: by the user" 1 'keykist: on this token users are added with .*'
runk user add --name Bob --so-pin 12345678 --new-pin bobs --json
check "add, as JSON" test "$status $(json 'd["result"]')" = "0 user added"
check "list" test "$(names)" = "alice Bob"
runk user list
check "list, as a table" grep -Eq '^alice +0 +no$' "$WORK/out"
runk user show --name Bob
check "show" sh -c "grep -Eq '^Name +Bob' out && ! grep -q alice out && grep -Eq '^Locked +no' out"
runk user show --name alice --json
check "show, as JSON" test "$(json 'd["user"]')" = "{'name': 'alice', 'pin_failed': 0, 'locked': False}"
runk user show --name carol
tells "show: nobody" 1 'keykist: there is no user of that name; "keykist user list" says who there is\.?'
runk user show
tells "show: whom?" 1 'keykist: --name is missing\.?'
check "the user's own PIN is as it was" keykist pin change --pin 1234 --new-pin 1234

echo "correct horse" > pass
check "a backup takes them along" sh -c "'$KK_KEYKIST' backup create --out b --passphrase-file pass \
    --module '$MODULE' && '$KK_KEYKIST' token delete --token t --yes --module '$MODULE' &&
    '$KK_KEYKIST' restore b --passphrase-file pass --so-pin 12345678 --module '$MODULE'" < /dev/null
check "... and back" test "$(names)" = "alice Bob"
runk token check --so-pin 12345678
check "a token with them is sound" test "$status" = 0

runk user remove --name carol --so-pin 12345678
tells "remove: nobody" 1 'keykist: there is no user of that name'
runk user remove --name alice --so-pin 12345678
said "remove" 0 'Token "t" (serial S, slot N): user removed.' ""
check "... is gone" test "$(names)" = "Bob"
serial=$(serial_of t)
runk token repair --so-pin 12345678 --pin 1234
check "repair says who is not in the new token" grep -Eq '^- +Bob +the named user is not in the new token' \
    "$WORK/out"
check "... and the old one keeps them" test "$(names --serial "$serial")" = Bob
keykist token delete --serial "$(keykist token list --json | python3 -c 'import json, sys
print([t["serial"] for t in json.load(sys.stdin)["tokens"] if t["serial"] != sys.argv[1]][0])' "$serial")" --yes > out 2>&1
runk token repair --replace --yes --so-pin 12345678 --pin 1234
check "repair --replace" test "$status $(names)" = "0 Bob"
runk token rekey --so-pin 12345678 --pin 1234
check "rekey" test "$status" = 0
check "... says whom it leaves out" grep -Eq '^- +Bob +the named user goes with the old keys' "$WORK/out"
check "... and does" test "$(names)" = ""
runk user add --name carol --so-pin 12345678 --new-pin carols
runk token rekey --so-pin 12345678 --pin 1234 --json
check "... as JSON" test "$status $(json '[f["label"] for f in d["findings"]]')" = "0 ['carol']"

echo "token.so_recovery = off" >> "$SOFTHSM2_CONF"
keykist token init --label off --so-pin 12345678 --pin 1234 > token.out 2>&1
runk user add --token off --name alice --so-pin 12345678 --new-pin alices
tells "so_recovery off: not by the SO" 1 'keykist: on this token users are added with .*'
runk user add --token off --name alice --pin 1234 --new-pin alices
check "... but by the user" test "$status $(names --token off)" = "0 alice"
runk user remove --token off --name alice --so-pin 12345678
check "... and removed by the SO" test "$status $(names --token off)" = "0 "

echo "objectstore.backend = file" >> "$SOFTHSM2_CONF"
keykist token init --label old --so-pin 12345678 --pin 1234 > token.out 2>&1
runk user list --token old
tells "a token in SoftHSM's format" 1 'keykist: tokens of this kind have no named users; .*'
finish
