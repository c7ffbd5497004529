#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# --show-slots, byte for byte: its padding and its order too.
. "$(dirname "$0")/lib.sh"

# block SLOT SERIAL YES LABEL: what is printed of one slot; versions as the module says.
block()
{
    printf 'Slot %s\n' "$1"
    printf '    Slot info:\n'
    printf '        Description:      %-64s\n' "SoftHSM slot ID $(printf '0x%x' "$1")"
    printf '        Manufacturer ID:  %-32s\n' "SoftHSM project"
    printf '        Hardware version: 2.6\n'
    printf '        Firmware version: 2.6\n'
    printf '        Token present:    yes\n'
    printf '    Token info:\n'
    printf '        Manufacturer ID:  %-32s\n' "SoftHSM project"
    printf '        Model:            %-16s\n' "SoftHSM v2"
    printf '        Hardware version: 2.6\n'
    printf '        Firmware version: 2.6\n'
    printf '        Serial number:    %-16s\n' "$2"
    printf '        Initialized:      %s\n' "$3"
    printf '        User PIN init.:   %s\n' "$3"
    printf '        Label:            %-32s\n' "$4"
}

same()
{
    if cmp -s "$WORK/expected" "$WORK/out" && [ "$status" = 0 ] && [ ! -s "$WORK/err" ]; then
        pass "$1"
    else
        fail "$1"
        diff "$WORK/expected" "$WORK/out" | sed 's/^/# /'
    fi
}

run --show-slots
{
    echo "Available slots:"
    block 0 "" no ""
} > "$WORK/expected"
same "no token: one uninitialised slot"

make_token demo
run --show-slots
{
    echo "Available slots:"
    block "$(slot_of demo)" "$(serial_of demo)" yes demo
    block 1 "" no ""
} > "$WORK/expected"
same "one token: the uninitialised slot comes last"

serial=$(serial_of demo)
low=$(printf '%d' "0x$(printf '%s' "$serial" | cut -c9-16)")
check "the slot follows from the serial" test $((low & 0x7fffffff)) = "$(slot_of demo)"

make_token second
run --show-slots
check "the order of the initialised slots is rising" \
    sh -c "grep '^Slot [0-9]' '$WORK/out' | sed '\$d' | awk '{ print \$2 }' | sort -n -C"
check "three slots" test "$(grep -c '^Slot [0-9]' "$WORK/out")" = 3

finish
