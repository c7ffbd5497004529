#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# mechanisms.policy: what refuses to start and says why, and tokens that change from Argon2id to PBKDF2
# and back with it.
. "$(dirname "$0")/keykist_lib.sh"

if [ -n "${KK_SANITIZED:-}" ]; then
    echo "1..0 # SKIP pkcs11-tool cannot load a sanitized module by itself"
    exit 0
fi

chmod 700 "$TOKENS"
MODULES=${OPENSSL_MODULES:-$(openssl version -m | sed -n 's/.*"\(.*\)".*/\1/p')}

# conf LINE...: the configuration, with these lines behind the directories; the log is empty.
conf()
{
    {
        echo "directories.tokendir = $TOKENS"
        echo "log.file = $WORK/log"
        echo "pin.kdf = test"
        for line; do
            echo "$line"
        done
    } > "$SOFTHSM2_CONF"
    : > "$WORK/log"
}

# refused NAME PATTERN: no module starts, and one line says why, in the log or where there is none yet.
refused()
{
    run --show-slots
    cat "$WORK/err" >> "$WORK/log"
    check "$1" sh -c "test $status != 0 && ! grep -q '^Slot' '$WORK/out' &&
        test \"\$(grep -Ec '$2' '$WORK/log')\" = 1"
    grep -Eq "$2" "$WORK/log" || explain log "$2" "$(cat "$WORK/log")"
}

# logs_in NAME PIN: a key is seen with this PIN.
logs_in()
{
    check "$1" sh -c "pkcs11-tool --module '$MODULE' --login --pin '$2' -O 2>/dev/null | grep -q 'label: *held'"
}

conf "mechanisms.policy = FIPS"
run --show-slots
check "an unknown policy is no policy" sh -c "test $status != 0 && ! grep -q '^Slot' '$WORK/out'"
runk doctor
check "... as doctor says" grep -Eq "^bad +configuration +.*mechanisms.policy cannot be FIPS" "$WORK/out"
conf "mechanisms.policy = fips" "mechanisms.fips_config = $WORK/nowhere"
refused "fips without the file of fipsinstall" "fips: $WORK/nowhere cannot be read: No such file"
echo "no configuration" > "$WORK/fips.cnf"
conf "mechanisms.policy = fips" "mechanisms.fips_config = $WORK/fips.cnf"
refused "fips with a file that is none" "fips.cnf is not what .openssl fipsinstall. writes"
printf '[fips_sect]\nactivate = 1\nmodule-mac = 00:11\n' > "$WORK/fips.cnf"
refused "fips with another module's figures, or without the provider" "FIPS provider does not load with"

conf
run --init-token --free --label held --so-pin 12345678 --pin 8765-held
check "a token is made without a policy" test "$status" = 0
pkcs11-tool --module "$MODULE" --login --pin 8765-held --keygen --key-type AES:16 --label held > "$WORK/out" 2>&1
logs_in "... and opens" 8765-held

if [ -e "$MODULES/fips.so" ] && openssl fipsinstall -module "$MODULES/fips.so" -out "$WORK/fips.cnf" \
    > "$WORK/out" 2>&1; then
    conf "mechanisms.policy = fips" "mechanisms.fips_config = $WORK/fips.cnf"
    logs_in "it opens with fips" 8765-held
    check "... whose provider the log names" grep -q "INFO: mechanisms.policy = fips: .*FIPS" "$WORK/log"
    logs_in "... and again, by PBKDF2 now" 8765-held
    pkcs11-tool --module "$MODULE" --login --pin 8765-hels -O > "$WORK/out" 2>&1
    check "... not with another PIN" grep -q CKR_PIN_INCORRECT "$WORK/out"
    check "... MD5 is none of its mechanisms" sh -c \
        "! pkcs11-tool --module '$MODULE' -M 2>/dev/null | grep -Eq 'MD5|DES|HKDF|CHACHA'"
    runk doctor
    check "doctor says what lies outside" sh -c "grep -q '^ok .*FIPS provider is in use' '$WORK/out' &&
        grep -q 'sealing and unsealing of tokens and backups lie outside' '$WORK/out' &&
        grep -q 'no program can tell' '$WORK/out'"
    conf
    logs_in "it opens without a policy" 8765-held
    logs_in "... and again, by Argon2id" 8765-held
else
    skip "a token changes to PBKDF2 and back" "OpenSSL's FIPS provider is not installed"
fi

conf "mechanisms.policy = no-legacy"
logs_in "it opens with no-legacy" 8765-held
check "no-legacy has RSA from 2048 bits on, and no MD5" sh -c \
    "pkcs11-tool --module '$MODULE' -M 2>/dev/null > '$WORK/out'; grep -q 'SHA256-RSA-PKCS, keySize={2048,' '$WORK/out' &&
    ! grep -Eq 'MD5|DES3' '$WORK/out'"
pkcs11-tool --module "$MODULE" --login --pin 8765-held --keypairgen --key-type rsa:1024 > "$WORK/out" 2>&1
check "... and makes no smaller ones" grep -q CKR_KEY_SIZE_RANGE "$WORK/out"

finish
