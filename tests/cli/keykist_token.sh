#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist token list, show, init, delete.
. "$(dirname "$0")/keykist_lib.sh"

runk token list
said "no token" 0 "Label  Serial  Slot  Kind  State" ""
runk token list --json
check "no token, as JSON" test "$(json d)" = "{'tokens': []}"
runk token show
tells "show without a token" 1 'keykist: there is no token yet'

runk token init
tells "init wants a label" 1 'keykist: the new token needs a label: use --label'
runk token init --label 123456789012345678901234567890123 --so-pin 12345678
tells "a label too long" 1 'keykist: the label is longer than 32 bytes'
runk token init --label x
tells "init wants an SO PIN" 1 \
    'keykist: the SO PIN is missing: use --so-pin-file, --so-pin-env or --so-pin'
runk token init --label x --so-pin 12
tells "an SO PIN too short" 1 'keykist: Could not initialise the token: .* \(CKR_PIN_[A-Z_]*\)\.'
runk token list --json
check "... made nothing" test "$(json 'len(d["tokens"])')" = 0

runk token init --label first --so-pin 12345678 --pin 1234
said "a token" 0 'Token "first" (serial S, slot N): initialised.' ""
if [ "$KK_KIND" = own ]; then
    kind=sealed
else
    kind=foreign
fi
printf '87654321\n' > "$WORK/so"
runk token init --label 'sec"ond' --so-pin-file "$WORK/so" --json
check "a token without a user PIN, as JSON" test \
    "$(json 'd["token"]["label"], d["result"]')" = "('sec\"ond', 'initialised, without a user PIN')"

runk token list --json
check "list, as JSON: labels" test "$(json 'sorted(t["label"] for t in d["tokens"])')" = \
    "['first', 'sec\"ond']"
check "... kinds" test "$(json 'set(t["kind"] for t in d["tokens"])')" = "{'$kind'}"
check "... states" test \
    "$(json 'sorted((t["label"], t["state"]) for t in d["tokens"])')" = \
    "[('first', 'ready'), ('sec\"ond', 'no user PIN')]"
slot=$(json '[t["slot"] for t in d["tokens"] if t["label"] == "first"][0]')
serial=$(json '[t["serial"] for t in d["tokens"] if t["label"] == "first"][0]')
check "... the slot is the one that softhsm2-util shows" test "$(slot_of first)" = "$slot"
runk token list
check "list: a row for each, titles above" sh -c "test \$(wc -l < '$WORK/out') = 3 &&
    head -n 1 '$WORK/out' | grep -Eq '^Label +Serial +Slot +Kind +State\$' &&
    grep -Eq '^first +$serial +$slot +$kind +ready\$' '$WORK/out'"

runk token show
tells "show needs a choice" 1 'keykist: 2 tokens are there: choose one by --serial or --slot'
for choice in "--token first" "--serial $serial" "--slot $slot" "--token first --slot $slot"; do
    # shellcheck disable=SC2086
    runk token show $choice --json
    check "show $choice" test "$status $(json 'd["label"], d["user_pin_set"]')" = "0 ('first', True)"
done
slot=$(slot_of first)
runk slot show "$slot"
check "slot show: the slot, and the token in it" sh -c "grep -Eq '^Slot +$slot$' '$WORK/out' && grep -Eq '^Label +first$' '$WORK/out' && grep -Eq '^State +present$' '$WORK/out'"
runk slot show "$slot" --json
check "slot show: as a document" test "$(json '(d["slot"]["slot"], d["slot"]["label"])')" = "($slot, 'first')"
runk token show --token none
tells "show of a label that is not there" 1 'keykist: no token has this label'
runk token show --token first --slot 0x5
tells "a slot that is no number" 1 'keykist: The slot number is not a number: "0x5"\.'
runk token show --token first --serial 00
tells "a serial that does not fit" 1 'keykist: no token fits --token, --serial and --slot as given'
runk token show --token first
check "show: a line per field" grep -Eq "^Serial +$serial\$" "$WORK/out"

# A token with a control character in its name does not reach the terminal with it.
runk token init --label "$(printf 'a\033[2Jb\302\233c\377')" --so-pin 12345678
check "control characters stay in" sh -c "! LC_ALL=C grep -q '[[:cntrl:]]' '$WORK/out' &&
    grep -q 'a?\\[2Jb?c' '$WORK/out'"
runk token list --json
check "... and JSON escapes them" test \
    "$(json '[ascii(t["label"]) for t in d["tokens"] if t["label"][0] == "a"][0]')" = \
    "'a\\x1b[2Jb\\x9bc\\ufffd'"

# Emptying one that there is.
runk token init --slot "$slot" --label again --so-pin 12345678
tells "emptying a token wants --yes" 1 \
    'keykist: All objects of the token "first" will be lost: say --yes if that is meant'
runk token init --slot "$slot" --label again --so-pin 00000000 --yes
tells "... and its SO PIN" 1 'keykist: .*: the PIN is wrong \(CKR_PIN_INCORRECT\)\.'
runk token init --slot "$slot" --label again --so-pin 12345678 --pin 1234 --yes --json
check "... then it is done, in its slot" test \
    "$status $(json 'd["token"]["slot"], d["token"]["label"]')" = "0 ($slot, 'again')"

# Deleting.
runk token delete
tells "delete wants a choice" 1 'keykist: which token\? Use --token, --serial or --slot'
if [ "$KK_KIND" = foreign ]; then
    runk token delete --token again --yes
    tells "a foreign module cannot delete" 1 "keykist: the module .* cannot do that: it is not Keykist's"
else
    runk token delete --token again
    tells "delete wants --yes" 1 \
        'keykist: All objects of the token "again" will be lost: say --yes if that is meant'
    runk token delete --token again --yes
    said "delete" 0 'Token "again" (serial S, slot N): deleted.' ""
    runk token show --token again
    tells "... it is gone" 1 'keykist: no token has this label'
fi

if [ "$KK_KIND" = own ]; then
    # Two of one label.
    runk token init --label twin --so-pin 12345678
    runk token init --label twin --so-pin 12345678
    runk token delete --token twin --yes
    tells "two of one label: neither is deleted" 1 \
        'keykist: 2 tokens have this label: choose one by --serial or --slot'
fi
finish
