#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# keykist backup create, show, verify, restore.
. "$(dirname "$0")/keykist_lib.sh"

cd "$WORK" || exit 1
keykist token init --label t --so-pin 12345678 --pin 1234 > token.out 2>&1 ||
    bail "no token: $(cat token.out)"
"$KK_UTIL" --module "$MODULE" --import "$KEYS/rsa.pem" --token t --label key --id 01 --pin 1234 \
    > import.out 2>&1 || bail "no key: $(cat import.out)"
openssl genpkey -algorithm X25519 -out x.key 2> /dev/null && openssl pkey -in x.key -pubout -out x.pub &&
    openssl genpkey -algorithm RSA -out r.key 2> /dev/null && openssl pkey -in r.key -pubout -out r.pub &&
    openssl genpkey -algorithm X25519 -out other.key &&
    openssl genpkey -algorithm ED25519 -out e.key && openssl pkey -in e.key -pubout -out e.pub &&
    openssl pkey -in x.pub -pubin -pubout -outform DER -out x.der &&
    openssl pkcs8 -topk8 -in x.key -passout pass:keyfile-secret -out x.enc ||
    bail "no keys"
echo "correct horse" > pass
echo "wrong horse" > wrong

serial_now()
{
    "$KK_KEYKIST" token show --json --module "$MODULE" | sed -n 's/.*"serial": "\(.*\)".*/\1/p'
}
serial=$(serial_now)

# ---- create

runk backup create
tells "create wants --out" 1 'keykist: where is the backup to go\? Use --out FILE'
runk backup create --out b
tells "... and something to seal it" 1 \
    'keykist: what is to seal the backup\? Use --recipient or --passphrase-file'
runk backup create --out b --recipient x.pub --passphrase-file pass
tells "... one of them" 1 'keykist: a backup is sealed for recipients or for a passphrase, not for both'
runk backup create --out b --passphrase short
tells "a passphrase too short" 1 'keykist: the passphrase must have at least 8 bytes'
runk backup create --out b --recipient none.pub
tells "no such recipient" 1 'keykist: none\.pub: it cannot be read'
runk backup create --out b --recipient pass
tells "a recipient that is no key" 1 'keykist: pass: it holds no public key .*'
runk backup create --out b --recipient e.pub
tells "a key of no use" 1 \
    'keykist: b: The token could not be backed up: only X25519 and RSA keys can be used\.'
check "none of these made a file" sh -c '! ls b* > /dev/null 2>&1'

# shellcheck disable=SC2046
runk backup create --out b $(for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do
    echo "--recipient x.pub"; done)
tells "too many recipients" 2 'keykist: --recipient is given too often; .*'

runk backup create --token t --out p.kkb --passphrase-file pass
said "create" 0 'Token "t" (serial S, slot N): backed up, 1 private and 1 public objects.' ""
check "... readable by its owner only" test "$(stat -c %a p.kkb)" = 600
runk backup --token t --out r.kkb --recipient x.pub --recipient r.pub
check "the short form" test "$status $(wc -c < r.kkb)" != "0 0"
runk backup --token t --out der.kkb --recipient x.der
check "a recipient in DER" test "$status" = 0
"$KK_KEYKIST" backup --token t --out - --passphrase-file pass --module "$MODULE" > out.kkb 2> err
check "to standard output" sh -c 'test ! -s err && cmp -s -n 16 out.kkb p.kkb'
check "no temporary file is left" test "$(find . -maxdepth 1 -name '*.kkb*' | wc -l)" = 4
if [ -e /dev/full ]; then
    runk backup --token t --out /dev/full --passphrase-file pass
    tells "a full disk" 1 'keykist: /dev/full: it cannot be written: No space left on device'
fi
runk backup --token t --out nowhere/b --passphrase-file pass
tells "no such directory" 1 'keykist: nowhere/b: it cannot be written: No such file or directory'
echo old > keep
runk backup --token t --out keep --recipient e.pub
check "a failure leaves the old file" test "$(cat keep)" = old

check "nothing of the token is in clear" sh -c "! grep -q -a -e '$serial' -e 'key' p.kkb r.kkb"

# ---- show, verify

runk backup show p.kkb --json
check "show without a key" test "$status $(json 'd["state"], d["label"], d["sealed_for"]')" = \
    "0 ('not opened', None, 'a passphrase (Argon2id, 1 pass over 8 MiB)')"
runk backup show r.kkb --json
check "... its recipients" test "$(json 'd["sealed_for"].split(":")[0]')" = "2 recipients"
runk backup show r.kkb --json --identity r.key
check "show with a key" test \
    "$(json 'd["state"], d["label"], d["private_objects"], d["needs_pepper"]')" = \
    "('whole', 't', 1, False)"
check "... the serial number" test "$(json 'd["serial"]')" = "$serial"
runk backup show pass
tells "what is no backup" 1 'keykist: pass: It cannot be shown: it is not a file of keykist backup\.'
runk backup show none
tells "no such file" 1 'keykist: none: it cannot be read: No such file or directory'
runk backup verify p.kkb
tells "verify wants a key" 1 'keykist: what opens the backup\? Use --passphrase-file or --identity'
runk backup verify p.kkb --passphrase-file wrong
tells "a wrong passphrase" 1 \
    'keykist: p\.kkb: The check failed: it is sealed for another passphrase or key\.'
runk backup verify r.kkb --identity other.key
tells "somebody else's key" 1 \
    'keykist: r\.kkb: The check failed: it is sealed for another passphrase or key\.'
