#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist slot list, unplug, plug: on a sealed token and on one in SoftHSM's format.
. "$(dirname "$0")/keykist_lib.sh"

cd "$WORK" || exit 1
echo "correct horse" > pass

init()
{
    keykist token init --label "$1" --so-pin 12345678 --pin 1234 > token.out 2>&1 ||
        bail "no token: $(cat token.out)"
}

init sealed
echo "objectstore.backend = file" >> "$SOFTHSM2_CONF"
init file

# The state of the slot of the token with a label.
state_of()
{
    runk slot list --json
    json '[s["state"] for s in d["slots"] if s["label"] == "'"$1"'"][0]'
}

labels_of_tokens()
{
    runk token list --json
    json '" ".join(sorted(t["label"] for t in d["tokens"]))'
}

runk slot list
check "list: a table" sh -c "grep -Eq '^[0-9]+ +present +sealed +[0-9a-f]{16}\$' out"
check "list: the free slot" grep -Eq '^[0-9]+ +free' out

runk slot show "$(slot_of sealed)"
check "show: by number" sh -c "grep -Eq '^Label +sealed' out && grep -Eq '^State +present' out && grep -Eq '^Description +.*[0-9a-f]' out"
runk slot show "$(serial_of file)" --json
check "show: by serial number, as a document" test "$(json '(d["slot"]["label"], d["slot"]["state"], sorted(d["slot"])[:4])')" = "('file', 'present', ['description', 'firmware_version', 'hardware', 'hardware_version'])"
runk slot show "$(keykist slot list | sed -n 's/^\([0-9]*\) *free.*/\1/p')"
check "show: the free slot" sh -c "grep -Eq '^State +free' out && grep -Eq '^Label +-' out"
runk slot show 77
tells "show: no such slot" 1 'keykist: there is no slot 77; "keykist slot list" says which there are\.?'
runk slot show 0123456789abcdef
tells "show: no such serial number" 1 'keykist: no slot has a token with the serial number 0123456789abcdef; .*'
runk slot show
check "show: which one must be said" test "$status" = 2

for label in sealed file; do
    serial=$(serial_of "$label")
    slot=$(slot_of "$label")
    check "$label: it is there" test "$(state_of "$label")" = present
    runk slot unplug "$slot"
    said "$label: unplug" 0 "Token \"$label\" (serial S, slot N): unplugged." ""
    check "$label: it is not there any more" test "$(state_of "$label")" = unplugged
    check "$label: it is no token that is listed" test "$(labels_of_tokens)" = \
        "$(test "$label" = sealed && echo file || echo sealed)"
    runk token show --serial "$serial"
    tells "$label: nor one that is found" 1 'keykist: no token has this serial number.*'
    runk slot unplug "$serial"
    said "$label: once more" 0 "Token \"$label\" (serial S, slot N): unplugged." ""
    run --show-slots
    check "$label: softhsm2-util shows the empty slot" test \
        "$(grep -c 'Token present:    no' out)" = 1
    runk backup create --slot "$slot" --out b --passphrase-file pass
    check "$label: no backup is made of it" test "$status" = 1
    runk slot plug "$serial"
    said "$label: plug" 0 "Token \"$label\" (serial S, slot N): plugged." ""
    check "$label: it is back" test "$(state_of "$label") $(slot_of "$label")" = "present $slot"
    check "$label: its PIN is as it was" keykist pin change --serial "$serial" --pin 1234 \
        --new-pin 1234
done

runk slot unplug 0123456789abcdef
tells "no such serial number" 1 'keykist: no token has this serial number'
runk slot unplug 4711471
tells "no such slot" 1 'keykist: no token is in this slot'
runk slot unplug here
tells "no number" 1 'keykist: The slot number is not a number: "here".'
bare slot unplug
tells "nothing given" 2 'keykist: SLOT\|SERIAL is missing; see "keykist slot unplug --help"'

runk slot unplug "$(slot_of sealed)" --json
check "unplug, as JSON" test "$status $(json 'd["result"]')" = "0 unplugged"
keykist slot plug "$(keykist slot list --json | python3 -c 'import json, sys
print([s["serial"] for s in json.load(sys.stdin)["slots"] if s["state"] == "unplugged"][0])')" > out 2>&1
keykist slot unplug "$(slot_of file)" > out 2>&1
check "a token that is gone leaves nothing" sh -c "
    '$KK_KEYKIST' token delete --token sealed --yes --module '$MODULE' < /dev/null > out 2>&1 &&
    test \"\$(ls '$TOKENS' | wc -l)\" = 1"
finish
