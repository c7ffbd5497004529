#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist on tokens with a TPM behind their PINs, on our own module and a plug-in that has no TPM: rekey,
# check and repair, backups, tokens in SoftHSM's format, and what doctor says.
#
# KK_FAKE_PLUGIN  the plug-in
. "$(dirname "$0")/keykist_lib.sh"

KEYKIST_TPM2_PLUGIN=$KK_FAKE_PLUGIN
export KEYKIST_TPM2_PLUGIN
pins="--so-pin $SO_PIN --pin $PIN"
sed 's/^log.level = .*/log.level = WARNING/' "$SOFTHSM2_CONF" > "$WORK/plain.conf"

# conf LINE...: the plain configuration and these lines; an empty log.
conf()
{
    cp "$WORK/plain.conf" "$SOFTHSM2_CONF"
    for line in "$@"; do
        echo "$line" >> "$SOFTHSM2_CONF"
    done
    : > "$WORK/log"
}

logs()
{
    check "$1" grep -q "$2" "$WORK/log"
}

conf "pin.guard = tpm2" "tpm2.tcti = fake:one"
make_token t
util --import "$KEYS/ec.pem" --label pair --id 01 --token t --pin "$PIN" > /dev/null ||
    bail "no objects"

runk token check --token t --pin "$PIN"
check "a guarded token is sound" grep -q '1 private and 1 public objects are sound' "$WORK/out"
# shellcheck disable=SC2086 # options
runk token rekey --token t $pins
check "it gets new keys" test "$status" = 0

conf "pin.guard = tpm2" "tpm2.tcti = fake:gone"
runk token check --token t --pin "$PIN"
tells "without its TPM, a check with a PIN says so" 1 \
    'keykist: Could not check the token: .* a TPM or pepper is not there; the log says more .*'
logs "... and the log what is missing" "needs the TPM (pin.guard): fake: there is no TPM"
runk token check --token t
check "... a check without one finds no damage" test "$status" = 0
# shellcheck disable=SC2086 # options
runk token rekey --token t $pins
tells "... rekey leaves it alone" 1 \
    'keykist: the token keeps the keys it has: .* a TPM or pepper is not there; the log says more'
# shellcheck disable=SC2086 # options
runk token repair --token t $pins
check "... and repair makes nothing of it" sh -c \
    "test $status = 1 && test \$(ls '$TOKENS' | wc -l) = 1"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    runk token check --token t --pin wrong
done
conf "pin.guard = tpm2" "tpm2.tcti = fake:one"
runk token check --token t --pin "$PIN"
check "no try was counted meanwhile, and the keys open with the TPM" test "$status" = 0

# Backups.
cd "$WORK" || exit 1
printf 'a passphrase\n' > pass
runk backup --token t --out t.kkb --passphrase-file pass
said "a backup says what it needs" 0 "Token \"t\" (serial S, slot N): backed up, 1 private and 1 public objects; \
to be of use, it needs the TPM that guards the token's PINs." ""
runk backup show t.kkb --passphrase-file pass --json
check "... and what is in it, too" test "$(json 'd["needs_pepper"], d["needs_tpm"]')" = "(False, True)"
keykist token delete --token t --yes > /dev/null
conf "pin.guard = tpm2" "tpm2.tcti = fake:two"
runk restore t.kkb --passphrase-file pass --so-pin "$SO_PIN"
tells "at another TPM it is not restored" 1 'keykist: t\.kkb: .* needs another pepper or TPM; the log says more\.'
logs "... as the log says" "it is another TPM's"
conf "pin.guard = tpm2" "tpm2.tcti = fake:one"
runk restore t.kkb --passphrase-file pass --so-pin "$SO_PIN"
check "at its own it is" test "$status" = 0
runk token check --token t --pin "$PIN"
check "... whole" grep -q '1 private and 1 public objects are sound' out
keykist token delete --token t --yes > /dev/null

# SoftHSM's format.
conf "pin.guard = tpm2" "tpm2.tcti = fake:one" "objectstore.backend = file"
make_token s
logs "a token in SoftHSM's format has no guard" "in SoftHSM's format: pin.guard does nothing for its PINs"
runk doctor
check "... as doctor says" grep -Eq '^note +tokens +"s" .*: pin.guard does nothing for its PINs' out
conf "pin.guard = tpm2" "tpm2.tcti = fake:gone"
# shellcheck disable=SC2086 # options
runk token upgrade --token s $pins
tells "it is not upgraded without a TPM" 1 'keykist: the token is damaged, or a TPM or pepper is not there; .*'
conf "pin.guard = tpm2" "tpm2.tcti = fake:one"
# shellcheck disable=SC2086 # options
runk token upgrade --token s $pins
check "an upgrade gives it one" test "$status" = 0
conf "tpm2.tcti = fake:gone"
runk token check --token s --pin "$PIN"
check "... and then it needs the TPM" test "$status" = 1
logs "... says the log" "needs the TPM (pin.guard): fake: there is no TPM"
conf "tpm2.tcti = fake:one"
# shellcheck disable=SC2086 # options
runk token downgrade --token s $pins
check "a downgrade takes it away" test "$status" = 0
conf "tpm2.tcti = fake:gone" "objectstore.backend = file"
check "... and the PIN opens it without a TPM" util --import "$KEYS/ec.pem" --label pair --id 01 --token s \
    --pin "$PIN"

# The TPM's own lockout is no failed PIN, and the audit log says which it was.
conf
make_token l
conf "pin.guard = tpm2" "tpm2.tcti = fake:locked" "audit.log = on"
runk object list --token l --pin "$PIN" # brings the guard
runk object list --token l --pin "$PIN"
logs "a TPM that takes no PIN" "the TPM takes no PIN for now"
runk audit show --token l --json
check "... in the audit log" test \
    "$(json 'sum(e["event"] == "guard-locked" and e["tried"] == "user" for e in d["entries"])')" = 1
check "... is no failed PIN" test "$(json 'sum(e["event"] == "pin-failed" for e in d["entries"])')" = 0
keykist token delete --token l --yes > /dev/null

# doctor.
conf "pin.guard = tpm2" "tpm2.tcti = fake:one" "pin.auto = tpm2:$WORK/pin"
runk doctor
check "doctor on guards" grep -Eq '^note +PINs +pin.guard = tpm2: ' out
check "... tells nobody how quickly PINs are guessed" sh -c "! grep -q 'one try takes' out"
check "... on logins without a PIN" grep -Eq '^note +PINs +pin.auto = tpm2:.* is logged in' out
bare pepper create --tpm2 "$WORK/keykist-pepper.tpm2"
conf "token.pepper = tpm2" "tpm2.tcti = fake:one"
runk doctor
check "... on a pepper of the TPM" grep -Eq "^ok +pepper +.* only this machine's TPM opens it" out
conf "token.pepper = tpm2" "tpm2.tcti = fake:two"
runk doctor
check "... that is another one's" grep -Eq "^bad +pepper +token.pepper = tpm2 cannot be read" out
conf "pin.guard = tpm2"
KEYKIST_TPM2_PLUGIN=/nowhere/plugin.so
runk doctor
check "... on a missing plug-in" grep -Eq "^bad +TPM +the TPM plug-in /nowhere/plugin.so cannot be used" out
finish