runk backup verify r.kkb --identity x.enc --passphrase keyfile-secret --so-pin 12345678
check "an encrypted key file, and the SO's PIN" grep -q 'whole, and sound with the PIN' out
runk backup verify r.kkb --identity x.enc --passphrase wrong-secret
tells "... its wrong passphrase" 1 'keykist: x\.enc: the passphrase does not open it'
runk backup verify p.kkb --passphrase-file pass --pin 1234
check "the user's PIN" grep -q 'whole, and sound with the PIN' out
runk backup verify p.kkb --passphrase-file pass --pin 4321
tells "a wrong PIN" 1 'keykist: p\.kkb: The check failed: the PIN is wrong \(CKR_PIN_INCORRECT\)\.'
for cut in 10 60 200 1000; do
    head -c "$cut" p.kkb > part
    runk backup verify part --passphrase-file pass
    check "cut off after $cut bytes" test "$status $(wc -l < err)" = "1 1"
done
(cat p.kkb; echo) > longer
runk backup verify longer --passphrase-file pass
tells "a byte too many" 1 'keykist: longer: The check failed: it is damaged or not whole\.'

# ---- restore

runk restore p.kkb --passphrase-file pass
tells "restore wants a PIN" 1 \
    'keykist: the SO PIN is missing: use --so-pin-file, --so-pin-env or --so-pin'
runk restore p.kkb --passphrase-file pass --so-pin 12345678
tells "the token is there" 1 \
    "keykist: p\\.kkb: It cannot be restored: there is a token of its serial number; .*"
runk restore p.kkb --passphrase-file pass --so-pin 12345678 --replace
tells "replacing wants --yes" 1 "keykist: A token of the backup's serial number, .*: say --yes .*"
slot=$(slot_of t)
before=$(ls "$TOKENS")
runk restore part --passphrase-file pass --so-pin 12345678 --replace --yes
check "a file that is not whole replaces nothing" test "$status $(ls -A "$TOKENS")" = "1 $before"
runk restore p.kkb --passphrase-file pass --so-pin 12345678 --replace --yes
said "restore --replace" 0 'Token "t" (serial S, slot N): restored, with the master keys that it had.' ""
check "... one token is there, another directory" test "$(ls -A "$TOKENS" | wc -l) $(ls "$TOKENS")" != "1 $before"
check "... of the same serial and slot" test "$(serial_now) $(slot_of t)" = "$serial $slot"
runk token delete --token t --yes
"$KK_KEYKIST" backup restore - --identity x.key --so-pin 12345678 --json --module "$MODULE" \
    < r.kkb > out 2> err
check "restore from standard input, as JSON" test "$(json 'd["token"]["serial"]')" = "$serial"
runk pin change --pin 1234 --new-pin 4321
check "... the PIN is the one of the backup" test "$status" = 0

# New master keys on the way. The PINs stay; the old keys are in no file of the token's.
keykist token delete --token t --yes > /dev/null
runk restore p.kkb --passphrase-file pass --so-pin 12345678 --rekey
tells "--rekey wants the user's PIN too" 1 'keykist: the user PIN is missing: use --pin-file, .*'
runk restore p.kkb --passphrase-file pass --so-pin 12345678 --pin 4321 --rekey
tells "... the right one" 1 'keykist: p\.kkb: It cannot be restored: the PIN is wrong \(CKR_PIN_INCORRECT\)\.'
runk restore p.kkb --passphrase-file pass --so-pin 12345678 --pin 1234 --rekey --damaged
tells "... and a sound token" 1 'keykist: a damaged token gets no new keys: --rekey or --damaged'
check "... else there is no token" test "$(ls -A "$TOKENS" | wc -l)" = 0
runk restore p.kkb --passphrase-file pass --so-pin 12345678 --pin 1234 --rekey
said "restore --rekey" 0 'Token "t" (serial S, slot N): restored, with new master keys.' ""
runk token check --token t --pin 1234
check "... all of it is sound" grep -q '1 private and 1 public objects are sound' out
runk object list --token t --pin 1234
check "... and nothing waits for a rekey" sh -c "test $status = 0 && ! '$KK_KEYKIST' doctor --module '$MODULE' | grep -q rekey"
runk restore p.kkb --passphrase-file pass --so-pin 12345678 --pin 1234 --rekey --replace --yes
check "... and again over it" test "$status $(ls -A "$TOKENS" | wc -l)" = "0 1"
runk pin change --pin 1234 --new-pin 4321

# A token with a pepper comes back where the pepper is.
keykist token delete --token t --yes > /dev/null
mkdir creds
printf '0123456789abcdef0123456789abcdef' > creds/pepper
cp "$SOFTHSM2_CONF" plain.conf
echo "token.pepper = credential:pepper" >> "$SOFTHSM2_CONF"
CREDENTIALS_DIRECTORY=$WORK/creds keykist token init --label p --so-pin 12345678 --pin 1234 > /dev/null
CREDENTIALS_DIRECTORY=$WORK/creds runk backup --token p --out pepper.kkb --passphrase-file pass
said "a peppered token" 0 "Token \"p\" (serial S, slot N): backed up, 0 private and 0 public objects; \
to be of use, it needs the token's pepper too." ""
keykist token delete --token p --yes > /dev/null
runk restore pepper.kkb --passphrase-file pass --so-pin 12345678
tells "... without its pepper" 1 'keykist: pepper\.kkb: .* or needs another pepper or TPM; the log says more\.'
CREDENTIALS_DIRECTORY=$WORK/creds runk restore pepper.kkb --passphrase-file pass --so-pin 12345678
check "... with it" test "$status" = 0
finish
