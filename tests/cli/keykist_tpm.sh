#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist pepper create, keykist pin seal, on a plug-in that has no TPM behind it.
. "$(dirname "$0")/keykist_lib.sh"

KEYKIST_TPM2_PLUGIN=$KK_FAKE_PLUGIN
export KEYKIST_TPM2_PLUGIN
echo "tpm2.tcti = fake:one" >> "$SOFTHSM2_CONF"

bare pepper create
tells "pepper create: no file" 1 'keykist: which file\? Use --tpm2 FILE'
bare pepper create --tpm2 "$WORK/pepper"
said "pepper create" 0 "Pepper sealed by the TPM into WORK/pepper." ""
check "... for its owner's eyes only" test "$(stat -c %a "$WORK/pepper")" = 600
sum=$(cksum < "$WORK/pepper")
bare pepper create --tpm2 "$WORK/pepper"
tells "... and never in place of another one" 1 'keykist: .*/pepper is there already: .*'
check "... which stays as it was" test "$(cksum < "$WORK/pepper")" = "$sum"
bare pepper create --tpm2 "$WORK/second" --json
check "... as JSON" test "$status $(json 'd["result"]')" = "0 sealed"
check "two peppers are two" test "$(cksum < "$WORK/second")" != "$sum"
bare pepper create --tpm2 "$WORK/none/pepper"
tells "a folder that is not there" 1 'keykist: Could not write .*/none/pepper: No such file or directory'
for list in 24 x '7,' ',7' 7,,11 -1 7x ''; do
    bare pepper create --tpm2 "$WORK/third" --pcrs "$list"
    tells "--pcrs '$list'" 1 'keykist: --pcrs is a list of numbers from 0 to 23: "7,11"'
done
bare pepper create --tpm2 "$WORK/third" --pcrs 0,7,23
check "--pcrs 0,7,23" test "$status" = 0

bare pin seal --pin 1234 --tpm2 "$WORK/pin"
said "pin seal" 0 "PIN sealed by the TPM into WORK/pin." ""
bare pin seal --pin 4321 --tpm2 "$WORK/pin"
check "... again, in place of the old one" test "$status" = 0
bare pin seal --tpm2 "$WORK/pin"
tells "pin seal: no PIN" 1 'keykist: the user PIN is missing: .*'
bare pin seal --pin "$(printf '%0129d' 0)" --tpm2 "$WORK/pin"
tells "pin seal: a PIN too long" 1 'keykist: a TPM seals PINs of at most 128 bytes'

echo "tpm2.tcti = fake:gone" >> "$SOFTHSM2_CONF"
bare pepper create --tpm2 "$WORK/fourth"
tells "without a TPM" 1 'keykist: fake: there is no TPM'
check "... nothing is written" test ! -e "$WORK/fourth"
KEYKIST_TPM2_PLUGIN=/nowhere/plugin.so
bare pin seal --pin 1234 --tpm2 "$WORK/fourth"
tells "without the plug-in" 1 'keykist: the TPM plug-in /nowhere/plugin\.so cannot be used: .*'
finish
